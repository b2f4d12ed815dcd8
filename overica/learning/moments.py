"""Mean, size and second moments of samples that may be larger than memory, in passes over their rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from overica.ranges import check_unit
from overica.rows import Rows, chunks, some_rows

_ENOUGH = 2**17
_ENOUGH_PER_FEATURE = 64
"""Rows that second moments are taken over, if there are more: errors of them are ``sqrt(n_features / n_rows)``."""


@dataclass(frozen=True)
class Moments:
    """First and second moments of the rows that are learned from.

    Squares are taken of entries over the largest one, so that they neither overflow nor vanish; about the mean in a
    second pass, so that they do not cancel; row by row, so that the last bits do not depend on how X lies in memory.
    """

    mean: np.ndarray
    """(n_features,); zero if not centred."""
    unit: float
    """Root mean square about it over all entries."""
    centred: bool

    @classmethod
    def of(cls, X: np.ndarray | Rows, left_out: np.ndarray, *, center: bool) -> Moments:
        """In two passes, or three.

        Parameters
        ----------
        X : array (n_samples, n_features) or Rows
        left_out : array of int
            Rows not to count, ascending.
        center : bool

        Raises
        ------
        ValueError
            If there is no unit to measure X in: all rows are equal, or of a size whose square is no number.
        """
        n_samples, n_features = len(X) - len(left_out), X.shape[1]
        largest = max(float(np.abs(part).max(initial=0.0)) for part in _kept(X, left_out))
        mean, spread = np.zeros(n_features), 0.0
        if largest > 0:
            if center:
                for part in _kept(X, left_out):
                    mean += (part / largest).sum(axis=0) / n_samples
            power = 0.0
            for part in _kept(X, left_out):
                power += float(((part / largest - mean) ** 2).sum())
            # What is left of a constant array after its mean is rounding.
            spread = float(np.sqrt(power / (n_samples * n_features)))
            if spread <= 8 * np.finfo(X.dtype).eps * float(np.abs(mean).max()):
                spread = 0.0
        if spread == 0:
            raise ValueError(
                "`X` must vary: expected some variance, got samples that are all equal"
            )
        check_unit(spread * largest, X.dtype)
        return cls(mean * largest, spread * largest, center)


def second_moments(
    X: np.ndarray | Rows, left_out: np.ndarray, moments: Moments, *, every: bool = False
) -> np.ndarray:
    """``mean z z'`` of ``z = (x - mean) / unit``, (n_features, n_features): the covariance, if X was centred.

    Of more rows than tell it, an even selection is read, unless `every` one is asked for.
    """
    n_features = X.shape[1]
    rows = np.setdiff1d(np.arange(len(X)), left_out, assume_unique=True)
    enough = max(_ENOUGH, _ENOUGH_PER_FEATURE * n_features)
    if not every:
        rows = rows[some_rows(len(rows), enough, np.random.default_rng(len(X)))]
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


def _kept(X: np.ndarray | Rows, left_out: np.ndarray) -> Iterator[np.ndarray]:
    """Parts in double precision without the rows left out."""
    start = 0
    for part in chunks(X):
        stop = start + len(part)
        here = left_out[(left_out >= start) & (left_out < stop)] - start
        kept = np.delete(part, here, axis=0) if len(here) else part
        yield kept.astype(np.float64, order="C")
        start = stop
