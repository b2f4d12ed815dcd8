"""Compiled: codes at another penalty, along the path on which sources only leave."""

from __future__ import annotations

import numpy as np
from numba import njit, prange


@njit(parallel=True, cache=True, error_model="numpy")
def debias(gram, codes, excess):
    """Codes of the same signs at a penalty lower by `excess`, on the same supports or fewer.

    On the support a with signs z the lasso code is ``(A_a'A_a)^-1 (A_a'x - penalty z)``, so that lowering the penalty
    by t adds ``t (A_a'A_a)^-1 z``. A source that comes to zero on the way leaves, and the others go on without it:
    they stay optimal, ``A_a'r = penalty z``, which the line integrals of `occupancy` take for granted.
    """
    out = codes.copy()
    for i in prange(codes.shape[0]):
        support = np.flatnonzero(out[i])
        left = excess
        while support.size > 0 and left != 0.0:
            k = support.size
            block = np.empty((k, k))
            signs = np.empty(k)
            for a in range(k):
                signs[a] = 1.0 if out[i, support[a]] > 0.0 else -1.0
                for b in range(k):
                    block[a, b] = gram[support[a], support[b]]
                block[a, a] *= 1.0 + 1e-12
            step = left * np.linalg.solve(block, signs)
            share, leaving = 1.0, -1
            for a in range(k):
                towards_zero = -step[a] * signs[a]
                size = out[i, support[a]] * signs[a]
                if towards_zero * share >= size:
                    share, leaving = size / towards_zero, a
            for a in range(k):
                out[i, support[a]] += share * step[a]
            left *= 1.0 - share
            if leaving < 0:
                break
            out[i, support[leaving]] = 0.0
            support = np.concatenate((support[:leaving], support[leaving + 1 :]))
    return out
