"""Variances of one source as a product of non-negative factors, ``v(f, t) = sum_k w(f, k) h(k, t)``.

A voice says few spectra, more or less loudly: the columns of W are spectra, the rows of H say when. Both are learned by
multiplicative steps on the likelihood of the local Gaussian model (`gaussian.posterior`). For sums over sources of
``-log det R - x^H R^-1 x``, with R linear in each factor, the first term is above its tangent and the second above a
function that is convex in one over the factor; their sum has its maximum where

    w <- w sqrt((N H') / (D H')),   N = |a' R^-1 x|^2,   D = a' R^-1 a,

so that no step lowers the likelihood (Sawada et al. 2013, "Multichannel extensions of non-negative matrix
factorization with complex-valued data", IEEE Transactions on Audio, Speech, and Language Processing 21).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

FLOOR = 1e-9
"""Added to all variances, in units of the mean power of the coefficients."""
_TINY = 1e-20
_FIRST_FIT = 15
"""Steps from a random start towards given powers."""


class Terms(Protocol):
    """The gradient of a log likelihood in variances, as the difference of what is not negative."""

    @property
    def log_likelihood(self) -> float:
        """Of the coefficients."""

    @property
    def attraction(self) -> np.ndarray:
        """N, what raises the variances, (n_sources, n_frequencies, n_windows)."""

    @property
    def precision(self) -> np.ndarray:
        """D, what lowers them, likewise."""

    def noise_terms(self) -> tuple[np.ndarray, np.ndarray]:
        """The same of the noise's variances, sums over the windows, (n_channels, n_frequencies)."""


class Factors:
    """W and H of one source.

    Parameters
    ----------
    n_frequencies, n_windows : int
    n_components : int
        Spectra.
    power : float
        Mean variance of the random start.
    rng : numpy.random.Generator

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> factors = Factors(5, 7, 2, 1.0, rng)
    >>> P = np.outer(np.arange(1, 6), np.arange(1, 8)).astype(np.float32)
    >>> factors.fit(P, 100)
    >>> bool(np.allclose(factors.variances(), P, rtol=0.05))
    True
    """

    def __init__(
        self,
        n_frequencies: int,
        n_windows: int,
        n_components: int,
        power: float,
        rng: np.random.Generator,
    ) -> None:
        self.W = _uniform(rng, (n_frequencies, n_components))
        self.H = _uniform(rng, (n_components, n_windows))
        self.H *= np.float32(power / float(self.W.mean(axis=0) @ self.H.mean(axis=1)))

    def variances(self) -> np.ndarray:
        """v(f, t), single precision."""
        return self.W @ self.H + np.float32(FLOOR)

    def fit(self, powers: np.ndarray, steps: int) -> None:
        """Steps towards given powers P in the Itakura-Saito divergence: the likelihood of a source heard alone."""
        for _ in range(steps):
            V = self.variances()
            self.step_spectra(powers / V**2, 1 / V)
            V = self.variances()
            self.step_times(powers / V**2, 1 / V)

    def step_spectra(self, N: np.ndarray, D: np.ndarray) -> None:
        """One step of W."""
        self.W *= np.sqrt((N @ self.H.T) / (D @ self.H.T + np.float32(_TINY)))
        total = self.W.sum(axis=0) + np.float32(_TINY)
        self.W /= total
        self.H *= total[:, None]

    def step_times(self, N: np.ndarray, D: np.ndarray) -> None:
        """One step of H."""
        self.H *= np.sqrt((self.W.T @ N) / (self.W.T @ D + np.float32(_TINY)))


def start_factors(powers: np.ndarray, n_components: int, rng: np.random.Generator) -> list[Factors]:
    """Factors of every source from a random start, fitted to powers (n_sources, n_frequencies, n_windows)."""
    _, n_frequencies, n_windows = powers.shape
    factors = [
        Factors(n_frequencies, n_windows, n_components, float(P.mean()), rng) for P in powers
    ]
    for one, P in zip(factors, powers, strict=True):
        one.fit(P, _FIRST_FIT)
    return factors


def step(factors: Sequence[Factors], found: Terms, k: int) -> np.ndarray:
    """The k-th step of all sources, of times if k is odd, of spectra else; their variances after it."""
    for N, D, one in zip(found.attraction, found.precision, factors, strict=True):
        move = one.step_times if k % 2 else one.step_spectra
        move(N, D)
    return np.stack([one.variances() for one in factors])


def _uniform(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return rng.random(shape, dtype=np.float32) + np.float32(0.1)
