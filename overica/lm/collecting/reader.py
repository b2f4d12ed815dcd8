"""A model run over windows of text, and what flows at one of its sites read off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from overica.lm.collecting.model import LanguageModel
from overica.lm.collecting.sites import Site
from overica.lm.collecting.skipping import PILOT_TOKENS, norms_of, not_longer
from overica.lm.collecting.windows import Window, batch_of, by_length
from overica.lm.store.filling import ShardRows


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
