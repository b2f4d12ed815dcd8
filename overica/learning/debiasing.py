"""Compiled: codes without their shrinkage, and the variance of what is left."""

from __future__ import annotations

import numpy as np
from numba import njit, prange


@njit(parallel=True, cache=True, error_model="numpy")
def debias(gram, codes, excess, nonnegative):
    """Codes of the same supports and signs at a penalty lower by `excess`, (n_samples, n_components).

    On the support a with signs z the lasso code is ``(A_a'A_a)^-1 (A_a'x - penalty z)``, so that lowering the penalty adds
    ``excess (A_a'A_a)^-1 z``. A code that would change its sign stops at a thousandth of its size.
    """
    out = codes.copy()
    for i in prange(codes.shape[0]):
        support = np.flatnonzero(codes[i])
        k = support.size
        if k == 0:
            continue
        block = np.empty((k, k))
        signs = np.empty(k)
        for a in range(k):
            signs[a] = 1.0 if codes[i, support[a]] > 0.0 else -1.0
            for b in range(k):
                block[a, b] = gram[support[a], support[b]]
            block[a, a] *= 1.0 + 1e-12
        step = excess * np.linalg.solve(block, signs)
        for a in range(k):
            before = codes[i, support[a]]
            after = before + step[a]
            out[i, support[a]] = after if after * signs[a] > 0.0 else 1e-3 * before
    return out
