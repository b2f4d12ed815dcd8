"""Posterior covariances by inverting, sample by sample."""

import numpy as np


def inverses(model, codes, curvature=None):
    """Sum of inverses, log determinants and sizes; without curvature over the supports."""
    A, n = model.mixing, model.mixing.shape[1]
    total, log_det, sizes = np.zeros((n, n)), [], []
    for i, s in enumerate(codes):
        a = np.flatnonzero(s) if curvature is None else np.arange(n)
        ridge = 0 if curvature is None else model.penalty * np.diag(curvature[i])
        block = A[:, a].T @ A[:, a] + ridge
        if a.size:
            total[np.ix_(a, a)] += np.linalg.inv(block)
        log_det.append(np.linalg.slogdet(block)[1] if a.size else 0.0)
        sizes.append(a.size)
    return total, np.array(log_det), np.array(sizes)
