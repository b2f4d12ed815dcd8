"""Samples that determine their sources: no more columns than features, and noise that is negligible.

As the penalty goes to zero, maximum a posteriori codes ``argmin_s |x - A s|^2 / (2 lambda) + cost(s)`` of linearly
independent columns go to the codes of least squares, whatever the prior,

    s = A^+ x,

and what noise there is, is what the columns do not reach: with m features, n columns and a residual r,

    log p(x) = log p(s) - log det(A'A) / 2 - |r|^2 / (2 sigma^2) - (m - n) log(2 pi sigma^2) / 2.

With n = m that is the exact density of a square noise-free mixture, ``log p(A^-1 x) - log |det A|``. A `Model` of
penalty zero is meant so.
"""

from __future__ import annotations

import numpy as np

from overica.priors import Prior


def codes(A: np.ndarray, X: np.ndarray) -> np.ndarray:
    """``A^+ x`` of every sample, in the dtype of X, (n_samples, n_components).

    Examples
    --------
    >>> A = np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]])
    >>> codes(A, np.array([[3.0, 4.0, 5.0]]))
    array([[3., 2.]])
    """
    return np.asarray(X @ np.linalg.pinv(A).T.astype(X.dtype))


def log_evidence(A: np.ndarray, prior: Prior, noise_variance: float, X: np.ndarray) -> np.ndarray:
    """``log p(x)`` of every sample, nats, (n_samples,).

    Examples
    --------
    >>> from overica.priors import Laplace
    >>> log_evidence(2 * np.eye(1), Laplace(), 0.0, np.array([[0.0], [2.0]])).round(3)
    array([-1.386, -2.386])
    """
    m, n = A.shape
    S = codes(A, X)
    log_volume = np.linalg.slogdet(A.T @ A)[1] / 2
    total = np.asarray(prior.log_density(S)).sum(axis=1) - log_volume
    if m > n:
        square = ((X - S @ A.T) ** 2).sum(axis=1)
        total -= square / (2 * noise_variance) + (m - n) / 2 * np.log(2 * np.pi * noise_variance)
    return np.asarray(total)
