"""Does sparsity favour the true columns?  Compositions of them with a smaller L1 norm, if any.

What the law of the data determines and what a sparse penalty prefers are two questions.  Here the
second: the mean L1 norm of codes that explain the noiseless data exactly, for the true columns and
for the best alternative of two families,

- in the plane, all columns turned by one angle, with the codes of least L1 norm in closed form;
- in any dimension, absorption: where source i is active whenever j is, column j is replaced by
  ``c = (a_j + beta a_i) / nu`` with beta the least ratio ``s_i / s_j``; the codes become
  ``s_c = nu s_j`` and ``s_i - beta s_j``, and since ``nu < 1 + beta`` the norm falls.

An alternative that is found is a proof; that none is found proves nothing.
"""

import numpy as np

from overica.datasets.identifiability.truth import Truth

_ANGLES = np.deg2rad(np.arange(3, 360, 3))
_MOST_SAMPLES = 20_000


def compare_l1(truth: Truth) -> tuple[float, float]:
    """Mean L1 norm of codes under the true columns and under the best alternative found.

    Parameters
    ----------
    truth : Truth
        See `Mixture.truth`.

    Returns
    -------
    (float, float)
        In the units of X; the second is infinite where the family has no member.

    Examples
    --------
    On a square, two signed sources cost less along the diagonals:

    >>> S = np.random.default_rng(0).uniform(-1, 1, (2000, 2))
    >>> true, other = compare_l1(Truth(np.eye(2), S, nonnegative=False))
    >>> round(true, 1), round(other, 2)
    (1.0, 0.94)
    """
    codes = truth.codes[:_MOST_SAMPLES]
    if len(truth.mixing) != 2:
        true = float(np.abs(codes).sum(axis=1).mean())
        if (codes < 0).any():
            return true, float("inf")
        absorbed = float(absorb(truth.mixing, codes)[1].sum(axis=1).mean())
        return true, absorbed if absorbed < true else float("inf")
    X = codes @ truth.mixing.T
    angles = np.arctan2(truth.mixing[1], truth.mixing[0])
    norms = [planar_l1(X, angles + turn, truth.nonnegative) for turn in _ANGLES]
    return planar_l1(X, angles, truth.nonnegative), min(norms)


def planar_l1(X: np.ndarray, angles: np.ndarray, nonnegative: bool) -> float:
    """Mean least L1 norm of exact codes on unit columns of the plane at the given angles.

    The unit ball of that norm is the convex hull of the columns, which all are corners of it; a
    sample is best explained by the two columns it lies between.  Infinite if there are none.
    """
    columns = angles if nonnegative else np.concatenate([angles, angles + np.pi])
    columns = np.sort(np.mod(columns, 2 * np.pi))
    phi = np.mod(np.arctan2(X[:, 1], X[:, 0]), 2 * np.pi)
    right = np.searchsorted(columns, phi) % len(columns)
    before, after = columns[right - 1], columns[right]
    gap = np.mod(after - before, 2 * np.pi)
    # Of two opposite columns only one is needed, by a sample on their line.
    open_gap = (gap >= np.pi - 1e-12) | (gap == 0)
    on_column = np.minimum(np.mod(phi - before, 2 * np.pi), np.mod(after - phi, 2 * np.pi)) < 1e-9
    norms = np.linalg.norm(X, axis=1)
    if (open_gap & ~on_column & (norms > 0)).any():
        return float("inf")
    # x = a u(before) + b u(after):  a = r sin(after - phi) / sin(gap), b likewise.
    sine = np.where(open_gap, 1.0, np.sin(gap))
    total = np.where(on_column | open_gap, 1.0, (np.sin(after - phi) + np.sin(phi - before)) / sine)
    return float((norms * total).mean())


def absorb(A: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns and non-negative codes of the same samples after absorption, rarest source first.

    Parameters
    ----------
    A : ndarray of shape (n_features, n_components)
        Unit columns.
    codes : ndarray of shape (n_samples, n_components)
        Non-negative codes.

    Returns
    -------
    B : ndarray of shape (n_features, n_components)
        Unit columns; `A` where no source is always accompanied by another.
    Z : ndarray of shape (n_samples, n_components)
        Codes with ``Z @ B.T = codes @ A.T`` and no larger sum.

    Examples
    --------
    >>> import numpy as np
    >>> B, Z = absorb(np.eye(2), np.array([[1.0, 0.0], [2.0, 1.0], [1.0, 1.0]]))
    >>> B.round(3).tolist(), Z.round(3).tolist()
    ([[1.0, 0.707], [0.0, 0.707]], [[1.0, 0.0], [1.0, 1.414], [0.0, 1.414]])
    """
    B, Z = A.copy(), codes.copy()
    active = (codes > 0).astype(np.float32)
    joint = active.T @ active
    rate = np.diag(joint)
    for j in np.argsort(rate, kind="stable"):
        others = np.flatnonzero((joint[j] == rate[j]) & (rate > rate[j]))
        rows = Z[:, j] > 0
        if not len(others) or not rows.any():
            continue
        beta = (Z[np.ix_(rows, others)] / Z[rows, j][:, None]).min(axis=0)
        nu = np.sqrt(1 + beta**2 + 2 * beta * (A[:, j] @ A[:, others]))
        best = int(np.argmax(1 + beta - nu))
        B[:, j] = (A[:, j] + beta[best] * A[:, others[best]]) / nu[best]
        Z[:, others[best]] = np.maximum(0.0, Z[:, others[best]] - beta[best] * Z[:, j])
        Z[:, j] *= nu[best]
    return B, Z
