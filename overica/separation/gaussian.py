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
    """What the coefficients say of the sources, given their variances V."""

    scores: np.ndarray
    """a_j' R^-1 x, complex, (n_sources, ...)."""
    precision: np.ndarray
    """a_j' R^-1 a_j, (n_sources, ...). ``|scores|^2 - precision`` is the gradient of log p(x) in v_j."""
    log_likelihood: float
    """Sum of log p(x) over all coefficients, nats."""

    def means(self, V: np.ndarray) -> np.ndarray:
        """E s_j under the variances that the posterior was computed with, (n_sources, ...)."""
        return V * self.scores

    def variances(self, V: np.ndarray) -> np.ndarray:
        """Var s_j, likewise."""
        return np.maximum(V - V**2 * self.precision, 0)


def posterior(Z: np.ndarray, A: np.ndarray, V: np.ndarray, noise_variance: float) -> Posterior:
    """Sources given coefficients, mixing matrix and variances.

    Parameters
    ----------
    Z : array (n_channels, ...)
        Complex coefficients; any axes may follow.
    A : array (n_channels, n_sources)
    V : array (n_sources, ...)
        Variances, not negative; their precision is that of the computation.
    noise_variance : float
        sigma^2, positive.

    Examples
    --------
    A source that is alone is what the channels hold, shrunk a little:

    >>> import numpy as np
    >>> A = np.array([[1.0, 0.0, 0.6], [0.0, 1.0, 0.8]])
    >>> V = np.array([[0.0], [0.0], [1.0]])
    >>> posterior(np.array([[0.6j], [0.8j]]), A, V, 0.01).means(V).imag.round(2).ravel()
    array([0.  , 0.  , 0.99])
    """
    A = A.astype(V.dtype)
    L, inverse_diagonal = _cholesky(A, V, noise_variance)
    white = _forward(L, inverse_diagonal, list(Z))
    quadratic = sum(w.real**2 + w.imag**2 for w in white)
    log_det = -2 * sum(np.log(d) for d in inverse_diagonal)
    scores = np.empty(V.shape, Z.dtype)
    precision = np.empty_like(V)
    for j, column in enumerate(A.T):
        across = _forward(L, inverse_diagonal, list(column))
        scores[j] = sum(a * w for a, w in zip(across, white, strict=True))
        precision[j] = sum(a * a for a in across)
    constant = len(A) * float(np.log(np.pi)) * quadratic.size
    total = quadratic.sum(dtype=np.float64) + log_det.sum(dtype=np.float64) + constant
    return Posterior(scores, precision, -float(total))


def _cholesky(
    A: np.ndarray, V: np.ndarray, noise_variance: float
) -> tuple[list[list[np.ndarray]], list[np.ndarray]]:
    """Lower factor of A diag(v) A' + sigma^2 I below its diagonal, as rows of arrays; one over the diagonal."""
    noise = V.dtype.type(noise_variance)
    # Below the rounding of the entry it comes from, a pivot is noise.
    rounding = np.finfo(V.dtype).eps
    L: list[list[np.ndarray]] = []
    inverse_diagonal: list[np.ndarray] = []
    for i in range(len(A)):
        row: list[np.ndarray] = []
        for k in range(i):
            entry = np.tensordot(A[i] * A[k], V, 1)
            for p in range(k):
                entry -= row[p] * L[k][p]
            row.append(entry * inverse_diagonal[k])
        whole = np.tensordot(A[i] ** 2, V, 1) + noise
        pivot = whole.copy()
        for entry in row:
            pivot -= entry**2
        inverse_diagonal.append(1 / np.sqrt(np.maximum(pivot, rounding * whole + noise / 2)))
        L.append(row)
    return L, inverse_diagonal


def _forward(L: list[list[np.ndarray]], inverse_diagonal: list[np.ndarray], b: list) -> list:
    """L^-1 b."""
    y: list = []
    for row, scale, value in zip(L, inverse_diagonal, b, strict=True):
        for entry, before in zip(row, y, strict=True):
            value = value - entry * before
        y.append(value * scale)
    return y
