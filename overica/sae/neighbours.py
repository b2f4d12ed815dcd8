"""Nearest neighbours of decoder directions, by lists that are made anew now and then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from overica._validation import check_scalar
from overica.sae.pairs import Pairs

_SEARCH_ENTRIES = 2**24
"""Cosines held at once while neighbours are searched."""


class NearestPairs(Pairs):
    """Each direction with its k nearest others, from lists that are made anew every r steps.

    A search costs O(n^2 d) time and, in blocks, O(n) memory and no gradient; a step between two
    searches O(n k d). With k = r = 1 it is the nearest neighbour at every step. A list goes stale
    as directions move, which takes longer than the few hundred steps that a search can be spread
    over. The list belongs to one fit: it is made anew when the width changes or the step does not
    advance.

    Parameters
    ----------
    n_neighbours : int
        k, at least 1; fewer where the dictionary has no more.
    every : int
        r, at least 1.
    firing : bool
        Only directions whose feature fires in the batch look at their neighbours; these may be
        silent, and are moved with them.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    References
    ----------
    Neighbour lists: C. Steiner in the comments of D. Till, "Do sparse autoencoders find true
    features?" (2024).

    Examples
    --------
    >>> import torch
    >>> U = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    >>> NearestPairs()(U, torch.ones(1, 3), 0, torch.abs)[0]
    tensor([[0.8000],
            [0.8000],
            [0.6000]])
    """

    def __init__(self, n_neighbours: int = 1, every: int = 1, firing: bool = False) -> None:
        check_scalar(n_neighbours, "n_neighbours", minimum=1, integer=True)
        check_scalar(every, "every", minimum=1, integer=True)
        self.n_neighbours = n_neighbours
        self.every = every
        self.firing = firing
        self._lists = torch.empty(0, 0, dtype=torch.int64)
        self._made = 0

    def __call__(
        self,
        U: Tensor,
        codes: Tensor,
        step: int,
        nearness: Callable[[Tensor], Tensor],
        n_frozen: int = 0,
    ) -> tuple[Tensor, Tensor]:
        """See `Pairs.__call__`."""
        k = min(self.n_neighbours, len(U) - 1)
        fits = self._lists.shape == (len(U) - n_frozen, k)
        self._lists = self._lists.to(U.device)
        if not (fits and self._made < step < self._made + self.every):
            self._lists = nearest(U.detach(), k, nearness, n_frozen)
            self._made = step
        cosines = torch.einsum("md,mkd->mk", U[n_frozen:], U[self._lists])
        weights = torch.ones_like(cosines)
        if self.firing:
            weights = weights * (codes[:, n_frozen:] != 0).any(dim=0)[:, None]
        return cosines, weights

    def values(self) -> dict[str, Any]:
        """See `Pairs.values`: the lists, and the step at which they were made."""
        return {"lists": self._lists.cpu().numpy(), "made": self._made}

    def take(self, values: Mapping[str, Any]) -> None:
        """See `Pairs.take`."""
        self._lists, self._made = torch.from_numpy(values["lists"]), values["made"]


def nearest(U: Tensor, k: int, nearness: Callable[[Tensor], Tensor], n_frozen: int) -> Tensor:
    """Places (n - n_frozen, k) of the nearest others of each moving direction."""
    n = len(U)
    block = max(1, _SEARCH_ENTRIES // n)
    lists = [torch.empty(0, k, dtype=torch.int64, device=U.device)]
    for start in range(n_frozen, n, block):
        rows = U[start : start + block]
        near = nearness(rows @ U.T)
        own = torch.arange(start, start + len(rows), device=U.device)[:, None]
        near.scatter_(1, own, -torch.inf)
        lists.append(near.topk(k, dim=1).indices)
    return torch.cat(lists)
