"""What ranks exchange: sums, and what rank 0 has decided. Alone, everything comes back as it is."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from overica.distributed.ending import lost
from overica.distributed.joining import join
from overica.distributed.ranks import world

if TYPE_CHECKING:
    from torch import Tensor

Value = TypeVar("Value")
_LARGE = 2**16
"""Numbers that are worth an exchange of their own."""


def total(sums: Mapping[str, Any]) -> dict[str, Any]:
    """Sums over the ranks, the same bits in each of them.

    Parameters
    ----------
    sums : dict of str to number, NumPy array or tensor
        The same names, shapes and dtypes in all ranks. Arrays may be overwritten by their sums.

    Returns
    -------
    dict
        Of the same types; numbers are floats.

    Raises
    ------
    RankError
        If another rank has ended.

    Examples
    --------
    >>> total({"gradient": np.ones(2), "power": 3.0})
    {'gradient': array([1., 1.]), 'power': 3.0}
    """
    if world() == 1:
        return dict(sums)
    import torch
    import torch.distributed as dist

    tensors = {name: _tensor(value) for name, value in sums.items() if np.ndim(value) > 0}
    small = sorted(sums.keys() - tensors.keys())
    numbers = torch.tensor([float(sums[name]) for name in small], dtype=torch.float64)
    with _exchange():
        for name in sorted(tensors):
            dist.all_reduce(tensors[name])
        if small:
            dist.all_reduce(numbers)
    found = {
        name: tensor.numpy() if isinstance(sums[name], np.ndarray) else tensor
        for name, tensor in tensors.items()
    }
    found |= dict(zip(small, numbers.tolist(), strict=True))
    return {name: found[name] for name in sums}


def broadcast(value: Value) -> Value:
    """What rank 0 has, in all ranks: anything that can be pickled.

    Parameters
    ----------
    value : object
        Of other ranks it plays no part.

    Returns
    -------
    object

    Examples
    --------
    >>> broadcast({"seed": 7})
    {'seed': 7}
    """
    if world() == 1:
        return value
    import torch
    import torch.distributed as dist

    box = [value]
    with _exchange():
        dist.broadcast_object_list(box, src=0, device=torch.device("cpu"))
    return box[0]


def check_same(value: Any, expected: str) -> None:
    """Raise an error in the ranks that have another value than the first.

    Raises
    ------
    ValueError
        With what was expected, and both values.
    """
    first = broadcast(value)
    if first != value:
        raise ValueError(f"{expected}: expected {first} as in rank 0, got {value}")


def align(tensors: Iterable[Tensor]) -> None:
    """Give tensors the values that they have in rank 0, in place."""
    if world() == 1:
        return
    import torch.distributed as dist

    with _exchange():
        for tensor in tensors:
            dist.broadcast(tensor.detach(), src=0)


def average(tensors: Sequence[Tensor], n_samples: int) -> None:
    """Replace means over the samples of a rank by those over the samples of all, in place.

    Parameters
    ----------
    tensors : sequence of Tensor
        The same shapes in all ranks; floating-point, contiguous, on one device.
    n_samples : int
        Of this rank.
    """
    if world() == 1:
        return
    import torch
    import torch.distributed as dist

    large = [tensor.detach() for tensor in tensors if tensor.numel() >= _LARGE]
    small = [tensor.detach() for tensor in tensors if tensor.numel() < _LARGE]
    count = torch.full((1,), float(n_samples), device=tensors[0].device)
    packed = torch.cat([*(tensor.flatten().mul(n_samples) for tensor in small), count])
    with _exchange():
        # One is under way while the next is prepared.
        waits = [dist.all_reduce(packed, async_op=True)]
        waits += [dist.all_reduce(tensor.mul_(n_samples), async_op=True) for tensor in large]
        for wait in waits:
            wait.wait()
    total_samples = packed[-1]
    means = (packed[:-1] / total_samples).split([tensor.numel() for tensor in small])
    for tensor, mean in zip(small, means, strict=True):
        tensor.copy_(mean.view_as(tensor))
    for tensor in large:
        tensor.div_(total_samples)


def gathered(tensor: Tensor) -> list[Tensor]:
    """The tensors of all ranks, in their order; all of one shape."""
    if world() == 1:
        return [tensor]
    import torch
    import torch.distributed as dist

    found = [torch.empty_like(tensor) for _ in range(world())]
    with _exchange():
        dist.all_gather(found, tensor.contiguous())
    return found


def barrier() -> None:
    """Wait until all ranks are here.

    Examples
    --------
    >>> barrier()
    """
    total({"here": 1.0})


@contextmanager
def _exchange() -> Iterator[None]:
    try:
        join()
        yield
    except RuntimeError as error:
        _let_go(error)
        raise lost() from error
    except KeyboardInterrupt as error:
        _let_go(error)
        raise


def _let_go(error: BaseException) -> None:
    """Forget what the frames of an exchange hold: the group, see `join`."""
    traceback.clear_frames(error.__traceback__)


def _tensor(value: Any) -> Tensor:
    """An array as a tensor that may be written to, of the same memory where that is possible."""
    import torch

    if isinstance(value, torch.Tensor):
        return value.detach().contiguous()
    value = np.ascontiguousarray(value)
    return torch.from_numpy(value if value.flags.writeable else value.copy())
