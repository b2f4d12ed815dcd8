"""The dimensions that sources live in where there are fewer of them than features, whitened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_RANK_TOL = 1e-10
"""Smallest variance of a dimension that is one, relative to the largest."""
_LEAST_NOISE = 1e-8


@dataclass(frozen=True)
class Subspace:
    """The dimensions of largest variance, whitened; what is beyond them is noise."""

    whitener: np.ndarray
    """(n_components, n_features)."""
    dewhitener: np.ndarray
    """(n_features, n_components)."""
    noise_variance: float
    """Mean variance of the other dimensions; zero if there are none."""
    unexplained: float
    """Their share of the variance."""

    @property
    def log_density(self) -> float:
        """What the density of whitened samples lacks of that of samples, nats."""
        n, m = self.whitener.shape
        log_volume = float(np.linalg.slogdet(self.whitener @ self.whitener.T)[1]) / 2
        noise = np.log(2 * np.pi * self.noise_variance) + 1 if m > n else 0.0
        return log_volume - (m - n) / 2 * float(noise)

    @classmethod
    def of(cls, X: np.ndarray, n_components: int) -> Subspace | None:
        """That of samples; None where they have fewer dimensions."""
        sizes = np.ones(X.shape[1])
        if n_components == X.shape[1]:
            # All dimensions are kept, so that the units of features should not matter, rounding included.
            deviations = X.std(axis=0)
            sizes = np.where(deviations > 0, deviations, 1.0)
        X = X / sizes
        variances, axes = np.linalg.eigh(X.T @ X / len(X))
        kept, rest = variances[::-1][:n_components], variances[::-1][n_components:]
        if kept[-1] <= _RANK_TOL * kept[0]:
            return None
        axes, deviations = axes[:, ::-1][:, :n_components], np.sqrt(kept)
        noise = max(float(rest.mean()), _LEAST_NOISE) if rest.size else 0.0
        share = float(rest.sum() / variances.sum())
        dewhitener = sizes[:, None] * axes * deviations
        return cls((axes / deviations).T / sizes, dewhitener, noise, share)
