"""The local Gaussian model: every source coefficient has its own variance, and the rest is linear algebra.

At each time and frequency

    x = A s + e,   s_j ~ N(0, v_j),   e ~ N(0, sigma^2 I),   independent and circular complex,

so that ``x ~ N(0, R)`` with ``R = A diag(v) A' + sigma^2 I``, and given x

    E s_j       = v_j a_j' R^-1 x,
    Var s_j     = v_j - v_j^2 a_j' R^-1 a_j,
    -log p(x)   = x^H R^-1 x + log det R + m log pi.

The matrices are as small as there are channels, and there is one per coefficient: the Cholesky factor is written out
over arrays, so that numpy sees a few long operations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Posterior:
    """What the coefficients say of the sources, given variances."""

    means: np.ndarray
    """E s_j, complex, (n_sources, ...)."""
    precision: np.ndarray
    """a_j' R^-1 a_j, (n_sources, ...)."""
    log_likelihood: float
    """Sum of log p(x) over all coefficients, nats."""

    def powers(self, V: np.ndarray) -> np.ndarray:
        """E |s_j|^2 under the variances V that the posterior was computed with."""
        return np.abs(self.means) ** 2 + np.maximum(V - V**2 * self.precision, 0)


def posterior(Z: np.ndarray, A: np.ndarray, V: np.ndarray, noise_variance: float) -> Posterior:
    """Sources given coefficients, mixing matrix and variances.

    Parameters
    ----------
    Z : array (n_channels, ...)
        Complex coefficients; any axes may follow.
    A : array (n_channels, n_sources)
    V : array (n_sources, ...)
        Variances, not negative.
    noise_variance : float
        sigma^2, positive.

    Examples
    --------
    A source that is alone is what the channels hold, shrunk a little:

    >>> import numpy as np
    >>> A = np.array([[1.0, 0.0, 0.6], [0.0, 1.0, 0.8]])
    >>> found = posterior(np.array([[0.6j], [0.8j]]), A, np.array([[0.0], [0.0], [1.0]]), 0.01)
    >>> found.means.round(2).ravel()
    array([0.  +0.j  , 0.  +0.j  , 0.  +0.99j])
    """
    A = A.astype(V.dtype)
    L = _cholesky(A, V, V.dtype.type(noise_variance))
    white = _forward(L, list(Z))
    quadratic = sum(np.abs(w) ** 2 for w in white)
    log_det = 2 * sum(np.log(L[i][i]) for i in range(len(A)))
    means = np.empty(V.shape, Z.dtype)
    precision = np.empty_like(V)
    for j, column in enumerate(A.T):
        across = _forward(L, list(column))
        means[j] = V[j] * sum(a * w for a, w in zip(across, white, strict=True))
        precision[j] = sum(a * a for a in across)
    constant = len(A) * np.log(np.pi) * quadratic.size
    total = quadratic.sum(dtype=np.float64) + log_det.sum(dtype=np.float64) + constant
    return Posterior(means, precision, -float(total))


def _cholesky(A: np.ndarray, V: np.ndarray, noise_variance: np.floating) -> list[list[np.ndarray]]:
    """Lower factor of A diag(v) A' + sigma^2 I as rows of arrays."""
    n_channels = len(A)
    flat = V.reshape(len(V), -1)
    L: list[list[np.ndarray]] = []
    for i in range(n_channels):
        row: list[np.ndarray] = []
        for k in range(i + 1):
            entry = ((A[i] * A[k]) @ flat).reshape(V.shape[1:])
            if i == k:
                # Below the rounding of its own entry a pivot is noise.
                least = noise_variance + np.finfo(V.dtype).eps * entry
                entry = entry + noise_variance
            for p in range(k):
                entry = entry - row[p] * (row[p] if i == k else L[k][p])
            row.append(np.sqrt(np.maximum(entry, least)) if i == k else entry / L[k][k])
        L.append(row)
    return L


def _forward(L: list[list[np.ndarray]], b: list) -> list:
    """L^-1 b."""
    y: list = []
    for i, row in enumerate(L):
        value = b[i]
        for p in range(i):
            value = value - row[p] * y[p]
        y.append(value / row[i])
    return y
