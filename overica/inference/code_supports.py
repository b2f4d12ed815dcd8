"""Codes as supports: of each sample the columns that are not zero, in a row as wide as the widest."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

_BY_SAMPLE = ("columns", "values", "gap", "objective", "n_rounds")


@dataclass(frozen=True)
class Supports:
    """Sparse codes of a batch, on the device of its samples."""

    columns: torch.Tensor
    """(n_samples, width), which columns; n_components where a sample has fewer than the widest."""
    values: torch.Tensor
    """(n_samples, width), their codes, zero there."""
    gap: torch.Tensor
    """(n_samples,), float64: a bound on the objective less its minimum; +inf where nothing is known of it."""
    objective: torch.Tensor
    """(n_samples,), float64."""
    n_rounds: torch.Tensor
    """(n_samples,), of the search."""
    n_components: int

    @classmethod
    def empty(cls, like: torch.Tensor, n_components: int) -> Supports:
        """Of as many samples as there are rows, whose codes are not known."""
        rounds = torch.zeros(len(like), dtype=torch.int64, device=like.device)
        gap = torch.full((len(like),), torch.inf, dtype=torch.float64, device=like.device)
        return cls(
            rounds.new_zeros((len(like), 0)),
            like.new_zeros((len(like), 0)),
            gap,
            gap.clone(),
            rounds,
            n_components,
        )

    @classmethod
    def of(cls, codes: torch.Tensor) -> Supports:
        """Of dense codes, with gaps that are not known."""
        on = codes != 0
        order, real = front(on, int(on.sum(dim=1).max()))
        columns = torch.where(real, order, codes.shape[1])
        return replace(
            cls.empty(codes, codes.shape[1]), columns=columns, values=codes.gather(1, order) * real
        )

    @property
    def real(self) -> torch.Tensor:
        """Which entries are no padding."""
        return self.columns < self.n_components

    def dense(self) -> torch.Tensor:
        """Codes (n_samples, n_components)."""
        codes = self.values.new_zeros((len(self.columns), self.n_components))
        # Padding adds zeros to the last column.
        return codes.scatter_add_(1, self.columns.clamp(max=self.n_components - 1), self.values)

    def taken(self, rows: torch.Tensor | slice) -> Supports:
        """Those of some samples."""
        return replace(self, **{name: getattr(self, name)[rows] for name in _BY_SAMPLE})

    def within(self, width: int) -> Supports:
        """The same in rows of this width, into which they fit."""
        return replace(self, columns=self.columns[:, :width], values=self.values[:, :width])

    def put(self, rows: torch.Tensor, found: Supports) -> Supports:
        """These with those of some samples in their place, at these positions: of their memory where they have room."""
        width = max(self.columns.shape[1], found.columns.shape[1])
        whole, part = self._as_wide(width), found._as_wide(width)
        for name in _BY_SAMPLE:
            getattr(whole, name).index_copy_(0, rows, getattr(part, name))
        return whole

    def _as_wide(self, width: int) -> Supports:
        if width == self.columns.shape[1]:
            return self
        more, pad = (0, width - self.columns.shape[1]), torch.nn.functional.pad
        columns = pad(self.columns, more, value=self.n_components)
        return replace(self, columns=columns, values=pad(self.values, more))


def front(on: torch.Tensor, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Positions of what is on, first, `width` of them in every row, and which are real, the others being padding."""
    # A stable sort of the flags lists them in their order.
    flags, order = on.view(torch.uint8).sort(dim=1, descending=True, stable=True)
    return order[:, :width], flags[:, :width].view(torch.bool)
