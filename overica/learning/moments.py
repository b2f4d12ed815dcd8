"""Mean, size and second moments of samples, from sums of a pass over them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from overica.learning.shifted_sums import Sums
from overica.ranges import check_unit
from overica.rows import Rows
from overica.rows.rows import some_rows

_ENOUGH = 2**17
_ENOUGH_PER_FEATURE = 64
"""Rows that second moments are taken over, if there are more: errors of them are ``sqrt(n_features / n_rows)``."""


def enough_rows(n_features: int) -> int:
    """Rows that tell second moments."""
    return max(_ENOUGH, _ENOUGH_PER_FEATURE * n_features)


@dataclass(frozen=True)
class Moments:
    """First and second moments of the rows that are learned from."""

    mean: np.ndarray
    """(n_features,); zero if not centred."""
    unit: float
    """Root mean square about it over all entries."""
    centred: bool

    @classmethod
    def of(
        cls, sums: Sums, centre: np.ndarray, exponent: int, dtype: np.dtype, *, center: bool
    ) -> Moments:
        """From sums of ``x / 2^exponent - centre``.

        Raises
        ------
        ValueError
            If there is no unit to measure X in: all rows are equal, or of a size whose square is no number.
        """
        shift = sums.first / sums.count
        mean = centre + shift
        # About the centre, and then about the mean or about zero: by as little as these are apart.
        about = -shift @ shift if center else (2 * shift + centre) @ centre
        power = float(sums.square / sums.count + about)
        spread = float(np.sqrt(max(power, 0.0) / len(mean)))
        # What is left of a constant array after its mean is rounding.
        if center and spread <= 8 * np.finfo(dtype).eps * float(np.abs(mean).max()):
            spread = 0.0
        if spread == 0:
            raise ValueError(
                "`X` must vary: expected some variance, got samples that are all equal"
            )
        with np.errstate(over="ignore"):
            unit = float(np.ldexp(spread, exponent))
        check_unit(unit, dtype)
        return cls(np.ldexp(mean, exponent) * center, unit, center)


def products_of(sums: Sums, centre: np.ndarray, exponent: int, moments: Moments) -> np.ndarray:
    """As `second_moments`, from the products of ``x / 2^exponent - centre``."""
    assert sums.second is not None
    shift = sums.some_first / sums.weight
    C = sums.second / sums.weight - np.outer(shift, shift)
    if not moments.centred:
        C += np.outer(centre + shift, centre + shift)
    return np.asarray(C / np.ldexp(moments.unit, -exponent) ** 2)


def second_moments(
    X: np.ndarray | Rows, left_out: np.ndarray, moments: Moments, *, every: bool = False
) -> np.ndarray:
    """``mean z z'`` of ``z = (x - mean) / unit``, (n_features, n_features): the covariance, if X was centred.

    Of more rows than tell it, an even selection is read, unless `every` one is asked for.
    """
    n_features = X.shape[1]
    rows = np.setdiff1d(np.arange(len(X)), left_out, assume_unique=True)
    if not every:
        rows = rows[some_rows(len(rows), enough_rows(n_features), np.random.default_rng(len(X)))]
    total, mean = np.zeros((n_features, n_features)), np.zeros(n_features)
    size = max(1, 2**19 // n_features)
    for start in range(0, len(rows), size):
        part = np.asarray(X[rows[start : start + size]], np.float64, order="C")
        Z = (part - moments.mean) / moments.unit
        total += Z.T @ Z
        mean += Z.sum(axis=0)
    mean /= len(rows)
    # What rounding has left in the mean; of an equal feature it would be all there is.
    return total / len(rows) - np.outer(mean, mean) * moments.centred
