"""Torch's devices. Torch itself is imported where it is first used: most of the package needs none of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from overica.distributed import local_rank, local_world, world

if TYPE_CHECKING:
    import torch


def torch_device(name: Any) -> torch.device:
    """A torch device; "auto" is CUDA if there is one; of several ranks on a machine, each has a GPU of its own.

    Raises
    ------
    ValueError
        If there is no such device, here or anywhere, or not one for each rank.

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
    return chosen
