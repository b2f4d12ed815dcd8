"""Columns by least squares on given codes, without a matrix of all pairs of columns where there are many.

    A = argmin_A |X - S A'|^2 + ridge |A - A0|^2,        (S'S + ridge I) A' = S'X + ridge A0'.

With few columns the equations are solved; with many, by conjugate gradients from A0, which are products with the sparse
codes, each feature with step lengths of its own. They are preconditioned by the diagonal, since columns are active in
very different numbers of samples.

References
----------
Hestenes and Stiefel (1952), "Methods of conjugate gradients for solving linear systems".
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

_SOLVED = 2048
"""Columns up to which the matrix of all pairs is small."""
_MAX_ITER = 50
_TOL = 1e-6
"""Residual of the equations, relative to where it starts, that counts as none."""


def fitted_columns(
    S: csr_matrix, X: np.ndarray, A0: np.ndarray, ridge: float, n_solved: int = _SOLVED
) -> np.ndarray:
    """The columns, (n_features, n_components).

    Parameters
    ----------
    S : sparse matrix (n_samples, n_components)
    X : array (n_samples, n_features)
    A0 : array (n_features, n_components)
        Where columns are held, with the weight of `ridge` samples of code one.
    ridge : float
        Positive.
    n_solved : int
        Columns up to which the equations are solved directly.

    Examples
    --------
    >>> S = csr_matrix([[1.0, 0.0], [0.0, 2.0]])
    >>> fitted_columns(S, np.array([[3.0], [4.0]]), np.zeros((1, 2)), 1e-12).round(6)
    array([[3., 2.]])
    """
    right = S.T @ X + ridge * A0.T
    if S.shape[1] <= n_solved:
        pairs = (S.T @ S).toarray()
        pairs[np.diag_indices_from(pairs)] += ridge
        return np.asarray(np.linalg.solve(pairs, right).T)
    atoms = np.array(A0.T, order="C")
    scale = 1 / (np.asarray(S.multiply(S).sum(axis=0)).ravel() + ridge)
    transposed = S.T.tocsr()

    def applied(P: np.ndarray) -> np.ndarray:
        return np.asarray(transposed @ (S @ P) + ridge * P)

    residual = right - applied(atoms)
    direction = scale[:, None] * residual
    power = start = np.einsum("jf,jf->f", residual, direction)
    for _ in range(_MAX_ITER):
        if not (power > _TOL**2 * start).any():
            break
        turned = applied(direction)
        step = power / np.maximum(np.einsum("jf,jf->f", direction, turned), 1e-300)
        atoms += step * direction
        residual -= step * turned
        before, power = power, np.einsum("jf,j,jf->f", residual, scale, residual)
        direction *= power / np.maximum(before, 1e-300)
        direction += scale[:, None] * residual
    return np.asarray(atoms.T)
