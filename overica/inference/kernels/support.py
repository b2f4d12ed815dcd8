"""Who enters a support, who leaves it, and who is the first to have to.

Arrays and their names are those of `overica.inference.kernels.pivot`.
"""

import numpy as np
from numba import njit

from overica.inference.kernels.bordered import FAST, border, grow, multiply, padded, unborder

__all__ = ["ACTIVE", "ASIDE", "IDLE", "crossing", "enter", "leave", "yielding"]

# States of a candidate; aside: it depends on the support and nothing can leave for it.
IDLE, ACTIVE, ASIDE = 0, 1, 2


@njit(**FAST)
def enter(R, c, own, sign, k, ld, capacity, dependent, rows, places, signs, values, state, M, u, g):
    """Append candidate ``c`` to the inverse unless it depends on the support; return ``(entered,
    ld)``.

    ``own`` is its squared norm, ``capacity`` the rank that no support exceeds whatever rounding
    says. ``u`` holds ``M g`` afterwards, and ``-1`` for the newcomer if it entered.
    """
    kp = padded(k)
    for t in range(k):
        g[t] = R[rows[t], c]
    for t in range(k, kp):
        g[t] = 0.0
    multiply(M, ld, k, g, u)
    schur = own
    for t in range(kp):
        schur -= g[t] * u[t]
    if k >= capacity or not schur > dependent * own:
        return False, ld
    if padded(k + 1) > ld:
        ld = grow(M, ld, k)
    border(M, ld, k, u, 1.0 / schur)
    places[k] = c
    signs[k] = sign
    values[k] = 0.0
    state[c] = ACTIVE
    return True, ld


@njit(**FAST)
def leave(q, k, ld, rows, places, signs, values, state, M, g):
    """Remove the atom at ``q``; the last one takes its place. The slot moves behind the others, for
    reuse.
    """
    unborder(M, ld, k, q, g)
    state[places[q]] = IDLE
    last = k - 1
    slot = rows[q]
    rows[q] = rows[last]
    rows[last] = slot
    places[q] = places[last]
    signs[q] = signs[last]
    values[q] = values[last]
    return last


@njit(**FAST)
def crossing(k, signs, values, step):
    """Where ``values + alpha step`` first changes a sign, ``alpha <= 1``: ``(alpha, position)``, or
    ``(1, -1)``.
    """
    lowest = 1.0
    for t in range(k):
        v = (values[t] + step[t]) * signs[t]
        lowest = v if v < lowest else lowest
    if lowest > 0.0:
        return 1.0, -1
    alpha = 1.0
    q = -1
    for t in range(k):
        if step[t] * signs[t] < 0.0 and (values[t] + step[t]) * signs[t] <= 0.0:
            a = -values[t] / step[t]
            if q < 0 or a < alpha:
                alpha = a
                q = t
    return max(alpha, 0.0), q


@njit(**FAST)
def yielding(sign, k, signs, values, u):
    """Who reaches zero first when the dependent newcomer moves by ``alpha sign``: ``(alpha,
    position)``.

    ``A_j = A_a u``, hence ``(-u, 1)`` spans the null direction.
    """
    alpha = np.inf
    q = -1
    for t in range(k):
        slope = sign * u[t] * signs[t]
        if slope > 0.0:
            a = abs(values[t]) / slope
            if a < alpha:
                alpha = a
                q = t
    return alpha, q
