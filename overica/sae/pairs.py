"""Which pairs of decoder directions an orthogonality penalty looks at, and with what weight.

What a pair pays is in `overica.sae.cosine_costs`. Of n directions in d dimensions the first
`n_frozen` do not move; pairs of two frozen ones are never looked at.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import torch
from sklearn.base import BaseEstimator
from torch import Tensor


class Pairs(BaseEstimator, ABC):
    """A choice of pairs.

    Called with unit directions U (n, d), codes (batch, n), the trainer's step and what ranks
    neighbours, it returns two tensors of one shape: cosines, through which gradients flow, and
    weights >= 0, constants. Pairs with weight 0 do not count.
    """

    @abstractmethod
    def __call__(
        self,
        U: Tensor,
        codes: Tensor,
        step: int,
        nearness: Callable[[Tensor], Tensor],
        n_frozen: int = 0,
    ) -> tuple[Tensor, Tensor]:
        """Cosines of the chosen pairs, and their weights."""

    def values(self) -> dict[str, Any]:
        """What is remembered from step to step, in plain values."""
        return {}

    def take(self, values: Mapping[str, Any]) -> None:
        """Remember such values."""


class AllPairs(Pairs):
    """Every pair once, with the same weight: ``n (n - 1) / 2`` of them.

    Time O(n^2 d), memory O(n^2); with m moving directions O(m n d) and O(m n).

    Examples
    --------
    >>> import torch
    >>> cosines, weights = AllPairs()(torch.eye(3), torch.ones(2, 3), 0, torch.abs)
    >>> cosines.shape, int(weights.sum())
    (torch.Size([3, 3]), 3)
    """

    def __call__(
        self,
        U: Tensor,
        codes: Tensor,
        step: int,
        nearness: Callable[[Tensor], Tensor],
        n_frozen: int = 0,
    ) -> tuple[Tensor, Tensor]:
        """See `Pairs.__call__`."""
        return U[n_frozen:] @ U.T, _once(U, n_frozen)


class FiringPairs(Pairs):
    """Pairs whose members fire in the batch, each with the same weight.

    A feature fires where its code is not zero. Time O(n^2 d), memory O(n^2).

    Parameters
    ----------
    silent_partners : bool
        One member that fires is enough. Otherwise a direction that never fires is never moved, and
        can keep the place of one that does.

    References
    ----------
    Both are weighed in the comments of D. Till, "Do sparse autoencoders find true features?"
    (2024).

    Examples
    --------
    >>> import torch
    >>> codes = torch.tensor([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]])
    >>> FiringPairs()(torch.eye(3), codes, 0, torch.abs)[1]
    tensor([[0., 0., 0.],
            [1., 0., 0.],
            [0., 0., 0.]])
    """

    def __init__(self, silent_partners: bool = False) -> None:
        self.silent_partners = silent_partners

    def __call__(
        self,
        U: Tensor,
        codes: Tensor,
        step: int,
        nearness: Callable[[Tensor], Tensor],
        n_frozen: int = 0,
    ) -> tuple[Tensor, Tensor]:
        """See `Pairs.__call__`."""
        fires = (codes != 0).any(dim=0)
        rows, columns = fires[n_frozen:, None], fires[None]
        counts = rows | columns if self.silent_partners else rows & columns
        return U[n_frozen:] @ U.T, counts * _once(U, n_frozen)


class TogetherPairs(Pairs):
    """Pairs that fire in the same sample, weighted by the number of samples in which they do.

    The mean over these weights is that of a pair drawn from all simultaneous firings of the batch.
    Two features that split one, or stand for different combinations of the same parts, exclude
    each other and pay nothing. Time O(n^2 (d + batch)), memory O(n^2).

    Examples
    --------
    >>> import torch
    >>> codes = torch.tensor([[1.0, 1.0, 0.0], [2.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
    >>> TogetherPairs()(torch.eye(3), codes, 0, torch.abs)[1]
    tensor([[0., 0., 0.],
            [2., 0., 0.],
            [0., 1., 0.]])
    """

    def __call__(
        self,
        U: Tensor,
        codes: Tensor,
        step: int,
        nearness: Callable[[Tensor], Tensor],
        n_frozen: int = 0,
    ) -> tuple[Tensor, Tensor]:
        """See `Pairs.__call__`."""
        fires = (codes != 0).to(U.dtype)
        together = fires[:, n_frozen:].T @ fires
        return U[n_frozen:] @ U.T, together * _once(U, n_frozen)


def _once(U: Tensor, n_frozen: int) -> Tensor:
    """Weight 1 for every pair with a moving member, once: partners that come before the row."""
    return torch.ones(len(U) - n_frozen, len(U), dtype=U.dtype, device=U.device).tril(n_frozen - 1)
