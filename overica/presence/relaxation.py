"""The convex envelope of a spike and a Gaussian slab: its conjugate, its proximal map, and codes under it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Envelope"]


@dataclass(frozen=True)
class Envelope:
    """The largest convex function below ``g_j(s) = min(0 at s = 0, c_j + (s - mu_j)^2 / (2 tau_j^2))``, per source.

    Attributes
    ----------
    mean, variance : array (n_components,)
        mu and tau squared.
    cost : array (n_components,)
        c.
    nonnegative : bool
        Whether g is infinite below zero.

    Examples
    --------
    Between the spike and the slab the envelope is a line, so the proximal map stops there.

    >>> envelope = Envelope(np.array([3.0]), np.array([0.5]), np.array([2.0]), True)
    >>> envelope.prox(np.array([[0.4], [2.0], [3.0]]), 1.0).round(2).ravel()
    array([0.  , 1.37, 2.37])
    """

    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    cost: NDArray[np.float64]
    nonnegative: bool

    def conjugate(self, theta: NDArray) -> NDArray[np.float64]:
        """``sup_s theta s - g(s)``, elementwise: ``max(0, mu theta + tau^2 theta^2 / 2 - c)``.

        Where s cannot be negative, the slab's part is ``-mu^2 / (2 tau^2) - c`` for ``mu + tau^2 theta < 0``.
        """
        value = self.mean * theta + 0.5 * self.variance * theta**2
        if self.nonnegative:
            flat = -0.5 * self.mean**2 / self.variance
            value = np.where(self.mean + self.variance * theta < 0, flat, value)
        return np.maximum(value - self.cost, 0.0)

    def prox(self, v: NDArray, step: float) -> NDArray[np.float64]:
        """``argmin_s (s - v)^2 / (2 step) + envelope(s)``, as ``v - step prox_{g* / step}(v / step)``.

        By Moreau's identity. The conjugate is zero between its kinks, the roots of
        ``mu theta + tau^2 theta^2 / 2 = c``, and the quadratic form outside; its proximal map is the identity between
        them, that of the form outside, and sticks to kinks. Without roots presence costs nothing, the conjugate is the
        form everywhere; or, where s cannot be negative, a constant as far as the form falls.
        """
        mean, variance = self.mean, self.variance
        w = v / step
        form = (w - mean / step) / (1.0 + variance / step)
        discriminant = mean**2 + 2.0 * variance * self.cost
        root = np.sqrt(np.maximum(discriminant, 0.0))
        right = (root - mean) / variance
        left = np.full_like(right, -np.inf) if self.nonnegative else (-root - mean) / variance
        theta = np.where(
            w > right, np.maximum(form, right), np.where(w < left, np.minimum(form, left), w)
        )
        if not self.nonnegative:
            theta = np.where(discriminant < 0, form, theta)
        return v - step * theta

    def codes(
        self, A: NDArray, X: NDArray, noise_variance: float, start: NDArray, n_steps: int
    ) -> NDArray[np.float64]:
        """``argmin_s |x - A s|^2 / (2 noise_variance) + sum_j envelope_j(s_j)``, nearly: FISTA with restarts."""
        step = noise_variance / float(np.linalg.norm(A, 2)) ** 2
        codes = ahead = np.asarray(start, float)
        momentum = np.ones((len(X), 1))
        for _ in range(n_steps):
            new = self.prox(ahead + step / noise_variance * ((X - ahead @ A.T) @ A), step)
            turned = ((ahead - new) * (new - codes)).sum(1, keepdims=True) > 0
            momentum = np.where(turned, 1.0, momentum)
            longer = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * momentum**2))
            ahead = new + np.where(turned, 0.0, (momentum - 1.0) / longer) * (new - codes)
            codes, momentum = new, longer
        return codes
