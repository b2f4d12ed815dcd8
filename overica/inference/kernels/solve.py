"""One sample from start to optimality, and the parallel loop over a batch."""

from numba import njit, prange

from overica.inference.kernels.bordered import FAST, padded
from overica.inference.kernels.climb import climb
from overica.inference.kernels.pivot import advance, peak, pivot, settle
from overica.inference.kernels.support import enter
from overica.inference.kernels.workspace import SHORT, START, WIDE, workspace

__all__ = ["BLOCK", "UNKNOWN", "recall", "solve_batch", "solve_sample"]

BLOCK = 16  # samples that a worker takes at a time
ROUNDS = 30
UNKNOWN = -2  # stands for a support that was not kept
FEW = 16  # atoms whose correlations need no second look


@njit(**FAST)
def select(r, n, nonnegative, top, limit, k, columns):
    """List the worst violators in ``columns[k:]``; return the length of the list.

    Those above a bar between ``limit`` and ``top``, the largest; it rises until ``SHORT`` are left.
    """
    bar = limit + 0.5 * (top - limit)
    p = k
    for j in range(n):
        columns[p] = j
        p += (r[j] if nonnegative else abs(r[j])) > bar
    while p > k + SHORT:
        bar += 0.25 * (top - bar)
        count = p
        p = k
        for c in range(k, count):
            j = columns[c]
            columns[p] = j
            p += (r[j] if nonnegative else abs(r[j])) > bar
        if p in (k, count):
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
def restore(b, G, atoms, values, k, r):
    """Correlations of the present codes, from scratch."""
    for j in range(b.size):
        r[j] = b[j]
    advance(G, atoms, values, k, b.size, r)


@njit(**FAST)
def pivot_short(G, penalty, nonnegative, limit, capacity, dependent, p, k, ld, max_steps, ws):
    """`pivot` on the candidates ``columns[k:p]`` and the support; return ``(k, ld, n_steps)``."""
    width = padded(p)
    R = ws.gathered[: (k + p) * width].reshape((k + p), width)
    for t in range(k):
        ws.columns[t] = ws.atoms[t]
        ws.places[t] = t
    for c in range(p):
        ws.local[c] = ws.r[ws.columns[c]]
        ws.state[c] = c < k
    for t in range(k):
        j = ws.atoms[t]
        for c in range(p):
            R[t, c] = G[j, ws.columns[c]]
    for t in range(k + p):
        ws.slots[t] = t
    k, ld, steps = pivot(
        G, ws.columns, p, True, R, ws.local, ws.local_bits, penalty, nonnegative, limit, capacity,
        dependent, k, ld, max_steps,
        ws.slots, ws.places, ws.signs, ws.values, ws.state, ws.inverse, ws.step, ws.u, ws.g,
    )  # fmt: skip
    for t in range(k):
        ws.atoms[t] = ws.columns[ws.places[t]]
    return k, ld, steps


@njit(**FAST)
def factor(G, count, capacity, dependent, ws):
    """Invert for the first ``count`` atoms in ``ws`` but dependent ones; return ``(k, ld)``."""
    k = 0
    ld = START
    for t in range(count):
        j, sign, value = ws.atoms[t], ws.signs[t], ws.values[t]
        own = float(G[j, j])
        entered, ld = enter(
            G, j, own, sign, k, ld, capacity, dependent, ws.atoms, ws.places, ws.signs, ws.values,
            ws.state,
            ws.inverse, ws.u, ws.g,
        )  # fmt: skip
        if entered:
            ws.atoms[k] = j
            ws.values[k] = value
            k += 1
    return k, ld


