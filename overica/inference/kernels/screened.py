"""Wide dictionaries in float64: search in float32, solve and verify in float64.

The search needs all atoms but little accuracy, the solution accuracy but few atoms. So the float32
kernel proposes codes ``t``, which become the float64 solution ``s`` on their support by iterative
refinement with the inverse of the search; where that fails, or atoms join, by a solve on a Gram
matrix of the support's own.

Whether other atoms violate ``|a_j^T e| <= penalty``, ``e = x - A s``, the search has nearly
answered: it leaves ``r = A^T x - G t`` in float32. With ``u = 2^-24``, ``k`` active atoms and
``|A|`` the largest norm of an atom, each product of ``m`` terms is off by ``(m + 4) u`` of the
norms, the sum over atoms by ``(k + 4) u`` of its terms, and so is each later refinement of the
search; those contract tenfold or start anew, hence are fewer than eight. Altogether

    |r_j - a_j^T e|  <=  |A| (|A| |s - t|_1 + (m + 8 k + 40) u (|x| + |A| |t|_1)).

Where that is too much of the penalty to be of use, or atoms joined, ``e`` itself is correlated with
all atoms in float32, which is off by at most ``(m + 4) u |a_j| |e|``. Only atoms within the bound
of a violation need a product in float64, a few of thousands. Those that do violate join the
sample's list, and the sample has another round; a sample where none does is solved as exactly as
if all had been done in float64.
"""

import numpy as np
from numba import njit, prange

from overica.inference.kernels.bordered import FAST
from overica.inference.kernels.solve import BLOCK, UNKNOWN, recall, solve_sample
from overica.inference.kernels.workspace import carve, workspace

__all__ = ["JOIN", "refine_batch", "screen_batch"]

JOIN = 32  # atoms that may join a sample's list in one round
POLISH = 5  # rounds of iterative refinement; two or three are the rule


@njit(**FAST)
def products(Z, p, m, gram):
    """``gram = Z Z^T`` for the first ``p`` rows of ``Z``, four products at a time."""
    for i in range(p):
        j = 0
        while j <= i:
            j1, j2, j3 = min(j + 1, i), min(j + 2, i), min(j + 3, i)
            v0 = v1 = v2 = v3 = 0.0
            for t in range(m):
                z = Z[i, t]
                v0 += z * Z[j, t]
                v1 += z * Z[j1, t]
                v2 += z * Z[j2, t]
                v3 += z * Z[j3, t]
            gram[i, j], gram[i, j1], gram[i, j2], gram[i, j3] = v0, v1, v2, v3
            j += 4
        for j in range(i):
            gram[j, i] = gram[i, j]


@njit(**FAST)
def residual(x, atoms_of_A, atoms, values, k, error):
    """``error = x - A_a values``, four atoms at a time."""
    for t in range(x.size):
        error[t] = x[t]
    subtract(atoms_of_A, atoms, values, k, error)


@njit(**FAST)
def subtract(atoms_of_A, atoms, values, k, error):
    """``error -= A_a values``."""
    q = 0
    while q + 4 <= k:
        a0, a1, a2, a3 = atoms[q], atoms[q + 1], atoms[q + 2], atoms[q + 3]
        v0, v1, v2, v3 = values[q], values[q + 1], values[q + 2], values[q + 3]
        for t in range(error.size):
            error[t] -= (
                v0 * atoms_of_A[a0, t]
                + v1 * atoms_of_A[a1, t]
                + v2 * atoms_of_A[a2, t]
                + v3 * atoms_of_A[a3, t]
            )
        q += 4
    while q < k:
        a0, v0 = atoms[q], values[q]
        for t in range(error.size):
            error[t] -= v0 * atoms_of_A[a0, t]
        q += 1


