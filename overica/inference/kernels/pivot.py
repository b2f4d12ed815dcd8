"""Active-set steps of one sample: one atom enters at a time, as many leave as must.

Between steps the codes minimise the objective over the current support and signs. The atom that
violates
``|A_j^T (x - A s)| <= penalty`` most enters with its sign; the minimiser over the larger support is
then a known multiple
of one column of the inverse Gram matrix, since the optimality residual ``rho = A_a^T (x - A s) -
penalty sign(s_a)`` is zero
except at the newcomer. Where a code would change sign on the way, the step stops there, that atom
leaves, and the rest
of the step is taken with the smaller support. The objective falls strictly at every newcomer, so
that no support returns and
the method ends (Lawson and Hanson 1974, chapter 23, for non-negative least squares; Osborne,
Presnell and Turlach 2000 for l1).

A newcomer that depends linearly on the support moves along the null direction, where ``A s`` stays
and the
l1 norm falls, until another atom reaches zero and gives its place.

Columns
-------
Steps see the dictionary through a list ``columns`` of candidate atoms, or all of them. ``R[rows[t],
c]`` is the product
of the active atom ``t`` and candidate ``c``: with all atoms ``R`` is the Gram matrix and
``rows[t]`` the atom; with a short list ``R`` is a
small matrix whose rows are gathered when an atom enters, and ``rows`` says in which slot. Arrays of
the support have ``k`` valid
entries: ``rows``, ``places`` (positions in the list), ``signs``, ``values`` (the codes).
Correlations ``r`` and Gram matrices have the samples' precision, everything of the support's size
is float64.
"""

import numpy as np
from numba import njit

from overica.inference.kernels.bordered import FAST, multiply
from overica.inference.kernels.support import ASIDE, IDLE, crossing, enter, leave, yielding

__all__ = ["advance", "peak", "pivot", "settle"]


@njit(**FAST)
def advance(R, rows, step, k, n, r):
    """``r -= R[rows].T @ step`` over ``n`` columns, four rows at a time."""
    kind = r.dtype.type
    t = 0
    while t + 4 <= k:
        a0, a1, a2, a3 = rows[t], rows[t + 1], rows[t + 2], rows[t + 3]
        s0, s1, s2, s3 = kind(step[t]), kind(step[t + 1]), kind(step[t + 2]), kind(step[t + 3])
        for j in range(n):
            r[j] -= s0 * R[a0, j] + s1 * R[a1, j] + s2 * R[a2, j] + s3 * R[a3, j]
        t += 4
    while t < k:
        a0, s0 = rows[t], kind(step[t])
        for j in range(n):
            r[j] -= s0 * R[a0, j]
        t += 1


@njit(**FAST)
def follow(R, row, step, n, r):
    """`advance` for a single atom."""
    s = r.dtype.type(step)
    for j in range(n):
        r[j] -= s * R[row, j]


@njit(**FAST)
def peak(bits, n, nonnegative):
    """Position of the largest ``|r|`` (``r`` if ``nonnegative``); ``bits`` are the correlations
    viewed as integers.

    Positive floats sort like their bit patterns, and integer maxima vectorise. The position travels
    in the lowest
    bits, in place of the end of the mantissa for float64: ties within 2^-40 are broken arbitrarily.
    """
    shift = 64 - 8 * bits.itemsize
    low = 1
    while low < n:
        low *= 2
    mask = ~np.int64(low - 1)
    best = np.int64(0)
    if not nonnegative:
        mask &= np.int64(0x7FFFFFFFFFFFFFFF)
    for j in range(n):
        best = max(best, ((np.int64(bits[j]) << shift) & mask) | j)
    return best & np.int64(low - 1)


@njit(**FAST)
def runner_up(r, n, nonnegative, limit, state):
    """As `peak` among the idle candidates above ``limit``, or -1; for the rare case that the peak
    is not idle.
    """
    best = -1
    value = limit
    for j in range(n):
        v = r[j] if nonnegative else abs(r[j])
        if v > value and state[j] == IDLE:
            best = j
            value = v
    return best


