"""Torch's devices. Torch itself is imported where it is first used: most of the package needs none of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from overica._validation import Array
from overica.distributed import world
from overica.distributed.ranks import local_rank, local_world

if TYPE_CHECKING:
    import torch


def torch_device(name: Any) -> torch.device:
    """A torch device; "auto" is CUDA if there is one; of several ranks on a machine, each has a GPU of its own.

    Raises
    ------
    ValueError
        If there is no such device, here or anywhere, or not one for each rank, or it holds no numbers.

    Examples
    --------
    >>> torch_device("cpu")
    device(type='cpu')
    """
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        chosen = torch.device(name)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f'`device` must be "auto" or a torch device, got {name!r}') from error
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"`device` must be available, got {name!r} and torch sees no CUDA device")
    if chosen.type == "cuda" and world() > 1:
        if ":" in str(chosen):
            raise ValueError(f'`device` must be "cuda" where each rank has its own, got {name!r}')
        if local_world() > torch.cuda.device_count():
            raise ValueError(
                f"each of the {local_world()} ranks on this machine needs a GPU, and there are "
                f"{torch.cuda.device_count()}: start fewer, by --nproc-per-node"
            )
        return torch.device("cuda", local_rank())
    if chosen.type not in ("cpu", "cuda"):
        _check_holds_numbers(chosen)
    return chosen


def _check_holds_numbers(device: torch.device) -> None:
    """Refuse devices whose names torch knows everywhere, though it was not built for them, or they are not there."""
    import torch

    try:
        torch.zeros(1, device=device).item()
    # What torch raises depends on the device: all that can be said is that it is of no use.
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"`device` must hold numbers here, got {str(device)!r}: {reason}"
        ) from error


@contextmanager
def products(like: torch.Tensor, *, rough: bool) -> Iterator[None]:
    """Matrix products of float32 tensors on CUDA within are rough, in TensorFloat-32, or are not, whatever was set.

    Rough ones have eleven bits in their factors and are several times as fast.
    """
    import torch

    if like.device.type != "cuda":
        yield
        return
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if rough else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def as_tensor(array: Array) -> torch.Tensor:
    """A tensor as it is, or of a copy in native order: torch holds no foreign bytes, and no negative strides."""
    import torch

    if isinstance(array, torch.Tensor):
        return array
    return torch.from_numpy(np.array(array, array.dtype.newbyteorder("="), order="C"))


def placed(array: Array, device: str | torch.device, dtype: Any = None) -> torch.Tensor:
    """A tensor on a device, of an array's own dtype or another; on its way to a GPU from pinned memory."""
    import torch

    tensor = as_tensor(array if dtype is None else np.asarray(array, dtype))
    if torch.device(device).type == "cuda" and not tensor.is_cuda:
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


def memory_budget(device: torch.device) -> int:
    """Bytes that temporaries of one part of a batch may take: the same whatever else runs, as sums depend on parts."""
    import torch

    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory // 3)
    return 2**28


def fits_beside(n_bytes: int, device: torch.device) -> bool:
    """Whether data may lie on a GPU for as long as a fit takes: they leave nearly all of its free memory."""
    import torch

    if device.type != "cuda":
        return False
    free = torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved(device)
    return n_bytes <= (free - torch.cuda.memory_allocated(device)) // 8


def gathered_on(device: torch.device, parts: Iterable[np.ndarray], n_rows: int) -> torch.Tensor:
    """Rows that come in parts, together on a device."""
    import torch

    whole, start = None, 0
    for part in parts:
        rows = as_tensor(part)
        if whole is None:
            whole = torch.empty((n_rows, part.shape[1]), dtype=rows.dtype, device=device)
        whole[start : start + len(rows)] = rows
        start += len(rows)
    assert whole is not None
    return whole
