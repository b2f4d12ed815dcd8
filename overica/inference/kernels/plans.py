"""Ways through a batch: all in one precision, or screened; batch by batch, so that memory is
bounded.
"""

import numba
import numpy as np

from overica.inference.kernels.moments import log_determinants, scatter
from overica.inference.kernels.planar import planar_batch, polygon
from overica.inference.kernels.screened import JOIN, refine_batch, screen_batch
from overica.inference.kernels.solve import solve_batch
from overica.inference.kernels.workspace import scratch

__all__ = ["run_direct", "run_planar", "run_screened"]

BATCH_BYTES = (
    1 << 20
)  # correlations of a batch: they stay in the second-level cache until they are used
# Inverses of a batch: more than the caches hold, and every one of them is written to memory and read back,
# on a page of its own, which costs as much as the solutions.
POOL_BYTES = 1 << 23
ROUNDS = 20
POLISHED = 96  # largest support that is polished with the inverse of the search
# share of the limit that the search's own correlations must rule out, or they are computed anew
NEAR = 0.75
STRIP = 512  # columns of a Gram matrix at a time
TILE = 128
WORD = {np.dtype(np.float32): np.int32, np.dtype(np.float64): np.int64}


def _batches(n_samples, size):
    for first in range(0, n_samples, size):
        yield slice(first, min(first + size, n_samples))


def _gram(A):
    """``A^T A``: the lower triangle by strips, the upper as its mirror image."""
    n = A.shape[1]
    if n < 2 * STRIP:
        return A.T @ A
    gram = np.empty((n, n), A.dtype)
    for first in range(0, n, STRIP):
        last = min(first + STRIP, n)
        np.matmul(A[:, first:last].T, A[:, :last], out=gram[first:last, :last])
        for i in range(first, last, TILE):
            for j in range(0, first, TILE):
                tile = gram[i : min(i + TILE, last), j : j + TILE]
                gram[j : j + TILE, i : min(i + TILE, last)] = tile.T
    return gram


