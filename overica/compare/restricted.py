"""Least squares of each sample on a support of its own, for all samples at once."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

_CHUNK = 2**22
"""Numbers in the stack of Gram matrices of a batch."""
_RIDGE = 1e-10
"""Relative to the squared norm of a feature: what keeps dependent features solvable. It costs ten digits below one
of the codes' accuracy, and picks nearly the shortest of several solutions."""


def refit(
    components: np.ndarray, X: np.ndarray, support: np.ndarray, *, nonnegative: bool = False
) -> np.ndarray:
    """Codes by least squares on given supports: ``argmin_s |x - D's|^2`` with ``s_j = 0`` outside the support.

    Parameters
    ----------
    components : array (n_components, n_features)
        D, the features as rows, of unit norm.
    X : array (n_samples, n_features)
        Samples, the offset already subtracted.
    support : array (n_samples, n_components), boolean
        Codes that may differ from zero.
    nonnegative : bool
        Subject to ``s >= 0``; samples whose unconstrained codes have the wrong sign are solved one by one, by
        the method of Lawson and Hanson (`scipy.optimize.nnls`).

    Returns
    -------
    array (n_samples, n_components), float64
        Of several solutions, as with more features than dimensions, nearly the shortest.

    Examples
    --------
    >>> import numpy as np
    >>> D = np.array([[1.0, 0.0], [0.6, 0.8]])
    >>> refit(D, np.array([[2.0, 0.0]]), np.array([[False, True]])).round(6)
    array([[0. , 1.2]])
    """
    D = np.asarray(components, np.float64)
    X = np.asarray(X, np.float64)
    codes = np.zeros(support.shape)
    sizes = support.sum(axis=1)
    gram, scores = D @ D.T, X @ D.T
    # Samples in order of support size share a stack of matrices with little padding.
    order = np.argsort(sizes, kind="stable")
    start = int(np.searchsorted(sizes[order], 1))
    while start < len(order):
        largest = int(sizes[order[start]])
        stop = start
        while stop < len(order):
            size = int(sizes[order[stop]])
            if (stop + 1 - start) * size**2 > _CHUNK and stop > start:
                break
            largest = size
            stop += 1
        rows = order[start:stop]
        codes[rows] = _solve(gram, scores[rows], support[rows], largest)
        start = stop
    if nonnegative:
        # Rounding below zero is no wrong sign.
        wrong = (codes < -1e-12 * np.abs(codes).max(axis=1, keepdims=True)).any(axis=1)
        for row in np.flatnonzero(wrong):
            active = np.flatnonzero(support[row])
            codes[row, active] = nnls(D[active].T, X[row])[0]
        np.maximum(codes, 0.0, out=codes)
    return codes


def _solve(gram: np.ndarray, scores: np.ndarray, support: np.ndarray, largest: int) -> np.ndarray:
    """The normal equations of a batch whose supports have at most `largest` features."""
    # The active features of each row first, in their order; what follows is padding.
    index = np.argsort(~support, axis=1, kind="stable")[:, :largest]
    real = np.take_along_axis(support, index, axis=1)
    both = real[:, :, None] & real[:, None, :]
    systems = np.where(both, gram[index[:, :, None], index[:, None, :]], 0.0)
    diagonal = np.arange(largest)
    systems[:, diagonal, diagonal] += np.where(real, _RIDGE, 1.0)
    right = np.where(real, np.take_along_axis(scores, index, axis=1), 0.0)
    solved = np.linalg.solve(systems, right[:, :, None])[:, :, 0]
    codes = np.zeros(support.shape)
    np.put_along_axis(codes, index, np.where(real, solved, 0.0), axis=1)
    return codes
