"""Orthogonal matching pursuit of many samples at once, for chance levels and compositions."""

from typing import Any

import numpy as np

from overica.metrics.arrays import as_matrix, unit_columns


def orthogonal_matching_pursuit(
    X: Any, mixing: Any, n_active: int | np.ndarray, signed: bool = False
) -> np.ndarray:
    """Codes of at most `n_active` columns per sample, chosen greedily, by least squares.

    From ``r = x``, each step adds the column with the largest ``|<r, a_j>| / |a_j|`` to the
    sample's support and makes r the residual of the least-squares fit on that support.  With an
    orthonormal basis q_1 ... q_k of the support (Gram-Schmidt) that is ``r -= <r, q_k> q_k``, at
    ``O(n_features * (n_components + k))`` per step and sample.  A sample stops where nothing is
    left of it.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Samples, taken as they are: nothing is centred.
    mixing : array-like of shape (n_features, n_components)
        Dictionary, in columns of any length.
    n_active : int or ndarray of shape (n_samples,) of int
        Most columns a sample may use; no more than n_features or n_components are ever used.
    signed : bool
        Choose by ``<r, a_j>``, without the absolute value, as for non-negative codes.  The
        least-squares codes on the support may still come out negative.

    Returns
    -------
    ndarray of shape (n_samples, n_components)

    References
    ----------
    Pati, Rezaiifar and Krishnaprasad (1993), "Orthogonal matching pursuit".

    Examples
    --------
    >>> orthogonal_matching_pursuit([[3.0, -4.0]], [[1.0, 0.0], [0.0, 2.0]], 1)
    array([[ 0., -2.]])
    """
    X = as_matrix(X, "X", "n_samples", "n_features")
    A = as_matrix(mixing, "mixing", "n_features", "n_components", length=X.shape[1])
    D = unit_columns(A)
    most = np.minimum(np.broadcast_to(n_active, len(X)), min(A.shape))
    # Samples in falling order of `most`, so that each step works on the first few.
    order = np.argsort(-most, kind="stable")
    R, most = X[order], most[order]
    n_samples, n_steps = len(X), int(most.max(initial=0))
    nothing = 1e-10 * np.linalg.norm(R, axis=1)

    Q = np.zeros((n_samples, n_steps, X.shape[1]))
    T = np.zeros((n_samples, n_steps, n_steps))
    T[:, np.arange(n_steps), np.arange(n_steps)] = 1.0
    Y = np.zeros((n_samples, n_steps))
    support = np.zeros((n_samples, n_steps), dtype=np.intp)
    for step in range(n_steps):
        m = int(np.count_nonzero(most > step))
        gain = R[:m] @ D
        if not signed:
            np.abs(gain, out=gain)
        # The residual is orthogonal to the support, so that no column is picked twice.
        pick = gain.argmax(axis=1)
        q = D.T[pick]
        overlap = np.zeros((m, step))
        for _ in range(2):  # The second pass removes what rounding left of the first.
            again = np.einsum("mkd,md->mk", Q[:m, :step], q)
            q = q - np.einsum("mk,mkd->md", again, Q[:m, :step])
            overlap += again
        length = np.linalg.norm(q, axis=1)
        goes_on = np.flatnonzero((gain[np.arange(m), pick] > nothing[:m]) & (length > 1e-8))
        q = q[goes_on] / length[goes_on, None]
        Q[goes_on, step] = q
        T[goes_on, :step, step] = overlap[goes_on]
        T[goes_on, step, step] = length[goes_on]
        Y[goes_on, step] = np.einsum("md,md->m", R[goes_on], q)
        R[goes_on] -= Y[goes_on, step, None] * q
        support[goes_on, step] = pick[goes_on]

    # The support's columns are Q T with T upper triangular, so the codes solve T s = Y.
    on_support = np.linalg.solve(T, Y[:, :, None])[:, :, 0] if n_steps else Y
    S = np.zeros((n_samples, A.shape[1]))
    # Steps that never happened have a code of 0 and point at column 0: they must add, not set.
    np.add.at(S, (order[:, None], support), on_support)
    lengths = np.linalg.norm(A, axis=0)
    return S / np.where(lengths > 0, lengths, 1.0)