@njit(**FAST)
def solve_sample(b, G, penalty, nonnegative, tol, eps, capacity, count, ws):
    """Solve from the ``count`` atoms, signs and values listed in ``ws``; return ``(k, ld,
    n_steps)``.

    ``b = A^T x`` and ``G = A^T A``, of rank at most ``capacity``. Ends when every idle correlation
    is within ``limit`` and the support's
    optimality residual within ``slack``, or after a fixed number of rounds.
    """
    n = b.size
    atoms, places, signs, values, state = ws.atoms, ws.places, ws.signs, ws.values, ws.state
    M, step, u, g, r, bits = ws.inverse, ws.step, ws.u, ws.g, ws.r, ws.bits
    dependent = 1e-12 if eps < 1e-12 else 1e-6
    short = n > WIDE
    for j in range(n):
        state[j] = 0
        r[j] = b[j]
    highest = float(abs(r[peak(bits, n, False)]))
    slack = tol * penalty + 4 * eps * highest
    limit = penalty + slack
    max_steps = 100 + 10 * min(n, values.size)
    accurate = slack > 64 * eps * highest
    total = 0
    k, ld = factor(G, count, capacity, dependent, ws)
    if k > 0:
        advance(G, atoms, values, k, n, r)
        k, total = settle(
            G, n, r, penalty, k, ld, max_steps, atoms, places, signs, values, state, M, step, u,
            ws.moved, g,
        )  # fmt: skip
    for _ in range(ROUNDS):
        brief = False
        if short:
            steps = 0
            c = peak(bits, n, nonnegative)
            top = float(r[c] if nonnegative else abs(r[c]))
            if top > limit:
                p = select(r, n, nonnegative, top, limit, k, ws.columns)
                k, ld, steps = pivot_short(
                    G, penalty, nonnegative, limit, capacity, dependent, p, k, ld, max_steps, ws
                )
                for t in range(k):
                    places[t] = atoms[t]
                restore(b, G, atoms, values, k, r)
        else:
            done = False
            begun = 0
            if k == 0 and total == 0:
                k, done = climb(G, n, r, bits, penalty, nonnegative, limit, capacity, dependent, ws)
                ld = START
                begun = steps = k
            else:
                for j in range(n):
                    state[j] = 0
                for t in range(k):
                    state[atoms[t]] = 1
            if not done:
                k, ld, steps = pivot(
                    G, atoms, n, False, G, r, bits, penalty, nonnegative, limit, capacity, dependent, k,
                    ld, max_steps,
                    atoms, places, signs, values, state, M, step, u, g,
                )  # fmt: skip
                steps += begun
            # Correlations gather a rounding error with every step: a few additions in which no atom
            # left stay far within the slack; anything else is computed anew and looked at again.
            brief = accurate and total == 0 and steps == k <= FEW
            if steps > 0 and not brief:
                restore(b, G, atoms, values, k, r)
        total += steps
        before = imbalance(r, penalty, k, atoms, signs)
        if before > slack:
            k, steps = settle(
                G, n, r, penalty, k, ld, max_steps, atoms, places, signs, values, state, M, step, u,
                ws.moved, g,
            )  # fmt: skip
            total += steps
            if imbalance(r, penalty, k, atoms, signs) > max(slack, 0.1 * before):
                # Many updates near dependence have worn the inverse out: refinement no longer
                # contracts.
                k, ld = factor(G, k, capacity, dependent, ws)
                restore(b, G, atoms, values, k, r)
        elif steps == 0 or brief:
            break
    return k, ld, total


@njit(**FAST)
def recall(code, nonnegative, capacity, atoms, signs, values):
    """List the support of an earlier ``code``; return its size."""
    count = 0
    for j in range(code.size):
        v = code[j]
        if (v > 0 or (v < 0 and not nonnegative)) and count < capacity:
            atoms[count] = j
            signs[count] = 1.0 if v > 0 else -1.0
            values[count] = v
            count += 1
    return count


@njit(**FAST)
def solve_share(
    worker, workers, B, word, G, penalty, nonnegative, tol, eps, capacity, warm, codes, n_steps,
    supports, inverses, keep,
    reals, integers, flags, samples,
):  # fmt: skip
    """Solve the blocks of samples that are this worker's."""
    n_samples, n = B.shape
    ws = workspace(n, capacity, word, reals, integers, flags, samples)
    for first in range(worker * BLOCK, n_samples, workers * BLOCK):
        for i in range(first, min(n_samples, first + BLOCK)):
            count = 0
            if warm:
                count = recall(codes[i], nonnegative, capacity, ws.atoms, ws.signs, ws.values)
            k, ld, n_steps[i] = solve_sample(
                B[i], G, penalty, nonnegative, tol, eps, capacity, count, ws
            )
            for j in range(n):
                codes[i, j] = 0
            for t in range(k):
                codes[i, ws.atoms[t]] = ws.values[t]
            if keep:
                for j in range(n):
                    B[i, j] = ws.r[j]
            if inverses.shape[0] > 0 and k * k > inverses.shape[1]:
                supports[i, 0] = UNKNOWN
            elif inverses.shape[0] > 0:
                for t in range(k):
                    supports[i, t] = ws.atoms[t]
                    for c in range(k):
                        inverses[i, t * k + c] = ws.inverse[t * ld + c]
                supports[i, k] = -1


@njit(parallel=True, cache=True)
def solve_batch(
    B, word, G, penalty, nonnegative, tol, eps, capacity, warm, codes, n_steps, supports, inverses,
    keep, reals, integers, flags, samples,
):  # fmt: skip
    """Fill ``codes`` and ``n_steps`` for every row of ``B = X A``; ``codes`` holds the warm start
    if ``warm``.

    Where ``inverses`` has rows, sample ``i`` leaves its support in ``supports[i]``, ended by -1,
    and the matching
    inverse Gram matrix in ``inverses[i]``, packed with leading dimension ``k``; where it has no
    room, the support is `UNKNOWN`. With ``keep``, the correlations of the residuals replace ``B``.
    The last four arrays are `scratch`.

    Workers take blocks of samples in turn. No sample's result depends on who computes it.
    """
    workers = reals.shape[0]
    for worker in prange(workers):
        solve_share(
            worker, workers, B, word, G, penalty, nonnegative, tol, eps,
            capacity, warm, codes, n_steps, supports, inverses, keep,
            reals[worker], integers[worker], flags[worker], samples[worker],
        )  # fmt: skip
