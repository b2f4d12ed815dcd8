"""Sums of inverse Gram matrices over the supports of a batch."""

import numpy as np
from numba import njit, prange

__all__ = ["log_determinants", "scatter"]

LARGEST = 1e100


@njit(parallel=True, cache=True)
def scatter(supports, inverses, total, workers):
    """``total[a_i, a_i] += inverse_i`` for every sample ``i`` with support ``a_i``.

    A worker owns a stripe of rows, so that every entry adds up in the order of the samples, whatever the
    number of workers.
    """
    n = total.shape[0]
    for worker in prange(workers):
        first, last = worker * n // workers, (worker + 1) * n // workers
        for i in range(supports.shape[0]):
            k = 0
            while supports[i, k] >= 0:
                k += 1
            for t in range(k):
                j = supports[i, t]
                if first <= j < last:
                    for c in range(k):
                        total[j, supports[i, c]] += inverses[i, t * k + c]


@njit(parallel=True, cache=True)
def log_determinants(supports, inverses, log_det, n_active):
    """``log det(A_a^T A_a)`` from the Cholesky factor of the inverse, which is overwritten."""
    for i in prange(supports.shape[0]):
        k = 0
        while supports[i, k] >= 0:
            k += 1
        M = inverses[i]
        value, product = 0.0, 1.0
        for q in range(k):
            diagonal = M[q * k + q]
            # One logarithm for many factors, while their product is in range.
            product *= diagonal
            if not 1 / LARGEST < product < LARGEST or q == k - 1:
                value -= np.log(product)
                product = 1.0
            for t in range(q + 1, k):
                factor = M[t * k + q] / diagonal
                for c in range(q + 1, k):
                    M[t * k + c] -= factor * M[q * k + c]
        log_det[i] = value
        n_active[i] = k