@njit(**FAST)
def correlate(atoms_of_A, atoms, k, error, out):
    """``out = A_a^T error``, four atoms at a time."""
    q = 0
    while q < k:
        q1, q2, q3 = min(q + 1, k - 1), min(q + 2, k - 1), min(q + 3, k - 1)
        a0, a1, a2, a3 = atoms[q], atoms[q1], atoms[q2], atoms[q3]
        v0 = v1 = v2 = v3 = 0.0
        for t in range(error.size):
            e = error[t]
            v0 += e * atoms_of_A[a0, t]
            v1 += e * atoms_of_A[a1, t]
            v2 += e * atoms_of_A[a2, t]
            v3 += e * atoms_of_A[a3, t]
        out[q], out[q1], out[q2], out[q3] = v0, v1, v2, v3
        q += 4


@njit(**FAST)
def polish(x, atoms_of_A, penalty, slack, support, inverse, code, error, ws):
    """Iterative refinement of ``code`` on its ``support`` with the inverse of the search; whether
    it converged.

    The inverse is as good as float32 makes it, so that every round gains some five digits. Where it
    does not, or a code changes its sign, ``code`` is left as it was.
    """
    k = 0
    while support[k] >= 0:
        ws.values[k] = code[support[k]]
        ws.signs[k] = 1.0 if ws.values[k] > 0 else -1.0
        if ws.values[k] == 0.0:
            return False
        k += 1
    residual(x, atoms_of_A, support, ws.values, k, error)
    before = np.inf
    for _ in range(POLISH):
        correlate(atoms_of_A, support, k, error, ws.g)
        largest = 0.0
        for t in range(k):
            ws.g[t] -= penalty * ws.signs[t]
            largest = max(largest, abs(ws.g[t]))
        if largest <= slack:
            for t in range(k):
                code[support[t]] = ws.values[t]
            return True
        if not largest < 0.1 * before:
            return False
        before = largest
        for t in range(k):
            v = 0.0
            for c in range(k):
                v += inverse[t * k + c] * ws.g[c]
            ws.step[t] = v
            ws.values[t] += v
            if ws.values[t] * ws.signs[t] <= 0.0:
                return False
        subtract(atoms_of_A, support, ws.step, k, error)
    return False


@njit(**FAST)
def refine_sample(
    x, atoms_of_A, penalty, nonnegative, tol, eps, joined, code, error, Z, flat, b, ids, limit, ws
):
    """Exact code over the support of ``code`` and the atoms ``joined`` (ended by -1); ``error``
    becomes the residual.
    """
    m = x.size
    count = recall(code, nonnegative, limit, ws.atoms, ws.signs, ws.values)
    for t in range(count):
        ids[t] = ws.atoms[t]
        ws.atoms[t] = t
        code[ids[t]] = 0.0
    p = count
    while p < count + JOIN and joined[p - count] >= 0:
        ids[p] = joined[p - count]
        p += 1
    for i in range(p):
        j = ids[i]
        v = 0.0
        for t in range(m):
            Z[i, t] = atoms_of_A[j, t]
            v += Z[i, t] * x[t]
        b[i] = v
    for t in range(m):
        error[t] = x[t]
    if p == 0:
        return 0
    gram = flat[: p * p].reshape(p, p)
    products(Z, p, m, gram)
    k, _, n_steps = solve_sample(b[:p], gram, penalty, nonnegative, tol, eps, min(m, p), count, ws)
    for i in range(k):
        c = ws.atoms[i]
        value = ws.values[i]
        code[ids[c]] = value
        for t in range(m):
            error[t] -= value * Z[c, t]
    return n_steps


