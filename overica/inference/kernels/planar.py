"""Two features: every code in closed form, without a search.

The residual ``r`` of a solution is the projection of ``x`` on the dual polygon
``{r : v_j^T r <= penalty}``, whose edges belong to the signed atoms ``v_j = +-A_j`` on the convex
hull of all of them. With ``a x b`` the cross product, let ``tau = v_j x x`` be the position of
``x`` along edge ``j``, which runs counter-clockwise from the corner at ``low``, shared with the
edge before it, to the corner at ``high``, shared with the next. Then ``s_j = max(0, h)`` with

    h = (v_j^T x - penalty) / |v_j|^2     where tau is on the edge (r is inside it),
        (x - P) x v_o / (v_j x v_o)       beyond the corner P shared with edge o (two active atoms).

Both are linear in ``x`` and agree where they meet, at ``tau = high`` or ``low``. Hence the second
is the first and a multiple of the distance beyond the corner,

    h = (v_j^T x - penalty) / |v_j|^2 + beyond max(0, tau - high) + before max(0, low - tau),
    beyond = -v_j^T v_o / (|v_j|^2 v_j x v_o),  high = penalty (|v_j|^2 - v_j^T v_o) / (v_j x v_o),

and likewise at the other corner. Where signs are free, the polygon is symmetric about the origin,
and ``s_j = max(0, h(x)) - max(0, h(-x))``. A code is thus some twenty multiplications, additions
and maxima, the same for all samples, without a branch.
"""

import numpy as np
from numba import njit, prange

from overica.inference.kernels.bordered import FAST

__all__ = ["planar_batch", "polygon"]

# sine of an angle between neighbours below which the cross products lose the accuracy promised
NARROW = 1e-5
CHUNK = 1024  # samples at a time
TOGETHER = 4  # atoms whose codes are written at a time
ORIGIN = -1  # stands for an atom


@njit(cache=True)
def ring(A, nonnegative):
    """Signed atoms by angle, once round from the longest to where it recurs.

    Half a turn, to its negative, if signs are free: the other half is the mirror image. The origin
    stands in a gap of half a turn or more. Returns the number of points, points, atoms and signs.
    """
    n = A.shape[1]
    signs, angles = np.ones(n), np.empty(n)
    longest, length = 0, 0.0
    for j in range(n):
        x, y = float(A[0, j]), float(A[1, j])
        if not nonnegative and (y < 0 or (y == 0 and x < 0)):
            signs[j], x, y = -1.0, -x, -y
        angles[j] = np.arctan2(y, x)
        if np.hypot(x, y) > length:
            longest, length = j, np.hypot(x, y)
    order = np.argsort(angles)
    start = 0
    while order[start] != longest:
        start += 1
    V, atoms, flips = np.zeros((n + 3, 2)), np.full(n + 3, ORIGIN), np.ones(n + 3)
    count = 0
    previous = 0.0
    for i in range(start, start + n + 1):
        j = order[i % n]
        angle = angles[j]
        sign = signs[j]
        if i >= n:
            angle += 2 * np.pi if nonnegative else np.pi
            sign = sign if nonnegative else -sign
        x, y = sign * A[0, j], sign * A[1, j]
        if x == 0 and y == 0:
            continue
        if count > 0:
            # 3 and not pi: what the angles cannot tell apart, the cross product decides
            count += angle - previous > 3.0 and V[count - 1, 0] * y <= V[count - 1, 1] * x
        V[count, 0], V[count, 1] = x, y
        atoms[count] = j
        flips[count] = sign
        previous = angle
        count += 1
    return count, V, atoms, flips


@njit(cache=True)
def corner(V, i, o, atoms, penalty, side):
    """``(place, slope, ok)`` of the corner between edges ``i`` and ``o``; ``side`` is -1 before."""
    if atoms[o] == ORIGIN:
        return 0.0, 0.0, True
    square = V[i, 0] ** 2 + V[i, 1] ** 2
    dot = V[i, 0] * V[o, 0] + V[i, 1] * V[o, 1]
    cross = V[i, 0] * V[o, 1] - V[i, 1] * V[o, 0]
    if side * cross <= NARROW * np.sqrt(square * (V[o, 0] ** 2 + V[o, 1] ** 2)):
        return 0.0, 0.0, False
    return penalty * (square - dot) / cross, -side * dot / (square * cross), True


