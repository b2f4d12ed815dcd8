"""What sizes of numbers arithmetic holds: samples outside are refused by name, and never become infinite inside."""

from __future__ import annotations

from typing import Any

import numpy as np

_ROOM = 2.0**8
"""What sums over samples and features may add to a square."""


def reach(dtype: Any) -> float:
    """Numbers up to this have cubes that a dtype holds, so that their squares can be summed and multiplied.

    Examples
    --------
    >>> f"{reach(np.float32):.0e} {reach(np.float64):.0e}"
    '3e+12 3e+102'
    """
    return float(np.cbrt(np.finfo(dtype).max)) / 2


def check_unit(unit: float, dtype: Any) -> None:
    """Refuse samples of a size whose square is no double, or that leaves no room in their own dtype.

    Parameters
    ----------
    unit : float
        Typical size of an entry of `X`.
    dtype : dtype
        Of `X`.

    Raises
    ------
    ValueError
        Naming `X`.

    Examples
    --------
    >>> check_unit(1e160, np.float64)
    Traceback (most recent call last):
    ...
    ValueError: `X` must have entries of a size between 3.8e-152 and 5.2e+151 in float64, got 1e+160
    """
    double, own = np.finfo(np.float64), np.finfo(dtype)
    lowest = _ROOM * max(float(double.tiny) ** 0.5, float(own.tiny))
    highest = min(float(double.max) ** 0.5, float(own.max)) / _ROOM
    if not lowest <= unit <= highest:
        raise ValueError(
            f"`X` must have entries of a size between {lowest:.1e} and {highest:.1e} in {np.dtype(dtype)}, "
            f"got {unit:.0e}"
        )


def centred(X: np.ndarray, mean: np.ndarray, unit: float) -> np.ndarray:
    """``X - mean`` in the dtype of X.

    Raises
    ------
    ValueError
        If X lies so many units off that arithmetic in its dtype would not hold its cube, or its dtype not the unit.

    Examples
    --------
    >>> centred(np.array([[1e200]]), np.zeros(1), 1.0)
    Traceback (most recent call last):
    ...
    ValueError: `X` must lie within 2.8e+102 units of the mean, the unit being 1e+00 as fitted, got 1e+200
    """
    check_unit(unit, X.dtype)
    with np.errstate(over="ignore"):
        Z = X - mean.astype(X.dtype)
    limit = reach(X.dtype)
    farthest = float(max(Z.max(), -Z.min())) / unit if Z.size else 0.0
    if not farthest <= limit:
        raise ValueError(
            f"`X` must lie within {limit:.1e} units of the mean, the unit being {unit:.0e} as fitted, "
            f"got {farthest:.0e}"
        )
    return Z


def check_reach(X: np.ndarray, unit: float, dtype: Any) -> None:
    """Refuse samples that are too large, beside those fitted, for arithmetic in a dtype.

    Raises
    ------
    ValueError
        Naming `X`.
    """
    limit = min(reach(dtype) * unit, float(np.finfo(dtype).max) / _ROOM)
    largest = float(np.abs(X).max(initial=0.0))
    if not largest <= limit:
        raise ValueError(
            f"`X` must lie within {limit:.1e} of zero for a model in {np.dtype(dtype)} of samples of a size "
            f"of {unit:.0e}, got {largest:.0e}"
        )


def unit_rows(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows divided by their lengths, and the lengths, whatever those are; rows of zero stay zero.

    Examples
    --------
    >>> unit_rows(np.array([[3e200, 4e200], [0.0, 0.0]]))
    (array([[0.6, 0.8],
           [0. , 0. ]]), array([5.e+200, 0.e+000]))
    """
    # Taking out powers of two changes no digit, and keeps the squares within range at any scale.
    exponents = np.frexp(np.abs(rows).max(axis=1, initial=0.0))[1]
    scaled = np.ldexp(rows, -exponents[:, None])
    lengths = np.linalg.norm(scaled, axis=1)
    return scaled / np.where(lengths > 0, lengths, 1.0)[:, None], np.ldexp(lengths, exponents)


def unit_columns(A: np.ndarray) -> np.ndarray:
    """The columns divided by their lengths, as in `unit_rows`."""
    return np.ascontiguousarray(unit_rows(A.T)[0].T)
