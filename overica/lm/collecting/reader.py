"""A model run over windows of text, and what flows at one of its sites read off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from overica.lm.collecting.model import LanguageModel
from overica.lm.collecting.sites import Site
from overica.lm.collecting.skipping import PILOT_TOKENS, Limit, norms_of
from overica.lm.collecting.windows import Window, batch_of, late_enough
from overica.lm.store.filling import ShardRows


@dataclass(frozen=True, eq=False)
class Reader:
    """Reads the rows of windows, some at a time."""

    model: LanguageModel
    site: Site
    batch_size: int
    skip_first: int

    def fill(self, rows: ShardRows, group: Sequence[Window], limit: Limit, bar: Any) -> None:
        """Write the activations of a group of windows to their rows, all but those that are to be skipped."""
        starts = np.concatenate([[0], np.cumsum([len(window) for window in group])])
        late = np.concatenate([late_enough(self.model, w, self.skip_first) for w in group])
        kept = late.copy()
        # Windows of one length share a batch, so that little is spent on padding.
        order = np.argsort([-len(window) for window in group], kind="stable")
        for first in range(0, len(order), self.batch_size):
            chosen = order[first : first + self.batch_size]
            X = stream_of(self.model, self.site, [group[i] for i in chosen])
            targets = np.concatenate([np.arange(starts[i], starts[i + 1]) for i in chosen])
            kept[targets] &= limit.keeps(X)
            stay = kept[targets]
            rows[targets[stay]] = X[stay]
            bar.update(len(targets))
        rows.keep(kept, first=int((~late).sum()), norm=int((late & ~kept).sum()))

    def median_norm(self, group: Sequence[Window], max_norm: float) -> float:
        """Median norm of the first few thousand rows; 0, and nothing is run, where there is no limit."""
        if not max_norm:
            return 0.0
        norms: list[np.ndarray] = []
        for start in range(0, len(group), self.batch_size):
            part = group[start : start + self.batch_size]
            late = np.concatenate([late_enough(self.model, w, self.skip_first) for w in part])
            norms.append(norms_of(stream_of(self.model, self.site, part)[late]))
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
