"""A model run over windows of text, and what flows at one of its sites read off, but for rows of huge norm.

Where nothing stands before a text, a transformer's attention goes to the first token by default, and a few others may
take that part: their norms are tens to thousands of times the median. One such row weighs as much as thousands of
others in a mean square, and a dictionary spends features on it.

References
----------
Xiao et al. 2024, "Efficient streaming language models with attention sinks", ICLR. Sun et al. 2024, "Massive
activations in large language models", COLM.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from overica.lm.collecting.model import LanguageModel
from overica.lm.collecting.sites import Site
from overica.lm.collecting.windows import Window, batch_of, by_length
from overica.lm.store.filling import ShardRows

PILOT_TOKENS = 8192
"""Tokens from the beginning of the texts whose median norm sets the limit."""


def norms_of(X: np.ndarray) -> np.ndarray:
    """Euclidean norms of rows, (n_rows,) float64."""
    return np.sqrt(np.einsum("ij,ij->i", X, X, dtype=np.float64))


def not_longer(X: np.ndarray, largest: float) -> np.ndarray:
    """Which rows stay, (n_rows,) bool; those that are not finite do, and are told of when they are written.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.lm.collecting.reader import not_longer
    >>> not_longer(np.array([[3.0, 4.0], [30.0, 40.0]]), 20.0)
    array([ True, False])
    """
    norms = norms_of(X)
    return ~(np.isfinite(norms) & (norms > largest))


def skipped_words(skipped: Mapping[str, int], n_rows: int, max_norm: float) -> str:
    """What was left out, in a sentence; empty if nothing was.

    Examples
    --------
    >>> from overica.lm.collecting.reader import skipped_words
    >>> skipped_words({"first": 8, "norm": 2}, 990, 10.0)
    '10 of 1000 tokens (1 %): 8 first of their context, 2 of a norm over 10 times the median'
    """
    parts = {
        "first": "first of their context",
        "norm": f"of a norm over {max_norm:g} times the median",
    }
    told = [f"{skipped[reason]} {words}" for reason, words in parts.items() if skipped.get(reason)]
    n = sum(skipped.values())
    if not told:
        return ""
    return f"{n} of {n + n_rows} tokens ({100 * n / (n + n_rows):.2g} %): {', '.join(told)}"


@dataclass(frozen=True, eq=False)
class Reader:
    """Reads the rows of windows, some at a time."""

    model: LanguageModel
    site: Site
    batch_size: int

    def fill(self, rows: ShardRows, group: Sequence[Window], largest: float, bar: Any) -> None:
        """Write the activations of a group of windows to their rows, all but those that are to be skipped."""
        starts = np.cumsum([0, *map(len, group)])
        late = np.concatenate([window.kept for window in group])
        kept = late.copy()
        for chosen in by_length(group, self.batch_size):
            X = stream_of(self.model, self.site, [group[i] for i in chosen])
            targets = np.concatenate([starts[i] + np.flatnonzero(group[i].kept) for i in chosen])
            stay = not_longer(X, largest)
            rows[targets[stay]] = X[stay]
            kept[targets] = stay
            bar.update(sum(len(group[i]) for i in chosen))
        rows.keep(kept, first=int((~late).sum()), norm=int((late & ~kept).sum()))

    def median_norm(self, group: Sequence[Window]) -> float:
        """Median norm of the first few thousand rows; 0 where there are none."""
        norms: list[np.ndarray] = []
        for start in range(0, len(group), self.batch_size):
            part = group[start : start + self.batch_size]
            norms.append(norms_of(stream_of(self.model, self.site, part)))
            if sum(map(len, norms)) >= PILOT_TOKENS:
                break
        found = np.concatenate(norms)
        return float(np.median(found)) if len(found) else 0.0


@torch.inference_mode()
def stream_of(model: LanguageModel, site: Site, group: Sequence[Window]) -> np.ndarray:
    """What flows at a site at tokens that have a row, (n_rows, n_features) float32, window after window."""
    batch = batch_of(model, group)
    seen: list[torch.Tensor] = []
    with site.hooked(seen.append):
        model(batch.ids, batch.mask)
    rows: np.ndarray = seen[0][batch.rows].float().cpu().numpy()
    return rows
