"""In which precision activations lie on disk: half of it is half the disk."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

RAW_BFLOAT16 = np.dtype("V2")
"""How NumPy's files hold bfloat16, which it has no number for: two raw bytes (as `ml_dtypes` writes them too)."""


def as_bfloat16(raw: np.ndarray) -> torch.Tensor:
    """Two raw bytes each as numbers of torch, where they lie.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.lm.store.precision import PRECISIONS, as_bfloat16
    >>> as_bfloat16(PRECISIONS["bfloat16"].encode(np.array([1.0, -2.5], np.float32)))
    tensor([ 1.0000, -2.5000], dtype=torch.bfloat16)
    """
    import torch

    with warnings.catch_warnings():
        # Of maps that cannot be written to, which nobody does.
        warnings.simplefilter("ignore")
        return torch.from_numpy(raw.view(np.int16)).view(torch.bfloat16)


def _to_bfloat16(values: np.ndarray) -> np.ndarray:
    """The nearest of each number; what is beyond the largest becomes infinite, as in any rounding."""
    import torch

    halves = torch.from_numpy(np.ascontiguousarray(values, np.float32)).bfloat16()
    return halves.view(torch.int16).numpy().view(RAW_BFLOAT16)


def _to_float16(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, np.float32)
    with np.errstate(over="ignore"):
        halves = values.astype(np.float16)
    if (np.isinf(halves) & np.isfinite(values)).any():
        largest = float(np.abs(values[np.isfinite(values)]).max())
        raise OverflowError(
            f"activations go up to {largest:.4g}, and float16 ends at 65504: store them as bfloat16 or float32"
        )
    return halves


@dataclass(frozen=True)
class Precision:
    """How numbers lie in a file."""

    name: str
    dtype: np.dtype
    """Of the file."""
    encode: Callable[[np.ndarray], np.ndarray]
    """From float32.

    Raises
    ------
    OverflowError
        If a number would become infinite.
    """
    decode: Callable[[np.ndarray], Any]
    """What is mapped, as numbers: an array, or a tensor."""


PRECISIONS: dict[str, Precision] = {
    precision.name: precision
    for precision in (
        Precision("float32", np.dtype(np.float32), np.asarray, np.asanyarray),
        Precision("float16", np.dtype(np.float16), _to_float16, np.asanyarray),
        Precision("bfloat16", RAW_BFLOAT16, _to_bfloat16, as_bfloat16),
    )
}
"""By the name that they have in torch."""