@njit(**FAST)
def refine_share(
    worker, workers, X, atoms_of_A, word, penalty, nonnegative, tol, eps, capacity, rows, joined,
    codes, errors, n_steps, slacks, supports, inverses, drifts,
    reals, integers, flags, samples, lists,
):  # fmt: skip
    """The blocks of `refine_batch` that are this worker's."""
    m = X.shape[1]
    longest = capacity + JOIN
    ws = workspace(longest, capacity, word, reals, integers, flags, samples)
    flat, end = carve(lists, 0, longest * longest)
    b, end = carve(lists, end, longest)
    Z = lists[end : end + longest * m].reshape(longest, m)
    ids, end = carve(integers, integers.size - longest, longest)
    n_live = rows.size
    for first in range(worker * BLOCK, n_live, workers * BLOCK):
        for q in range(first, min(n_live, first + BLOCK)):
            i = rows[q]
            size = 0
            known = joined[i, 0] < 0 and supports[i, 0] != UNKNOWN
            if known:
                while supports[i, size] >= 0:
                    b[size] = codes[i, supports[i, size]]
                    size += 1
            if not known or not polish(
                X[i], atoms_of_A, penalty, slacks[i], supports[i], inverses[i], codes[i], errors[q],
                ws,
            ):  # fmt: skip
                drifts[i, 0] = np.inf
                drifts[i, 1] = drifts[i, 2] = 0.0
                n_steps[i] += refine_sample(
                    X[i], atoms_of_A, penalty, nonnegative, tol, eps, joined[i], codes[i],
                    errors[q], Z, flat, b, ids, capacity, ws,
                )  # fmt: skip
                continue
            drifts[i, 0] = drifts[i, 1] = 0.0
            drifts[i, 2] = size
            for t in range(size):
                drifts[i, 0] += abs(codes[i, supports[i, t]] - b[t])
                drifts[i, 1] += abs(b[t])


@njit(parallel=True, cache=True)
def refine_batch(
    X, atoms_of_A, word, penalty, nonnegative, tol, eps, capacity, rows, joined, codes, errors,
    n_steps, slacks, supports, inverses, drifts,
    reals, integers, flags, samples,
):  # fmt: skip
    """Solve samples ``rows`` in float64 over their supports and the atoms that joined; residuals go
    to ``errors``.

    A sample that no atom joined is polished to ``slacks`` with the search's ``supports`` and
    ``inverses``; ``drifts`` then has the l1 norms of what that changed and of the code before,
    and the size of the support; or an infinity first. The last four arrays are `scratch` for
    ``capacity + JOIN`` atoms.
    """
    longest = capacity + JOIN
    size = longest * (longest + X.shape[1] + 2) + 64
    workers = reals.shape[0]
    for worker in prange(workers):
        lists = np.empty(size)
        ids = np.empty(integers.shape[1] + longest + 8, np.int32)
        refine_share(
            worker, workers, X, atoms_of_A, word, penalty, nonnegative, tol, eps, capacity, rows,
            joined, codes, errors,
            n_steps, slacks, supports, inverses, drifts, reals[worker], ids, flags[worker], samples[worker], lists,
        )  # fmt: skip


@njit(**FAST)
def screen_sample(c, bits, bar, bar_bits, error, atoms_of_A, nonnegative, limit, code, joined):
    """List idle atoms that violate ``limit`` in ``joined``, ended by -1; return their number.

    ``c`` are the float32 correlations of the residual ``error``, and ``bar`` what those of a
    violator reach at
    least. Positive floats sort like their bit patterns, whose maxima vectorise.
    """
    n = c.size
    mask = np.int32(-1) if nonnegative else np.int32(0x7FFFFFFF)
    count = 0
    for start in range(0, n, 64):
        stop = min(n, start + 64)
        highest = np.int32(0)
        for j in range(start, stop):
            highest = max(highest, bits[j] & mask)
        if highest < bar_bits:
            continue
        for j in range(start, stop):
            if count < JOIN and (c[j] if nonnegative else abs(c[j])) >= bar and code[j] == 0:
                v = 0.0
                for t in range(error.size):
                    v += atoms_of_A[j, t] * error[t]
                if (v if nonnegative else abs(v)) > limit:
                    joined[count] = j
                    count += 1
    joined[count] = -1
    return count


@njit(parallel=True, cache=True)
def screen_batch(
    C, bits, bars, bars_bits, errors, atoms_of_A, nonnegative, limits, codes, rows, joined, counts
):
    """`screen_sample` for the samples ``rows``; ``C``, ``bars``, ``errors`` and ``counts`` follow
    ``rows``.
    """
    for q in prange(rows.size):
        i = rows[q]
        counts[q] = screen_sample(
            C[q],
            bits[q],
            bars[q],
            bars_bits[q],
            errors[q],
            atoms_of_A,
            nonnegative,
            limits[i],
            codes[i],
            joined[i],
        )
