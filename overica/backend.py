"""Torch's devices. Torch itself is imported where it is first used: most of the package needs none of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def torch_device(name: Any) -> torch.device:
    """A torch device; "auto" is CUDA if there is one.

    Raises
    ------
    ValueError
        If there is no such device, here or anywhere.

    Examples
    --------
    >>> torch_device("cpu")
    device(type='cpu')
    """
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(name)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f'`device` must be "auto" or a torch device, got {name!r}') from error
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"`device` must be available, got {name!r} and torch sees no CUDA device")
    return chosen