@njit(cache=True)
def polygon(A, penalty, nonnegative):
    """Table of `planar_batch`, and whether it is accurate: not where neighbours are near parallel.

    A row per atom, zero off the hull: ``v / |v|^2`` (2), ``penalty / |v|^2``, the gradient of tau
    (2), high, beyond, low, before. Rows are filled up to a multiple of ``TOGETHER``.
    """
    n = A.shape[1]
    table = np.zeros(((n + TOGETHER - 1) // TOGETHER * TOGETHER, 9))
    count, V, atoms, flips = ring(A, nonnegative)
    last = 0  # of the points kept, which take the first places
    for i in range(1, count):
        while last > 0 and atoms[last] != ORIGIN:  # Graham's scan
            a, b = last - 1, last
            alone = atoms[a] == ORIGIN and atoms[i] == ORIGIN
            right = (V[b, 1] - V[a, 1]) * (V[i, 0] - V[b, 0])
            if alone or (V[b, 0] - V[a, 0]) * (V[i, 1] - V[b, 1]) > right:
                break
            last -= 1
        last += 1
        V[last], atoms[last], flips[last] = V[i], atoms[i], flips[i]
    for i in range(last):
        j = atoms[i]
        if j == ORIGIN:
            continue
        high, beyond, ok = corner(V, i, i + 1, atoms, penalty, 1.0)
        before_first = i == 0
        o = last - 1 if before_first else i - 1
        if before_first and not nonnegative:
            # the edge before the first is the mirror image of the edge before the end of the ring
            low, before, fine = corner(V, last, o, atoms, penalty, -1.0)
        else:
            low, before, fine = corner(V, i, o, atoms, penalty, -1.0)
        if not (ok and fine):
            return table, False
        square = V[i, 0] ** 2 + V[i, 1] ** 2
        table[j, 0], table[j, 1], table[j, 2] = V[i, 0] / square, V[i, 1] / square, penalty / square
        table[j, 3], table[j, 4] = -V[i, 1], V[i, 0]
        table[j, :2] *= flips[i]
        table[j, 3:5] *= flips[i]
        table[j, 5], table[j, 6], table[j, 7], table[j, 8] = high, beyond, low, before
    return table, True


@njit(inline="always", **FAST)
def one_sided(along, tau, edge, high, beyond, low, before):
    """``max(0, h)``."""
    h = along - edge + beyond * max(0.0, tau - high) + before * max(0.0, low - tau)
    return max(0.0, h)


@njit(**FAST)
def planar_column(flat, row, mirror, values):
    """One atom's codes; the constant stride of ``flat``, two numbers per sample, vectorises."""
    a0, a1, edge, t0, t1 = row[0], row[1], row[2], row[3], row[4]
    high, beyond, low, before = row[5], row[6], row[7], row[8]
    for i in range(flat.size // 2):
        p, q = flat[2 * i], flat[2 * i + 1]
        along, tau = a0 * p + a1 * q, t0 * p + t1 * q
        value = one_sided(along, tau, edge, high, beyond, low, before)
        values[i] = value - mirror * one_sided(-along, -tau, edge, high, beyond, low, before)


@njit(**FAST)
def planar_chunk(flat, table, mirror, values, codes):
    """Codes of the samples that ``flat`` lists; ``mirror`` is 1 where signs are free, else 0."""
    n = codes.shape[1]
    kind = codes.dtype.type
    for group in range(0, n, TOGETHER):
        for e in range(TOGETHER):
            planar_column(flat, table[group + e], mirror, values[e])
        if group + TOGETHER <= n:
            for i in range(codes.shape[0]):
                codes[i, group] = kind(values[0, i])
                codes[i, group + 1] = kind(values[1, i])
                codes[i, group + 2] = kind(values[2, i])
                codes[i, group + 3] = kind(values[3, i])
        else:
            for i in range(codes.shape[0]):
                for e in range(n - group):
                    codes[i, group + e] = kind(values[e, i])


@njit(parallel=True, cache=True)
def planar_batch(X, table, nonnegative, codes):
    """Fill ``codes`` for samples of two features."""
    n_samples = codes.shape[0]
    flat = X.reshape(-1)
    mirror = 0.0 if nonnegative else 1.0
    for chunk in prange((n_samples + CHUNK - 1) // CHUNK):
        first = chunk * CHUNK
        last = min(n_samples, first + CHUNK)
        values = np.empty((TOGETHER, CHUNK))
        planar_chunk(flat[2 * first : 2 * last], table, mirror, values, codes[first:last])
