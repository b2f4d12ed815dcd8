"""Active-set steps of one sample: one atom enters at a time, as many leave as must.

Between steps the codes minimise the objective over the current support and signs. The atom that violates
``|A_j^T (x - A s)| <= penalty`` most enters with its sign; the minimiser over the larger support is then a known multiple
of one column of the inverse Gram matrix, since the optimality residual ``rho = A_a^T (x - A s) - penalty sign(s_a)`` is zero
except at the newcomer. Where a code would change sign on the way, the step stops there, that atom leaves, and the rest of the step is
taken with the smaller support. The objective falls strictly at every newcomer, so that no support returns and
the method ends (Lawson and Hanson 1974, chapter 23, for non-negative least squares; Osborne, Presnell and Turlach 2000 for l1).

A newcomer that depends linearly on the support moves along the null direction, where ``A s`` stays and the
l1 norm falls, until another atom reaches zero and gives its place.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from overica.inference.kernels.bordered import (
    FAST,
    LANES,
    border,
    grow,
    multiply,
    padded,
    unborder,
)

__all__ = ["Workspace", "advance", "drop", "factor", "pivot", "settle", "workspace"]

START = 16  # first leading dimension of the inverse: two vectors of LANES


class Workspace(NamedTuple):
    """Scratch memory of one sample's solve; only the first ``k`` entries of the support's arrays mean anything."""

    atoms: np.ndarray
    """Indices of the active atoms."""
    signs: np.ndarray
    """Their signs, as float64."""
    values: np.ndarray
    """Their codes."""
    inverse: np.ndarray
    """Flat inverse Gram matrix, see :mod:`overica.inference.kernels.bordered`."""
    step: np.ndarray
    u: np.ndarray
    g: np.ndarray
    rho: np.ndarray
    flags: np.ndarray
    """Per atom of the dictionary: 0 idle, 1 active, 2 set aside as dependent."""
    r: np.ndarray
    """Correlations ``A^T (x - A s)`` of every atom."""


@njit(**FAST)
def workspace(n_atoms, capacity, like):
    """Allocate for a dictionary of ``n_atoms`` whose supports have at most ``capacity`` atoms."""
    ld = START
    while ld < capacity + LANES:
        ld *= 2
    return Workspace(
        np.empty(ld, np.int32),
        np.empty(ld),
        np.empty(ld),
        np.empty(ld * ld),
        np.empty(ld),
        np.empty(ld),
        np.empty(ld),
        np.empty(ld),
        np.zeros(n_atoms, np.uint8),
        np.empty(n_atoms, like.dtype),
    )


@njit(**FAST)
def advance(G, atoms, step, k, r):
    """``r -= G[:, atoms] step``, four rows of the symmetric ``G`` at a time."""
    n = r.size
    t = 0
    while t + 4 <= k:
        g0, g1, g2, g3 = G[atoms[t]], G[atoms[t + 1]], G[atoms[t + 2]], G[atoms[t + 3]]
        a0, a1 = r.dtype.type(step[t]), r.dtype.type(step[t + 1])
        a2, a3 = r.dtype.type(step[t + 2]), r.dtype.type(step[t + 3])
        for j in range(n):
            r[j] -= a0 * g0[j] + a1 * g1[j] + a2 * g2[j] + a3 * g3[j]
        t += 4
    while t < k:
        g0 = G[atoms[t]]
        a0 = r.dtype.type(step[t])
        for j in range(n):
            r[j] -= a0 * g0[j]
        t += 1


@njit(**FAST)
def worst(r, nonnegative, limit, flags):
    """Idle atom with the largest correlation above ``limit``, or -1."""
    n = r.size
    top = r[0] * 0
    if nonnegative:
        for j in range(n):
            top = max(top, r[j])
    else:
        for j in range(n):
            top = max(top, abs(r[j]))
    if top <= limit:
        return -1
    for j in range(n):
        if r[j] == top or (r[j] == -top and not nonnegative):
            if flags[j] == 0:
                return j
            break
    # The largest belongs to an atom that cannot enter: rare, so that this loop need not be quick.
    best = -1
    value = limit
    for j in range(n):
        v = r[j] if nonnegative else abs(r[j])
        if v > value and flags[j] == 0:
            best = j
            value = v
    return best


@njit(**FAST)
def enter(G, j, sign, k, ld, ws, dependent):
    """Try to append atom ``j`` to the inverse; return ``(entered, k, ld)``. ``ws.u`` holds ``M g`` either way."""
    row = G[j]
    kp = padded(k)
    for t in range(k):
        ws.g[t] = row[ws.atoms[t]]
    for t in range(k, kp):
        ws.g[t] = 0.0
    multiply(ws.inverse, ld, k, ws.g, ws.u)
    schur = float(row[j])
    for t in range(kp):
        schur -= ws.g[t] * ws.u[t]
    if not schur > dependent * row[j]:
        return False, k, ld
    if padded(k + 1) > ld:
        ld = grow(ws.inverse, ld, k)
    border(ws.inverse, ld, k, ws.u, 1.0 / schur)
    ws.atoms[k] = j
    ws.signs[k] = sign
    ws.values[k] = 0.0
    ws.flags[j] = 1
    return True, k + 1, ld


@njit(**FAST)
def drop(k, ld, ws, q):
    """Remove the atom at place ``q``; the last one takes the place."""
    unborder(ws.inverse, ld, k, q, ws.g)
    ws.flags[ws.atoms[q]] = 0
    k -= 1
    ws.atoms[q] = ws.atoms[k]
    ws.signs[q] = ws.signs[k]
    ws.values[q] = ws.values[k]
    return k


@njit(**FAST)
def crossing(k, ws):
    """First place where ``values + alpha step`` changes sign for ``alpha <= 1``: ``(alpha, place)`` or ``(1, -1)``."""
    lowest = 1.0
    for t in range(k):
        lowest = min(lowest, (ws.values[t] + ws.step[t]) * ws.signs[t])
    if lowest > 0.0:
        return 1.0, -1
    alpha = 1.0
    place = -1
    for t in range(k):
        if ws.step[t] * ws.signs[t] < 0.0 and (ws.values[t] + ws.step[t]) * ws.signs[t] <= 0.0:
            a = -ws.values[t] / ws.step[t]
            if place < 0 or a < alpha:
                alpha = a
                place = t
    return max(alpha, 0.0), place


@njit(**FAST)
def exchange(G, j, sign, k, ld, ws):
    """Let the dependent atom ``j`` push another one out; return ``(code of j, k)``, code 0 when nothing leaves.

    ``(-u, 1) sign`` is the null direction: ``A_j = A_a u``. The correlations are updated although they should not
    change, because dependence is a matter of a threshold.
    """
    alpha = np.inf
    place = -1
    for t in range(k):
        slope = sign * ws.u[t] * ws.signs[t]
        if slope > 0.0:
            a = abs(ws.values[t]) / slope
            if a < alpha:
                alpha = a
                place = t
    if place < 0:
        return 0.0, k
    for t in range(k):
        ws.step[t] = -alpha * sign * ws.u[t]
        ws.values[t] += ws.step[t]
    advance(G, ws.atoms, ws.step, k, ws.r)
    row = G[j]
    code = ws.r.dtype.type(alpha * sign)
    for t in range(row.size):
        ws.r[t] -= code * row[t]
    return alpha * sign, drop(k, ld, ws, place)


@njit(**FAST)
def pivot(G, penalty, nonnegative, limit, dependent, k, ld, ws, max_steps):
    """Steps until no idle correlation exceeds ``limit``; return ``(k, ld, n_steps)``."""
    n_steps = 0
    while n_steps < max_steps:
        j = worst(ws.r, nonnegative, limit, ws.flags)
        if j < 0:
            break
        n_steps += 1
        sign = 1.0 if ws.r[j] > 0 else -1.0
        code = 0.0
        entered, k, ld = enter(G, j, sign, k, ld, ws, dependent)
        if not entered:
            code, k = exchange(G, j, sign, k, ld, ws)
            if code != 0.0:
                entered, k, ld = enter(G, j, sign, k, ld, ws, dependent)
            if not entered:
                ws.flags[j] = 2
                continue
            ws.values[k - 1] = code
        rho = ws.r[j] - penalty * sign
        place = k - 1
        while place < k:
            for t in range(k):
                ws.step[t] = rho * ws.inverse[place * ld + t]
            alpha, leaves = crossing(k, ws)
            if leaves >= 0:
                for t in range(k):
                    ws.step[t] *= alpha
            for t in range(k):
                ws.values[t] += ws.step[t]
            advance(G, ws.atoms, ws.step, k, ws.r)
            if leaves < 0:
                break
            rho *= 1.0 - alpha
            n_steps += 1
            k = drop(k, ld, ws, leaves)
            if leaves == place:
                break
            if place == k:  # the newcomer was last and took the free place
                place = leaves
    return k, ld, n_steps


@njit(**FAST)
def settle(G, penalty, k, ld, ws, max_steps):
    """Move to the minimiser over the support from any ``rho``, dropping atoms on the way; return ``(k, n_steps)``.

    With ``rho`` near zero this is a step of iterative refinement.
    """
    n_steps = 0
    for t in range(k):
        ws.rho[t] = ws.r[ws.atoms[t]] - penalty * ws.signs[t]
    while k > 0 and n_steps < max_steps:
        n_steps += 1
        multiply(ws.inverse, ld, k, ws.rho, ws.step)
        alpha, leaves = crossing(k, ws)
        if leaves >= 0:
            for t in range(k):
                ws.step[t] *= alpha
        for t in range(k):
            ws.values[t] += ws.step[t]
        advance(G, ws.atoms, ws.step, k, ws.r)
        if leaves < 0:
            break
        for t in range(k):
            ws.rho[t] *= 1.0 - alpha
        ws.rho[leaves] = ws.rho[k - 1]
        k = drop(k, ld, ws, leaves)
    return k, n_steps


@njit(**FAST)
def factor(G, count, ws, dependent):
    """Build the inverse for the ``count`` atoms listed in ``ws``, leaving out dependent ones; return ``(k, ld)``."""
    k = 0
    ld = START
    for t in range(count):
        j, sign, value = ws.atoms[t], ws.signs[t], ws.values[t]
        ws.flags[j] = 0
        entered, k, ld = enter(G, j, sign, k, ld, ws, dependent)
        if entered:
            ws.values[k - 1] = value
    return k, ld
