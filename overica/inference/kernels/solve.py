"""One sample from start to optimality, and the parallel loop over a batch."""

import numpy as np
from numba import njit, prange

from overica.inference.kernels.bordered import FAST, LANES
from overica.inference.kernels.pivot import advance, enter, peak, pivot, settle
from overica.inference.kernels.views import carve, unowned

__all__ = ["scratch", "solve_batch"]

BLOCK = 16  # samples that a worker takes at a time
START = 16  # first leading dimension of the inverse: two vectors of LANES
ROUNDS = 30
SHORT = 64  # candidates that a short list takes up besides the support
WIDE = 512  # dictionaries up to this size are searched whole


@njit(**FAST)
def select(r, n, nonnegative, limit, k, columns):
    """List the worst violators in ``columns[k:]``; return the length of the list.

    Those above the middle of ``limit`` and the largest; when more than ``SHORT``, the bar is raised.
    """
    top = limit
    for j in range(n):
        v = r[j] if nonnegative else abs(r[j])
        top = v if v > top else top
    bar = limit + 0.4 * (top - limit)
    p = k
    if nonnegative:
        for j in range(n):
            columns[p] = j
            p += r[j] > bar
    else:
        for j in range(n):
            columns[p] = j
            p += abs(r[j]) > bar
    while p > k + SHORT:
        bar += 0.25 * (top - bar)
        count = p
        p = k
        for c in range(k, count):
            j = columns[c]
            columns[p] = j
            p += (r[j] if nonnegative else abs(r[j])) > bar
        if p == k or p == count:
            p = min(count, k + SHORT)
            break
    return p


@njit(**FAST)
def imbalance(r, penalty, k, atoms, signs):
    """Largest ``|rho|`` on the support."""
    largest = 0.0
    for t in range(k):
        v = abs(r[atoms[t]] - penalty * signs[t])
        largest = v if v > largest else largest
    return largest


@njit(**FAST)
def solve_sample(
    b, G, penalty, nonnegative, tol, eps, count,
    atoms, slots, places, signs, values, state, M, step, u, g, r, bits, columns, local, local_bits, rows,
):  # fmt: skip
    """Solve from the ``count`` atoms, signs and values listed; return ``(k, ld, n_steps)``, support in ``atoms``.

    ``b = A^T x`` and ``G = A^T A``. Ends when every idle correlation is within ``limit`` and the support's
    optimality residual within ``slack``, or after a fixed number of rounds.
    """
    n = b.size
    dependent = 1e-10 if eps < 1e-12 else 1e-6
    k = 0
    ld = START
    for j in range(n):
        r[j] = b[j]
    highest = abs(r[peak(bits, n, False)])
    slack = tol * penalty + 4 * eps * highest
    limit = penalty + slack
    max_steps = 100 + 10 * min(n, values.size)
    total = 0
    short = n > WIDE
    for t in range(count):
        j, sign, value = atoms[t], signs[t], values[t]
        entered, ld = enter(
            G, j, float(G[j, j]), sign, k, ld, dependent, atoms, places, signs, values, state, M, u, g
        )
        if entered:
            atoms[k] = j
            values[k] = value
            k += 1
    if k > 0:
        advance(G, atoms, values, k, n, r)
        k, steps = settle(
            G, n, r, penalty, k, ld, max_steps, atoms, places, signs, values, state, M, step, u, g
        )
        total += steps
    fresh = k
    for _ in range(ROUNDS):
        if short:
            p = select(r, n, nonnegative, limit, k, columns)
            steps = 0
            if p > k:
                width = (p + LANES - 1) // LANES * LANES
                R = rows[: (k + p) * width].reshape((k + p), width)
                for t in range(p, width):
                    columns[t] = columns[p - 1]
                for t in range(k):
                    columns[t] = atoms[t]
                for c in range(p):
                    local[c] = r[columns[c]]
                    state[c] = 0
                for t in range(k):
                    places[t] = t
                    state[t] = 1
                    j = atoms[t]
                    for c in range(p):
                        R[t, c] = G[j, columns[c]]
                for t in range(k + p):
                    slots[t] = t
                k, ld, steps = pivot(
                    G, columns, p, True, R, local, local_bits, penalty, nonnegative, limit, dependent, k, ld, max_steps,
                    slots, places, signs, values, state, M, step, u, g,
                )  # fmt: skip
                for t in range(k):
                    atoms[t] = columns[places[t]]
                    places[t] = atoms[t]
                for j in range(n):
                    r[j] = b[j]
                advance(G, atoms, values, k, n, r)
                fresh = k
        else:
            k, ld, steps = pivot(
                G, columns, n, False, G, r, bits, penalty, nonnegative, limit, dependent, k, ld, max_steps,
                atoms, places, signs, values, state, M, step, u, g,
            )  # fmt: skip
            fresh += steps
        total += steps
        if not short and fresh * eps * highest > 0.05 * slack and steps > 0:
            # Rounding of the running correlations may matter: start the next round from exact ones.
            for j in range(n):
                r[j] = b[j]
            advance(G, atoms, values, k, n, r)
            fresh = k
        elif imbalance(r, penalty, k, atoms, signs) <= slack:
            if steps == 0 or not short:
                break
            continue
        if imbalance(r, penalty, k, atoms, signs) > slack:
            k, steps = settle(
                G, n, r, penalty, k, ld, max_steps, atoms, places, signs, values, state, M, step, u, g
            )
            total += steps
    return k, ld, total


