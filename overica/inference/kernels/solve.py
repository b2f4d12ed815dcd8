"""One sample from start to certificate, and the parallel loop over a batch."""

import numpy as np
from numba import njit, prange

from overica.inference.kernels.bordered import FAST
from overica.inference.kernels.pivot import advance, factor, pivot, settle, workspace

__all__ = ["BLOCK", "solve_batch", "solve_sample"]

BLOCK = 32  # samples that share one workspace; fixed, so that results do not depend on the number of threads
ATTEMPTS = 6


@njit(**FAST)
def descend(b, G, penalty, nonnegative, limit, sweeps, s, r):
    """Cyclic coordinate descent on all atoms: slow but monotone whatever the conditioning."""
    n = b.size
    for _ in range(sweeps):
        largest = r[0] * 0
        for j in range(n):
            d = G[j, j]
            if d <= 0:
                continue
            v = s[j] * d + r[j]
            if v > penalty:
                new = (v - penalty) / d
            elif v < -penalty and not nonnegative:
                new = (v + penalty) / d
            else:
                new = 0.0
            change = r.dtype.type(new - s[j])
            if change != 0:
                s[j] = new
                row = G[j]
                for i in range(n):
                    r[i] -= change * row[i]
                largest = max(largest, abs(change) * np.sqrt(d))
        if largest * np.sqrt(G[0, 0]) <= limit - penalty:
            break


@njit(**FAST)
def residual(b, G, k, ws):
    """Fresh correlations of the current codes."""
    for j in range(b.size):
        ws.r[j] = b[j]
    advance(G, ws.atoms, ws.values, k, ws.r)


@njit(**FAST)
def imbalance(penalty, k, ws):
    """Largest ``|rho|`` on the support."""
    largest = 0.0
    for t in range(k):
        largest = max(largest, abs(ws.r[ws.atoms[t]] - penalty * ws.signs[t]))
    return largest


@njit(**FAST)
def solve_sample(b, G, penalty, nonnegative, tol, eps, count, ws):
    """Solve from the ``count`` atoms and codes listed in ``ws``; return ``(k, ld, n_steps)``.

    ``b = A^T x`` and ``G = A^T A``. Ends when every idle correlation is within ``limit`` and the support's
    optimality residual within ``slack``. Each failed attempt refines, then refactors, then falls back on coordinate descent.
    """
    n = b.size
    top = r_top = b[0] * 0
    for j in range(n):
        r_top = max(r_top, abs(b[j]))
    slack = tol * penalty + 4 * eps * r_top
    limit = penalty + slack
    dependent = eps**0.625 if eps < 1e-12 else 10 * eps
    k, ld = factor(G, count, ws, dependent)
    top = k
    residual(b, G, k, ws)
    total = 0
    max_steps = 100 + 10 * min(n, ws.atoms.size)
    if k > 0:
        k, steps = settle(G, penalty, k, ld, ws, max_steps)
        total += steps
    for attempt in range(ATTEMPTS):
        k, ld, steps = pivot(G, penalty, nonnegative, limit, dependent, k, ld, ws, max_steps)
        total += steps
        # Rounding of the running correlations, a generous bound of n_steps updates.
        if 4 * (steps + top) * eps * r_top > 0.25 * slack:
            residual(b, G, k, ws)
        if imbalance(penalty, k, ws) <= slack:
            if steps == 0 or steps < max_steps and attempt > 0 or 4 * (steps + top) * eps * r_top <= 0.25 * slack:
                break
            continue
        k, steps = settle(G, penalty, k, ld, ws, max_steps)
        residual(b, G, k, ws)
        total += steps
    return k, ld, total


@njit(**FAST)
def recall(code, capacity, ws):
    """List the support of an earlier ``code`` in the workspace; return its size."""
    count = 0
    for j in range(code.size):
        v = code[j]
        if v != 0 and count < capacity:
            ws.atoms[count] = j
            ws.signs[count] = 1.0 if v > 0 else -1.0
            ws.values[count] = v
            count += 1
    return count


@njit(**FAST)
def record(k, ws, code):
    """Write the dense code and clear the flags."""
    for j in range(code.size):
        code[j] = 0
        ws.flags[j] = 0
    for t in range(k):
        code[ws.atoms[t]] = ws.values[t]


@njit(**FAST)
def solve_block(
    first, last, B, G, penalty, nonnegative, tol, eps, capacity, warm, codes, n_steps, supports, inverses
):
    """Solve samples ``first`` to ``last - 1`` with one workspace; ``codes`` holds the warm start if ``warm``.

    Where ``inverses`` has rows, sample ``i`` leaves its support in ``supports[i]``, ended by -1, and the matching
    inverse Gram matrix in ``inverses[i]``, packed with leading dimension ``k``.
    """
    ws = workspace(B.shape[1], capacity, B)
    for i in range(first, last):
        count = recall(codes[i], capacity, ws) if warm else 0
        k, ld, steps = solve_sample(B[i], G, penalty, nonnegative, tol, eps, count, ws)
        record(k, ws, codes[i])
        n_steps[i] = steps
        if inverses.shape[0] > 0:
            for t in range(k):
                supports[i, t] = ws.atoms[t]
                for c in range(k):
                    inverses[i, t * k + c] = ws.inverse[t * ld + c]
            supports[i, k] = -1


@njit(parallel=True, **FAST)
def solve_batch(
    B, G, penalty, nonnegative, tol, eps, capacity, warm, codes, n_steps, supports, inverses
):
    """Fill ``codes`` and ``n_steps`` for every row of ``B = X A``."""
    n_samples = B.shape[0]
    for block in prange((n_samples + BLOCK - 1) // BLOCK):
        solve_block(
            block * BLOCK,
            min(n_samples, (block + 1) * BLOCK),
            B, G, penalty, nonnegative, tol, eps, capacity, warm, codes, n_steps, supports, inverses,
        )  # fmt: skip
