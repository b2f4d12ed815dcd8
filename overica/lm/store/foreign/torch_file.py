"""Tensors that `torch.save` wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from overica.formats.foreign_files import load_torch
from overica.lm.store.foreign.kind import Parts
from overica.lm.store.precision import Widened


class TorchFile:
    """``.pt``, ``.pth``: a tensor, or tensors by name; mapped, and read by the reader that runs no code."""

    name: ClassVar[str] = "torch"
    suffixes: ClassVar[tuple[str, ...]] = (".pt", ".pth")

    def read(self, path: Path) -> dict[str, Parts]:
        """See `Kind.read`; a tensor alone is called as the file."""
        import torch

        found = load_torch(path, mapped=True)
        named = found if isinstance(found, dict) else {path.stem: found}
        tensors = {
            str(name): value.detach()
            for name, value in named.items()
            if isinstance(value, torch.Tensor)
        }
        if not tensors:
            raise ValueError(f"{path} must hold a tensor, got {type(found).__name__} without one")
        arrays = {name: _array(tensor) for name, tensor in tensors.items()}
        return {name: [array] for name, array in arrays.items() if array is not None}


def _array(tensor: Any) -> Any:
    """The same memory as an array; None of a type that NumPy does not know."""
    import torch

    if tensor.dtype == torch.bfloat16:
        return Widened(tensor.contiguous().view(torch.int16).numpy().view(np.uint16))
    try:
        return tensor.numpy()
    except (TypeError, RuntimeError):
        return None
