"""Least squares of each sample on a support of its own, for all samples at once."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from overica.coding.dictionary import Dictionary
from overica.inference.restricted import restricted_solve

_RIDGE = 1e-10
"""Against the unit squares of atoms: what keeps dependent atoms solvable, and picks nearly the shortest of several
solutions. A step of refinement undoes it for all others."""

_CHUNK = 2**22
"""Codes that are freed of shrinkage together."""


def least_squares(
    dictionary: Dictionary, X: np.ndarray, supports: np.ndarray, *, nonnegative: bool = False
) -> np.ndarray:
    """Codes by least squares on given supports: ``argmin_s |x - offset - D's|^2`` with ``s_j = 0`` outside the support.

    Parameters
    ----------
    dictionary : Dictionary
        D, its rows of unit length.
    X : array (n_samples, n_features)
    supports : array (n_samples, n_components), boolean
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


def without_shrinkage(dictionary: Dictionary, X: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Least squares on the supports of given codes, as far as no sign changes.

    Codes go straight towards those of least squares on their support; a source that comes to zero on the way leaves,
    and the others go on without it. Codes of the lasso so take the path on which its penalty falls to nothing and
    sources only leave: they are freed of its shrinkage, and no source is active that was not.

    Parameters
    ----------
    dictionary : Dictionary
    X : array (n_samples, n_features)
    codes : array (n_samples, n_components)
        In units of X.

    Returns
    -------
    array (n_samples, n_components), float64
        The residual is orthogonal to the atoms that are active.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.coding import Dictionary, without_shrinkage
    >>> without_shrinkage(
    ...     Dictionary.of_rows(np.eye(2)), np.array([[3.0, 0.5]]), np.array([[2.0, 0.0]])
    ... )
    array([[3., 0.]])
    """
    S = np.array(codes, np.float64)
    n_rows = max(1, _CHUNK // S.shape[1])
    for start in range(0, len(S), n_rows):
        _free(dictionary, X, S, start + np.flatnonzero(S[start : start + n_rows].any(axis=1)))
    return S


def _free(dictionary: Dictionary, X: np.ndarray, S: np.ndarray, rows: np.ndarray) -> None:
    """Free the codes S, in place, of some rows."""
    while rows.size:
        start = S[rows]
        step = least_squares(dictionary, X[rows], start != 0) - start
        # The part of the step after which each source would be zero.
        reach = np.divide(-start, step, out=np.full_like(step, np.inf), where=start * step < 0)
        part = np.minimum(reach.min(axis=1), 1.0)
        S[rows] = np.where(reach <= part[:, None], 0.0, start + part[:, None] * step)
        rows = rows[part < 1]
