"""Samples in pieces of like width, as many as fit into memory: little of what is batched is then padding."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

from overica.backend import memory_budget

_PIECES = 4
_FEWEST = 4096
"""Samples of a piece: below, what is padding costs less than another round of calls."""

_MOST_BYTES = 2**33
"""Of a piece, in which positions are then 32-bit integers."""


def pieces(
    count: torch.Tensor, memory: Callable[[int], int] | None = None
) -> Iterator[tuple[torch.Tensor, int]]:
    """Positions of samples in pieces, and the widest of each.

    Parameters
    ----------
    count : tensor (n_samples,)
        Their widths.
    memory : callable, optional
        Bytes that a sample of a width takes.

    Examples
    --------
    >>> [(len(piece), width) for piece, width in pieces(torch.arange(8192))]
    [(4096, 4095), (4096, 8191)]
    """
    if not len(count):
        return
    size = -(-len(count) // max(1, min(_PIECES, len(count) // _FEWEST)))
    if size == len(count):
        order, ends = torch.arange(len(count), device=count.device), count.amax()[None]
    else:
        rising, order = count.sort(stable=True)
        ends = torch.cat([rising[size - 1 : -1 : size], rising[-1:]])
    # One look from the host at the widths of all pieces.
    for piece, width in zip(order.split(size), ends.tolist(), strict=True):
        for part in piece.split(len(piece) if memory is None else fitting(count, memory(width))):
            yield part, width


def fitting(like: torch.Tensor, memory: int) -> int:
    """Samples of so many bytes that fit beside what is kept of all, on the device of a tensor."""
    return max(1, min(memory_budget(like.device) // 2, _MOST_BYTES) // max(1, memory))