@njit(**FAST)
def recall(code, capacity, atoms, signs, values):
    """List the support of an earlier ``code``; return its size."""
    count = 0
    for j in range(code.size):
        v = code[j]
        if v != 0 and count < capacity:
            atoms[count] = j
            signs[count] = 1.0 if v > 0 else -1.0
            values[count] = v
            count += 1
    return count


@njit(**FAST)
def solve_share(
    worker, workers, B, word, G, penalty, nonnegative, tol, eps, capacity, warm, codes, n_steps, supports, inverses,
    reals, integers, flags, samples,
):  # fmt: skip
    """Solve the blocks of samples that are this worker's; ``codes`` holds the warm start if ``warm``.

    Where ``inverses`` has rows, sample ``i`` leaves its support in ``supports[i]``, ended by -1, and the matching
    inverse Gram matrix in ``inverses[i]``, packed with leading dimension ``k``. The last four arrays are scratch.
    """
    B, G, codes = unowned(B), unowned(G), unowned(codes)
    n = B.shape[1]
    most = leading(capacity)
    atoms, end = carve(integers, 0, most)
    places, end = carve(integers, end, most)
    slots, end = carve(integers, end, 2 * most + SHORT)
    columns, end = carve(integers, end, n + most + SHORT)
    signs, end = carve(reals, 0, most)
    values, end = carve(reals, end, most)
    step, end = carve(reals, end, most)
    u, end = carve(reals, end, most)
    g, end = carve(reals, end, most)
    M, end = carve(reals, end, most * most)
    r, end = carve(samples, 0, n)
    local, end = carve(samples, end, most + SHORT + LANES)
    rows, end = carve(samples, end, samples.size - end)
    bits = r.view(word.dtype)
    local_bits = local.view(word.dtype)
    state = unowned(flags)
    n_samples = B.shape[0]
    for first in range(worker * BLOCK, n_samples, workers * BLOCK):
        for i in range(first, min(n_samples, first + BLOCK)):
            for j in range(n):
                state[j] = 0
            count = recall(codes[i], capacity, atoms, signs, values) if warm else 0
            k, ld, steps = solve_sample(
                B[i], G, penalty, nonnegative, tol, eps, count,
                atoms, slots, places, signs, values, state, M, step, u, g, r, bits, columns, local, local_bits, rows,
            )  # fmt: skip
            n_steps[i] = steps
            for j in range(n):
                codes[i, j] = 0
            for t in range(k):
                codes[i, atoms[t]] = values[t]
            if inverses.shape[0] > 0:
                for t in range(k):
                    supports[i, t] = atoms[t]
                    for c in range(k):
                        inverses[i, t * k + c] = M[t * ld + c]
                supports[i, k] = -1


@njit(**FAST)
def leading(capacity):
    """Largest leading dimension an inverse of ``capacity`` atoms grows to."""
    most = START
    while most < capacity + LANES:
        most *= 2
    return most


@njit(cache=True)
def scratch(workers, n, capacity, like):
    """Memory that `solve_batch` works in, one row per worker; contents do not matter."""
    most = leading(capacity)
    wide = most + SHORT + LANES
    gathered = wide * (most + wide) if n > WIDE else 0
    return (
        np.empty((workers, most * (most + 5) + 64)),
        np.empty((workers, 5 * most + n + 2 * SHORT + 64), np.int32),
        np.empty((workers, n + most + SHORT), np.uint8),
        np.empty((workers, n + wide + gathered + 64), like.dtype),
    )


@njit(parallel=True, **FAST)
def solve_batch(
    B, word, G, penalty, nonnegative, tol, eps, capacity, warm, codes, n_steps, supports, inverses,
    reals, integers, flags, samples,
):  # fmt: skip
    """Fill ``codes`` and ``n_steps`` for every row of ``B = X A``.

    Workers take blocks of samples in turn. No sample's result depends on who computes it.
    """
    workers = reals.shape[0]
    for worker in prange(workers):
        solve_share(
            worker, workers, B, word, G, penalty, nonnegative, tol, eps,
            capacity, warm, codes, n_steps, supports, inverses,
            reals[worker], integers[worker], flags[worker], samples[worker],
        )  # fmt: skip
