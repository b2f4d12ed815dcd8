"""The lasso of a batch of samples on a dictionary, as tensors: what column generation works on."""

from __future__ import annotations

from dataclasses import dataclass

import torch

_BLOCK = 32
"""Columns of which the one that violates most is a candidate: maxima are cheaper than an order of them all."""
_SHARE = 0.1
"""Violation, as a share of the gap asked for and of the penalty, that counts as none."""


@dataclass(frozen=True)
class Columns:
    """A dictionary, padded with columns of zeros to whole blocks, at least one: what stands for no column."""

    A: torch.Tensor
    """(n_features, n_padded)."""
    rows: torch.Tensor
    """The same by columns, (n_padded, n_features)."""
    n_components: int
    """How many there are, and the place of one that is none."""
    longest: float
    """Largest norm."""
    wide: torch.Tensor
    """`rows` in double precision."""

    @classmethod
    def of(cls, A: torch.Tensor) -> Columns:
        """Of a matrix (n_features, n_components)."""
        n = A.shape[1]
        padded = torch.nn.functional.pad(A, (0, _BLOCK - n % _BLOCK))
        longest = float(torch.linalg.vector_norm(A, dim=0).max())
        rows = padded.T.contiguous()
        return cls(padded, rows, n, longest, rows.double())

    @property
    def rounding(self) -> float:
        """What products of a column and a residual are off by at most, relative to their norms, in any order."""
        return (self.n_features + 2) * torch.finfo(self.A.dtype).eps / 2

    @property
    def n_features(self) -> int:
        """Length of a column."""
        return int(self.A.shape[0])


@dataclass(frozen=True)
class Lasso:
    """``|x - A s|^2 / 2 + penalty |s|_1`` for every sample, and how exactly it is minimised."""

    columns: Columns
    penalty: float
    nonnegative: bool
    """Whether codes cannot be negative."""
    tol: float
    """Duality gap, relative to the objective."""

    @property
    def bar(self) -> float:
        """Size of a correlation from which on a column belongs to the support."""
        return self.penalty * (1 + _SHARE * self.tol)

    def size(self, V: torch.Tensor) -> torch.Tensor:
        """What of correlations is held against the penalty."""
        return V if self.nonnegative else V.abs()

    def largest(self, V: torch.Tensor, most: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Positions and values of the largest correlations, in this order: of those that are largest in their block.

        A block takes every so many columns.
        """
        n_blocks = V.shape[1] // _BLOCK
        best, within = self.size(V).unflatten(1, (_BLOCK, n_blocks)).max(dim=1)
        block = best.topk(min(most, n_blocks), dim=1).indices
        places = within.gather(1, block) * n_blocks + block
        return places, V.gather(1, places)
