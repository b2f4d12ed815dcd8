"""The local Gaussian model: every source coefficient has its own variance, and the rest is linear algebra.

At each time and frequency

    x = A s + e,   s_j ~ N(0, v_j),   e_c ~ N(0, sigma_c^2),   independent and circular complex,

so that ``x ~ N(0, R)`` with ``R = A diag(v) A' + diag(sigma^2)``, and given x

    E s_j       = v_j a_j' R^-1 x,
    Var s_j     = v_j - v_j^2 a_j' R^-1 a_j,
    -log p(x)   = x^H R^-1 x + log det R + m log pi.

The matrices are as small as there are channels, and there is one per coefficient: the Cholesky factor is written out
over arrays, so that numpy sees a few long operations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ROUNDING = 1e-6
"""Least variance of the noise where coefficients have mean power one."""


@dataclass(frozen=True)
class Posterior:
    """What the coefficients say of the sources, given their variances V."""

    scores: np.ndarray
    """a_j' R^-1 x, complex, (n_sources, ...)."""
    precision: np.ndarray
    """a_j' R^-1 a_j, (n_sources, ...). ``|scores|^2 - precision`` is the gradient of log p(x) in v_j."""
    log_likelihood: float
    """Sum of log p(x) over all coefficients, nats."""
    lower: list[list[np.ndarray]]
    """Rows of L below its diagonal, R = L L'."""
    inverse_diagonal: list[np.ndarray]
    """One over the diagonal of L."""
    white: list[np.ndarray]
    """L^-1 x."""

    def along(self, column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """b' R^-1 x and b' R^-1 b of any column b: how well a source of that direction is heard."""
        across = _forward(self.lower, self.inverse_diagonal, list(column))
        score = sum(b * w for b, w in zip(across, self.white, strict=True))
        return np.asarray(score), np.asarray(sum(b * b for b in across))

    @property
    def attraction(self) -> np.ndarray:
        """``|scores|^2``, see `Terms`."""
        return np.asarray(self.scores.real**2 + self.scores.imag**2)

    def noise_terms(self) -> tuple[np.ndarray, np.ndarray]:
        """Those of the noise, (n_channels, n_frequencies), if frequencies and windows are what follows; see `Terms`."""
        attraction, precision = [], []
        for axis in np.eye(len(self.white), dtype=self.precision.dtype):
            score, across = self.along(axis)
            attraction.append((score.real**2 + score.imag**2).sum(axis=1))
            precision.append(across.sum(axis=1))
        return np.stack(attraction), np.stack(precision)

    def means(self, V: np.ndarray) -> np.ndarray:
        """E s_j under the variances that the posterior was computed with, (n_sources, ...)."""
        return V * self.scores

    def variances(self, V: np.ndarray) -> np.ndarray:
        """Var s_j, likewise."""
        return np.maximum(V - V**2 * self.precision, 0)


def posterior(
    Z: np.ndarray, A: np.ndarray, V: np.ndarray, noise_variance: float | np.ndarray
) -> Posterior:
    """Sources given coefficients, mixing matrix and variances.

    Parameters
    ----------
    Z : array (n_channels, ...)
        Complex coefficients; any axes may follow.
    A : array (n_channels, n_sources)
    V : array (n_sources, ...)
        Variances, not negative; their precision is that of the computation.
    noise_variance : float or array (n_channels, ...)
        sigma^2, positive; of every channel and whatever follows, up to axes of length one.

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
    noise = np.asarray(noise_variance, V.dtype)
    L, inverse_diagonal = _cholesky(A, V, noise if noise.ndim else np.full(len(A), noise))
    white = _forward(L, inverse_diagonal, list(Z))
    quadratic = sum(w.real**2 + w.imag**2 for w in white)
    log_det = -2 * sum(np.log(d) for d in inverse_diagonal)
    constant = len(A) * float(np.log(np.pi)) * quadratic.size
    total = quadratic.sum(dtype=np.float64) + log_det.sum(dtype=np.float64) + constant
    found = Posterior(
        np.empty(V.shape, Z.dtype), np.empty_like(V), -float(total), L, inverse_diagonal, white
    )
    for j, column in enumerate(A.T):
        found.scores[j], found.precision[j] = found.along(column)
    return found


def _cholesky(
    A: np.ndarray, V: np.ndarray, noise: np.ndarray
) -> tuple[list[list[np.ndarray]], list[np.ndarray]]:
    """Lower factor of A diag(v) A' + diag(sigma^2) below its diagonal, as rows of arrays; one over the diagonal."""
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
        whole = np.tensordot(A[i] ** 2, V, 1) + noise[i]
        pivot = whole.copy()
        for entry in row:
            pivot -= entry**2
        inverse_diagonal.append(1 / np.sqrt(np.maximum(pivot, rounding * whole + noise[i] / 2)))
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
