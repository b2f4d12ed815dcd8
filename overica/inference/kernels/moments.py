"""Sums of inverse Gram matrices over the supports of a batch."""

import numpy as np
from numba import njit, prange

__all__ = ["STRIPES", "log_determinants", "scatter"]

# row stripes of the sum; each is one thread's, so that every entry adds up in the order of the
# samples
STRIPES = 16


@njit(parallel=True, cache=True)
def scatter(supports, inverses, total):
    """``total[a_i, a_i] += inverse_i`` for every sample ``i`` with support ``a_i``."""
    height = (total.shape[0] + STRIPES - 1) // STRIPES
    for stripe in prange(STRIPES):
        for i in range(supports.shape[0]):
            k = 0
            while supports[i, k] >= 0:
                k += 1
            for t in range(k):
                if supports[i, t] // height == stripe:
                    row = total[supports[i, t]]
                    for c in range(k):
                        row[supports[i, c]] += inverses[i, t * k + c]


@njit(parallel=True, cache=True)
def log_determinants(supports, inverses, log_det, n_active):
    """``log det(A_a^T A_a)`` from the Cholesky factor of the inverse, which is overwritten."""
    for i in prange(supports.shape[0]):
        k = 0
        while supports[i, k] >= 0:
            k += 1
        M = inverses[i]
        value = 0.0
        for q in range(k):
            diagonal = M[q * k + q]
            value -= np.log(diagonal)
            for t in range(q + 1, k):
                factor = M[t * k + q] / diagonal
                for c in range(q + 1, k):
                    M[t * k + c] -= factor * M[q * k + c]
        log_det[i] = value
        n_active[i] = k
