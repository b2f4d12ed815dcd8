"""Nearest neighbours of decoder directions within random chunks of a dictionary, drawn anew at every step."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from overica._validation import check_scalar
from overica.sae.neighbours import nearest
from overica.sae.pairs import Pairs


class ChunkedPairs(Pairs):
    """Each direction with the nearest other one of its chunk.

    At every step, the n directions are dealt at random into ``ceil(n / chunk_size)`` chunks that differ by at most one
    in size. A step costs O(n chunk_size d) time, linear in n; a dictionary of up to `chunk_size` directions is one
    chunk, and its pairs are those of `NearestPairs`. Two directions at a small angle meet in one step of
    ``n / chunk_size``. The chunks of a step are the same in every run.

    Parameters
    ----------
    chunk_size : int
        At least 2.

    Raises
    ------
    ValueError
        If it is less.

    References
    ----------
    Korznikov et al. (2025), "OrtSAE: orthogonal sparse autoencoders uncover atomic features".

    Examples
    --------
    >>> import torch
    >>> U = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    >>> ChunkedPairs()(U, torch.ones(1, 3), 0, torch.abs)[0]
    tensor([0.8000, 0.8000, 0.6000])
    """

    def __init__(self, chunk_size: int = 8192) -> None:
        check_scalar(chunk_size, "chunk_size", minimum=2, integer=True)
        self.chunk_size = chunk_size

    def __call__(
        self,
        U: Tensor,
        codes: Tensor,
        step: int,
        nearness: Callable[[Tensor], Tensor],
        n_frozen: int = 0,
    ) -> tuple[Tensor, Tensor]:
        """See `Pairs.__call__`."""
        rows, partners = [], []
        for chunk in self._chunks(len(U), step, U.device):
            n_first = int((chunk < n_frozen).sum())
            found = nearest(U[chunk].detach(), min(1, len(chunk) - 1), nearness, n_first)
            # One that is alone in its chunk has no neighbour.
            rows.append(chunk[n_first:][: found.numel()])
            partners.append(chunk[found.flatten()])
        first, second = U[torch.cat(rows)], U[torch.cat(partners)]
        cosines = (first * second).sum(dim=1)
        return cosines, torch.ones_like(cosines)

    def _chunks(self, n: int, step: int, device: torch.device) -> list[Tensor]:
        """Places of each chunk's directions, rising: frozen ones come first."""
        n_chunks = max(1, -(-n // self.chunk_size))
        order = torch.randperm(n, generator=torch.Generator().manual_seed(step)).to(device)
        return [chunk.sort().values for chunk in order.tensor_split(n_chunks)]
