"""Two features: every code in closed form, without a search.

The residual ``r`` of a solution is the projection of ``x`` on the dual polygon ``{r : v_j^T r <=
penalty}``, whose edges belong to the
signed atoms ``v_j = +-A_j`` on the convex hull of all of them. Let edge ``j`` run from the corner
``P-`` it shares with the edge
before it to the corner ``P+`` it shares with the next, counter-clockwise, and let ``tau`` be the
position of ``x`` along the edge. Then

    s_j = max(0, h),   h = (v_j^T x - penalty) / |v_j|^2        where tau is on the edge (r is
    inside it),
                       h = (x - P+) x v_next / (v_j x v_next)   beyond P+ (r is the corner, two
                       atoms are active),
                       h = v_prev x (x - P-) / (v_prev x v_j)   before P-,

with ``a x b`` the cross product. Each is linear in ``x``, so that a code is a table look-up and two
comparisons per atom and sample, the same for all: it vectorises over samples.
"""

import numpy as np
from numba import njit, prange

from overica.inference.kernels.bordered import FAST

__all__ = ["hull_table", "planar_batch"]

# sine of an angle between neighbours below which the cross products lose the accuracy promised
NARROW = 1e-5
CHUNK = 256


def _signed_hull(A, nonnegative):
    """Vertices of the convex hull of the signed atoms and the origin: positions in counter-
    clockwise order, atoms, signs.
    """
    V = A.T.astype(np.float64)
    atoms, signs = np.arange(len(V)), np.ones(len(V))
    if not nonnegative:
        V, atoms, signs = np.vstack([V, -V]), np.tile(atoms, 2), np.concatenate([signs, -signs])
    keep = np.hypot(V[:, 0], V[:, 1]) > 0
    V, atoms, signs = V[keep], atoms[keep], signs[keep]
    points = np.vstack([V, np.zeros((1, 2))])
    order = np.lexsort((points[:, 1], points[:, 0]))
    chain = []
    for sweep in (order, order[::-1]):  # Andrew's monotone chain
        side: list[int] = []
        for i in sweep:
            while (
                len(side) > 1
                and _cross(points[side[-1]] - points[side[-2]], points[i] - points[side[-2]]) <= 0
            ):
                side.pop()
            side.append(int(i))
        chain += side[:-1]
    hull = np.array([i for i in chain if i < len(V)], dtype=np.int64)
    hull = hull[np.argsort(np.arctan2(V[hull, 1], V[hull, 0]), kind="stable")]
    return V[hull], atoms[hull], signs[hull]


def _cross(a, b):
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def hull_table(A, penalty, nonnegative):
    """Table of `planar_batch`, a row per signed hull atom, and the atoms; None where neighbours are
    nearly parallel.

    Columns: edge coordinate (2), its ends (2), then three linear functions ``(a, b, c): a x_0 + b
    x_1 + c`` for on the edge,
    beyond and before it.
    """
    V, atoms, signs = _signed_hull(A, nonnegative)
    count = len(V)
    table = np.zeros((count, 13))
    for i in range(count):
        v = V[i]
        square = v @ v
        table[i, 0:2] = -v[1], v[0]
        table[i, 2:4] = -np.inf, np.inf
        table[i, 4:7] = v[0] / square, v[1] / square, -penalty / square
        for column, other in ((7, V[(i + 1) % count]), (10, V[i - 1])):
            det = _cross(v, other)
            sine = det / np.sqrt(square * (other @ other))
            if column == 10:
                det, sine = -det, -sine
            if count == 1 or sine <= -NARROW or (sine <= NARROW and v @ other < 0):
                continue  # the polygon is open on this side
            if sine <= NARROW:
                return None
            det = _cross(v, other)
            corner = penalty * np.array([other[1] - v[1], v[0] - other[0]]) / det
            table[i, 3 if column == 7 else 2] = _cross(v, corner)
            gradient = np.array([other[1], -other[0]]) / det
            table[i, column : column + 3] = *gradient, -gradient @ corner
    return table, atoms, signs


@njit(**FAST)
def planar_chunk(X, table, atoms, signs, codes, first, last, x0, x1, values):
    """Codes of samples ``first`` to ``last - 1``."""
    count = last - first
    for i in range(count):
        x0[i] = X[first + i, 0]
        x1[i] = X[first + i, 1]
    for i in range(first, last):
        for j in range(codes.shape[1]):
            codes[i, j] = 0
    for e in range(atoms.size):
        t0, t1, low, high = table[e, 0], table[e, 1], table[e, 2], table[e, 3]
        a0, a1, a2 = table[e, 4], table[e, 5], table[e, 6]
        b0, b1, b2 = table[e, 7], table[e, 8], table[e, 9]
        c0, c1, c2 = table[e, 10], table[e, 11], table[e, 12]
        sign = signs[e]
        j = atoms[e]
        for i in range(count):
            p, q = x0[i], x1[i]
            tau = t0 * p + t1 * q
            h = a0 * p + a1 * q + a2
            h = b0 * p + b1 * q + b2 if tau > high else h
            h = c0 * p + c1 * q + c2 if tau < low else h
            values[i] = h if h > 0 else 0.0
        for i in range(count):
            codes[first + i, j] += sign * values[i]


@njit(parallel=True, cache=True)
def planar_batch(X, table, atoms, signs, codes):
    """Fill ``codes`` for samples of two features."""
    n_samples = X.shape[0]
    for chunk in prange((n_samples + CHUNK - 1) // CHUNK):
        scratch = np.empty((3, CHUNK))
        first = chunk * CHUNK
        planar_chunk(
            X, table, atoms, signs, codes, first, min(n_samples, first + CHUNK),
            scratch[0], scratch[1], scratch[2],
        )  # fmt: skip
