"""The inverse of a growing and shrinking Gram matrix, kept explicitly.

An active-set method changes its support by one atom at a time. Keeping ``M = (A_a^T A_a)^{-1}``
itself,
instead of a Cholesky factor, makes both changes a single symmetric rank-one update of cost ``k^2``
without the sequential chain of a triangular solve, which is what limits small supports on wide
vector units; and
an atom can leave from any place without refactoring. What an explicit inverse loses in accuracy the
solver wins back by
one step of iterative refinement, because it keeps the correlations ``A^T (x - A s)`` independently
of ``M``.

``M`` lives in a flat array with leading dimension ``ld``; rows and vectors are zero from ``k`` up
to
the next multiple of :data:`LANES`, so that loops run over whole vectors and need no remainder.

Both updates are covariant under a diagonal scaling of the atoms, hence columns of very different
norm cost no accuracy.
"""

from typing import Any

from numba import njit
from numba.core.cpu import CPUTargetOptions

__all__ = ["FAST", "LANES", "border", "grow", "multiply", "padded", "unborder", "wider"]

# No infinities are assumed away ("ninf"): an overflow must end in a poor certificate, not in
# undefined behaviour.
FAST: dict[str, Any] = {
    "cache": True,
    "error_model": "numpy",
    "fastmath": {"reassoc", "contract", "nsz", "nnan", "arcp"},
}
# "_nrt" leaves out the reference counts of arrays: as atomic instructions at every call and slice
# they were half the time of a sample, and threads contend for them. Functions compiled so must not
# allocate; their callers own all arrays. The option is not part of numba's public interface: where
# a version lacks it, the kernels are slower and as right.
if hasattr(CPUTargetOptions, "_nrt"):
    FAST["_nrt"] = False

LANES = 8


@njit(inline="always", **FAST)
def padded(k):
    """Smallest multiple of ``LANES`` that is at least ``k``."""
    return (k + LANES - 1) // LANES * LANES


@njit(**FAST)
def wider(ld):
    """The next leading dimension: half as much again, and not a power of two, which would crowd few
    sets of the cache.
    """
    return padded(ld + ld // 2)


@njit(**FAST)
def grow(M, ld, k):
    """Spread the ``k`` leading rows of ``M`` from leading dimension ``ld`` to the next; return
    that.

    A short leading dimension keeps small supports in the first-level cache although ``M`` has room
    for large ones.
    """
    wide = wider(ld)
    for t in range(k - 1, 0, -1):
        for c in range(ld - 1, -1, -1):
            M[t * wide + c] = M[t * ld + c]
    for t in range(k):
        for c in range(ld, wide):
            M[t * wide + c] = 0.0
    return wide


@njit(**FAST)
def multiply(M, ld, k, v, out):
    """``out = M v`` as a sum of rows (``M`` is symmetric), four at a time."""
    kp = padded(k)
    for c in range(kp):
        out[c] = 0.0
    t = 0
    while t + 4 <= k:
        a = t * ld
        v0, v1, v2, v3 = v[t], v[t + 1], v[t + 2], v[t + 3]
        for c in range(kp):
            out[c] += (
                v0 * M[a + c] + v1 * M[a + ld + c] + v2 * M[a + 2 * ld + c] + v3 * M[a + 3 * ld + c]
            )
        t += 4
    while t < k:
        a = t * ld
        v0 = v[t]
        for c in range(kp):
            out[c] += v0 * M[a + c]
        t += 1


@njit(**FAST)
def rank_one(M, ld, k, factor, w):
    """``M += factor w w^T``, four rows at a time."""
    kp = padded(k)
    t = 0
    while t + 4 <= k:
        a = t * ld
        s0, s1, s2, s3 = factor * w[t], factor * w[t + 1], factor * w[t + 2], factor * w[t + 3]
        for c in range(kp):
            M[a + c] += s0 * w[c]
            M[a + ld + c] += s1 * w[c]
            M[a + 2 * ld + c] += s2 * w[c]
            M[a + 3 * ld + c] += s3 * w[c]
        t += 4
    while t < k:
        a = t * ld
        s0 = factor * w[t]
        for c in range(kp):
            M[a + c] += s0 * w[c]
        t += 1


@njit(**FAST)
def border(M, ld, k, u, inverse_schur):
    """Append one atom: ``M <- [M 0; 0 0] + w w^T / schur`` with ``w = (u, -1)`` and ``u = M g``.

    ``g`` holds the products of the new atom with the ``k`` old ones and ``schur = A_j^T A_j - g^T
    u``.
    """
    kp = padded(k + 1)
    u[k] = -1.0
    for c in range(k + 1, kp):
        u[c] = 0.0
    for c in range(kp):
        M[k * ld + c] = 0.0
    if kp > padded(k):  # columns used for the first time
        for t in range(k):
            for c in range(kp - LANES, kp):
                M[t * ld + c] = 0.0
    rank_one(M, ld, k + 1, inverse_schur, u)


@njit(**FAST)
def unborder(M, ld, k, q, w):
    """Remove atom ``q`` and move the last one into its place; the inverse has ``k - 1`` rows
    afterwards.

    ``M <- M - M_q M_q^T / M_qq`` makes row and column ``q`` zero; ``w`` is scratch.
    """
    kp = padded(k)
    last = k - 1
    for c in range(kp):
        w[c] = M[q * ld + c]
    inverse = 1.0 / w[q]
    rank_one(M, ld, k, -inverse, w)
    if q != last:
        corner = M[last * ld + last]
        for c in range(kp):
            M[q * ld + c] = M[last * ld + c]
        for t in range(k):
            M[t * ld + q] = M[t * ld + last]
        M[q * ld + q] = corner
    for c in range(kp):
        M[last * ld + c] = 0.0
    for t in range(k):
        M[t * ld + last] = 0.0
