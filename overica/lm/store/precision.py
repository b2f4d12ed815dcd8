"""In which precision activations lie on disk: half of it is half the disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

RAW_BFLOAT16 = np.dtype("V2")
"""How NumPy's files hold bfloat16, which it has no number for: two raw bytes (as `ml_dtypes` writes them too)."""
_NAN16 = 0x7FC0


class Widened:
    """Rows that lie on disk as bfloat16 and come as float32, which holds each of them exactly.

    A bfloat16 is the upper half of a float32.

    Parameters
    ----------
    raw : array (n_rows, n_features)
        Of two bytes each.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.lm.store.precision import Widened, to_bfloat16
    >>> X = Widened(to_bfloat16(np.array([[1.0, -2.5]], np.float32)))
    >>> X.shape, X.dtype, X[:1]
    ((1, 2), dtype('float32'), array([[ 1. , -2.5]], dtype=float32))
    """

    dtype = np.dtype(np.float32)
    precision = "bfloat16"

    def __init__(self, raw: np.ndarray) -> None:
        self._raw = raw.view(np.uint16)
        self.shape: tuple[int, ...] = self._raw.shape
        self.ndim = self._raw.ndim

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> np.ndarray:
        bits = self._raw[key].astype(np.uint32) << 16
        widened: np.ndarray = bits.view(np.float32)
        return widened

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All rows in memory."""
        if copy is False:
            raise ValueError("bfloat16 cannot be widened without a copy")
        rows = self[:]
        return rows if dtype is None else rows.astype(dtype, copy=False)

    def reshape(self, *shape: int) -> Widened:
        """The same numbers on other axes."""
        return Widened(self._raw.reshape(*shape))


def to_bfloat16(values: np.ndarray) -> np.ndarray:
    """The nearest bfloat16 of each number, ties to even, as two raw bytes.

    Half a unit of the last place that stays is added, and the lower half is cut off. What is beyond the largest
    bfloat16 becomes infinite, as in any rounding.
    """
    values = np.ascontiguousarray(values, np.float32)
    bits = values.view(np.uint32)
    # Wraps around for NaN alone, which is put in afterwards.
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    halves = np.where(np.isnan(values), _NAN16, rounded).astype(np.uint16)
    return halves.view(RAW_BFLOAT16)


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
    """What is mapped, as an array of numbers."""


PRECISIONS: dict[str, Precision] = {
    precision.name: precision
    for precision in (
        Precision("float32", np.dtype(np.float32), np.asarray, np.asanyarray),
        Precision("float16", np.dtype(np.float16), _to_float16, np.asanyarray),
        Precision("bfloat16", RAW_BFLOAT16, to_bfloat16, Widened),
    )
}
"""By the name that they have in torch."""
