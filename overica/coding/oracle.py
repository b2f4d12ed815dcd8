"""Least squares of each sample on a support of its own, for all samples at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from overica.coding.coder import Coder
from overica.coding.dictionary import Dictionary
from overica.inference.restricted import restricted_solve

_RIDGE = 1e-10
"""Against the unit squares of atoms: what keeps dependent atoms solvable, and picks nearly the shortest of several
solutions. A step of refinement undoes it for all others."""


def least_squares(
    dictionary: Dictionary, X: np.ndarray, supports: np.ndarray, *, nonnegative: bool = False
) -> np.ndarray:
    """Codes by least squares on given supports: ``argmin_s |x - offset - D's|^2`` with ``s_j = 0`` outside the support.

    Parameters
    ----------
    dictionary : Dictionary
        D, its rows of unit length.
    X : array (n_samples, n_features)
    supports : array of bool (n_samples, n_components)
        Codes that may differ from zero.
    nonnegative : bool
        Subject to ``s >= 0``; samples whose unconstrained codes have the wrong sign are solved one by one, by
        the method of Lawson and Hanson (`scipy.optimize.nnls`).

    Returns
    -------
    array (n_samples, n_components), float64
        In units of X. Of several solutions, as with more atoms than dimensions, nearly the shortest.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.coding import Dictionary, least_squares
    >>> D = Dictionary.of_rows(np.array([[1.0, 0.0], [0.6, 0.8]]))
    >>> least_squares(D, np.array([[2.0, 0.0]]), np.array([[False, True]])).round(6)
    array([[0. , 1.2]])
    """
    D, X = dictionary.components, dictionary.centred(np.asarray(X, np.float64))
    codes: np.ndarray = restricted_solve(D.T, X @ D.T, supports, gram=dictionary.gram, ridge=_RIDGE)
    if nonnegative:
        # Rounding below zero is no wrong sign.
        wrong = (codes < -1e-12 * np.abs(codes).max(axis=1, keepdims=True)).any(axis=1)
        for row in np.flatnonzero(wrong):
            active = np.flatnonzero(supports[row])
            codes[row, active] = nnls(D[active].T, X[row])[0]
        np.maximum(codes, 0.0, out=codes)
    return codes


@dataclass(frozen=True, eq=False)
class Oracle(Coder):
    """Least squares on supports that are known: what a dictionary is worth to those who know what is active."""

    supports: np.ndarray
    nonnegative: bool

    def codes(self, dictionary: Dictionary, X: np.ndarray) -> np.ndarray:
        """See `Coder.codes`."""
        return least_squares(dictionary, X, self.supports, nonnegative=self.nonnegative)