def run_direct(A, X, penalty, nonnegative, warm, tol, codes, moments=None):
    """Correlations by one matrix product, then `solve_batch`; in place in ``codes`` and
    ``moments``. Returns the largest number of steps.
    """
    n_samples, n = codes.shape
    n_steps = np.zeros(n_samples, np.int64)
    capacity = min(A.shape)
    gram = _gram(A)
    size = max(256, BATCH_BYTES // (A.itemsize * n))
    if moments is not None:
        size = min(size, max(32, POOL_BYTES // (8 * capacity**2)))
    size = min(size, n_samples)
    inverses = np.empty((size, capacity**2) if moments is not None else (0, 0))
    supports = np.empty((len(inverses), capacity + 1), np.int32)
    correlations = np.empty((size, n), A.dtype)
    word = np.empty(0, WORD[A.dtype])
    eps = float(np.finfo(A.dtype).eps)
    memory = scratch(numba.get_num_threads(), n, capacity, A)
    for rows in _batches(n_samples, size):
        count = rows.stop - rows.start
        solve_batch(
            np.matmul(X[rows], A, out=correlations[:count]), word, gram, penalty, nonnegative, tol,
            eps,
            capacity, warm, codes[rows], n_steps[rows], supports[:count], inverses[:count], False,
            *memory,
        )  # fmt: skip
        if moments is not None:
            scatter(
                supports[:count], inverses[:count], moments.inverse_gram, numba.get_num_threads()
            )
            log_determinants(
                supports[:count], inverses[:count], moments.log_det[rows], moments.n_active[rows]
            )
    return int(n_steps.max())


def _power_of_two(value):
    """A scale that brings ``value`` near one; one itself where float32 has range enough."""
    return 1.0 if value == 0 or 1e-6 < value < 1e6 else float(2.0 ** np.round(np.log2(value)))


def run_screened(A, X, penalty, nonnegative, warm, tol, codes):
    """Proposals in float32, solutions and certificates in float64, see
    `overica.inference.kernels.screened`.
    """
    n_samples, n = codes.shape
    n_steps = np.zeros(n_samples, np.int64)
    m = A.shape[0]
    capacity = min(A.shape)
    # Powers of two bring the numbers into the range of float32 and change no digit.
    scale_A = _power_of_two(np.sqrt(np.einsum("ij,ij->j", A, A).max()))
    scale_X = _power_of_two(np.abs(X).max())
    A = A if scale_A == 1 else A / scale_A
    X = X if scale_X == 1 else X / scale_X
    penalty = penalty / (scale_A * scale_X)
    norm = float(np.sqrt(np.einsum("ij,ij->j", A, A).max()))
    eps = float(np.finfo(np.float64).eps)
    lengths = np.sqrt(np.einsum("ij,ij->i", X, X))
    limits = penalty * (1 + tol) + 4 * eps * norm * lengths
    slacks = 1e-3 * tol * penalty + 16 * eps * norm * lengths
    atoms_of_A = np.ascontiguousarray(A.T)
    coarse = A.astype(np.float32)
    gram = _gram(coarse)
    size = min(max(256, BATCH_BYTES // (4 * n)), n_samples)
    word, coarse_word = np.empty(0, np.int64), np.empty(0, np.int32)
    most = min(capacity, POLISHED)
    supports, inverses = np.empty((size, most + 1), np.int32), np.empty((size, most**2))
    correlations = np.empty((size, n), np.float32)
    errors, drifts = np.empty((size, m)), np.empty((size, 3))
    joined = np.empty((size, JOIN + 1), np.int32)
    workers = numba.get_num_threads()
    memory = scratch(workers, n, capacity, coarse)
    exact_memory = scratch(workers, capacity + JOIN, capacity, A)
    unsolved = []
    for rows in _batches(n_samples, size):
        count = rows.stop - rows.start
        samples, batch_codes, steps = X[rows], codes[rows], n_steps[rows]
        if warm:
            batch_codes *= scale_A / scale_X
        solve_batch(
            np.matmul(samples.astype(np.float32), coarse, out=correlations[:count]), coarse_word,
            gram, penalty,
            nonnegative, 1e-6, float(np.finfo(np.float32).eps), capacity, warm, batch_codes,
            steps, supports, inverses, True, *memory,
        )  # fmt: skip
        joined[:, 0] = -1
        live = np.arange(count)
        for attempt in range(ROUNDS):
            E, C = errors[: len(live)], correlations[: len(live)]
            refine_batch(
                samples, atoms_of_A, word, penalty, nonnegative, tol, eps, capacity, live, joined,
                batch_codes, E, steps, slacks[rows], supports, inverses, drifts, *exact_memory,
            )  # fmt: skip
            top = limits[rows][live]
            bars = np.full(len(live), -np.inf)
            if attempt == 0:
                # what the search's correlations are worth: see `screened`
                drift, total, active = drifts[:count].T
                unit = (m + 8 * active + 40) * 2.0**-24
                bars = top - norm * (norm * drift + unit * (lengths[rows] + norm * total))
            redo = np.flatnonzero(~(bars > NEAR * top))
            if len(redo):
                E_redo = E[redo]
                C[redo] = E_redo.astype(np.float32) @ coarse
                rounding = (
                    (m + 4) * 2.0**-24 * norm * np.sqrt(np.einsum("ij,ij->i", E_redo, E_redo))
                )
                bars[redo] = np.maximum(top[redo] - rounding, 0.0)
            bars = bars.astype(np.float32)
            counts = np.empty(len(live), np.int64)
            screen_batch(
                C, C.view(np.int32), bars, bars.view(np.int32), E, atoms_of_A, nonnegative,
                limits[rows],
                batch_codes, live, joined, counts,
            )  # fmt: skip
            live = live[counts > 0]
            if not len(live):
                break
        if scale_X != scale_A:
            batch_codes *= scale_X / scale_A
        unsolved.extend(rows.start + live)
    if unsolved:
        left = np.array(unsolved)
        left_codes = codes[left] * (scale_A / scale_X)
        n_steps[left] += run_direct(A, X[left], penalty, nonnegative, True, tol, left_codes)
        codes[left] = left_codes * (scale_X / scale_A)
    return int(n_steps.max())


def run_planar(A, X, penalty, nonnegative, warm, tol, codes):
    """The closed form for two features; `run_direct` where neighbours on the hull are too close for
    it.
    """
    table, accurate = polygon(A.astype(np.float64), penalty, nonnegative)
    if not accurate:
        return run_direct(A, X, penalty, nonnegative, warm, tol, codes)
    planar_batch(X, table, nonnegative, codes)
    return 0