@njit(**FAST)
def pivot(
    G, columns, n, short, R, r, bits, penalty, nonnegative, limit, capacity, dependent, k, ld,
    max_steps,
    rows, places, signs, values, state, M, step, u, g,
):  # fmt: skip
    """Steps until no idle correlation exceeds ``limit``; return ``(k, ld, n_steps)``."""
    n_steps = 0
    while n_steps < max_steps:
        c = peak(bits, n, nonnegative)
        if (r[c] if nonnegative else abs(r[c])) <= limit:
            break
        if state[c] != IDLE:
            c = runner_up(r, n, nonnegative, limit, state)
            if c < 0:
                break
        n_steps += 1
        sign = 1.0 if r[c] > 0 else -1.0
        own = float(G[columns[c], columns[c]]) if short else float(G[c, c])
        entered, ld = enter(
            R, c, own, sign, k, ld, capacity, dependent, rows, places, signs, values, state, M, u, g
        )
        start = 0.0
        if not entered:
            alpha, q = yielding(sign, k, signs, values, u)
            if q >= 0:
                # The correlations follow although they should not change: dependence is a matter of
                # a threshold.
                start = alpha * sign
                for t in range(k):
                    step[t] = -start * u[t]
                    values[t] += step[t]
                advance(R, rows, step, k, n, r)
                for j in range(n):
                    r[j] -= r.dtype.type(start * (G[columns[c], columns[j]] if short else G[c, j]))
                k = leave(q, k, ld, rows, places, signs, values, state, M, g)
                entered, ld = enter(
                    R,
                    c,
                    own,
                    sign,
                    k,
                    ld,
                    capacity,
                    dependent,
                    rows,
                    places,
                    signs,
                    values,
                    state,
                    M,
                    u,
                    g,
                )
            if not entered:
                state[c] = ASIDE
                continue
            values[k] = start
        if short:
            slot, j = rows[k], columns[c]
            for t in range(n):
                R[slot, t] = G[j, columns[t]]
        else:
            rows[k] = c
        k += 1
        rho = r[c] - penalty * sign
        newest = k - 1
        for t in range(k):
            u[t] = 0.0  # from here on, how far each code has moved; the correlations follow once
        while True:
            for t in range(k):
                step[t] = rho * M[newest * ld + t]
            alpha, q = crossing(k, signs, values, step)
            for t in range(k):
                u[t] += alpha * step[t]
                values[t] += alpha * step[t]
            if q < 0:
                break
            n_steps += 1
            rho *= 1.0 - alpha
            follow(R, rows[q], u[q], n, r)
            u[q] = u[k - 1]
            k = leave(q, k, ld, rows, places, signs, values, state, M, g)
            if q == newest:
                break
            if newest == k:  # the newcomer was last and took the free place
                newest = q
        advance(R, rows, u, k, n, r)
    return k, ld, n_steps


@njit(**FAST)
def settle(
    R, n, r, penalty, k, ld, max_steps, rows, places, signs, values, state, M, step, rho, moved, g
):
    """Move to the minimiser over the support from any ``rho``, dropping atoms on the way; return
    ``(k, n_steps)``.

    With ``rho`` near zero this is a step of iterative refinement.
    """
    n_steps = 0
    for t in range(k):
        rho[t] = r[places[t]] - penalty * signs[t]
        moved[t] = 0.0
    while k > 0 and n_steps < max_steps:
        n_steps += 1
        multiply(M, ld, k, rho, step)
        alpha, q = crossing(k, signs, values, step)
        for t in range(k):
            moved[t] += alpha * step[t]
            values[t] += alpha * step[t]
        if q < 0:
            break
        follow(R, rows[q], moved[q], n, r)
        for t in range(k):
            rho[t] *= 1.0 - alpha
        rho[q] = rho[k - 1]
        moved[q] = moved[k - 1]
        k = leave(q, k, ld, rows, places, signs, values, state, M, g)
    advance(R, rows, moved, k, n, r)
    return k, n_steps
