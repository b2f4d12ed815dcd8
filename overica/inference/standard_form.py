"""MAP problems without units, in which all that certifies and solves them is written.

Sources are measured in their scales and residuals in the noise, ``B = A diag(theta) / sigma``, ``y
= x / sigma``, ``t = s / theta``; then ``||y - B t||^2 / 2 + sum_j cost(t_j)``, with the prior of
scale one, is the same number of nats as before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import array_api_compat
import numpy as np

from overica._validation import Array, namespace
from overica.priors import Prior

_SATURATED = 1e-3
"""A smooth cost whose slope is within this fraction of its bound counts as active there."""


@dataclass(frozen=True)
class StandardForm:
    """Samples with unit noise and a prior of unit scale, at given codes; all float64."""

    B: Array
    """(n_features, n_components)."""
    Y: Array
    """(n_samples, n_features)."""
    S: Array
    """Codes in units of the scales, (n_samples, n_components)."""
    prior: Prior
    """Of scale one."""
    noiseless: bool
    """Whether B s = y is a constraint instead of a likelihood."""
    eps: float
    """Rounding unit of the arrays the problem came in."""

    @property
    def R(self) -> Array:
        """Residuals y - B s."""
        return self.Y - self.S @ self.B.T

    def at(self, S: Array) -> StandardForm:
        """The same samples at other codes."""
        return replace(self, S=S)

    def take(self, rows: Array | slice) -> StandardForm:
        """Some of the samples."""
        return replace(self, Y=self.Y[rows], S=self.S[rows])

    def objective(self) -> Array:
        """(n_samples,), nats."""
        xp = namespace(self.S)
        cost = xp.sum(self.prior.cost(self.S), axis=1)
        if self.noiseless:
            return xp.where(self.feasible(), cost, xp.inf)
        return xp.sum(self.R**2, axis=1) / 2 + cost

    def feasible(self) -> Array:
        """Whether B s = y: a residual below sqrt(eps)/16 of what it is the difference of.

        That is 1e-9 in float64 and 2e-5 in float32; what it can hide in the objective, the gap
        adds back.
        """
        xp = namespace(self.S)
        made_of = xp.abs(self.S) @ xp.abs(self.B).T + xp.abs(self.Y)
        return _norm(self.R) <= self.eps**0.5 / 16 * _norm(made_of)

    def slopes(self) -> Array:
        """The cost's derivative at the codes."""
        return -self.prior.score(self.S)

    def active(self) -> Array:
        """Sources whose slope a dual optimum must match: off the kink, slope at a bound."""
        if self.prior.l1_weights() is not None:
            return self.S != 0
        low, high = self.bounds()
        slopes = self.slopes()
        reach = _SATURATED * abs(slopes)
        return ((high - slopes <= reach) | (slopes - low <= reach)) & (slopes != 0)

    def bounds(self) -> tuple[Array, Array]:
        """The prior's range of slopes: two numbers, or two arrays where every source has a shape of its own."""
        low, high = (_per_source(bound, self.S) for bound in self.prior.slope_bounds())
        return low, high

    def mode(self) -> Array:
        """Where the prior is highest, one row of codes."""
        xp = namespace(self.S)
        return xp.zeros_like(self.S[:1, :]) + _per_source(self.prior.mode(), self.S)


def _per_source(value: Any, S: Array) -> Any:
    """A float, or an array like S in library, dtype and device."""
    if np.ndim(value) == 0:
        return float(value)
    device = array_api_compat.device(S)
    return namespace(S).asarray(np.array(value), dtype=S.dtype, device=device)


def _norm(R: Array) -> Array:
    """Row norms that neither overflow nor underflow."""
    xp = namespace(R)
    largest = xp.max(xp.abs(R), axis=1)
    unit = xp.where(largest > 0, largest, xp.ones_like(largest))
    return unit * xp.sum((R / unit[:, None]) ** 2, axis=1) ** 0.5
