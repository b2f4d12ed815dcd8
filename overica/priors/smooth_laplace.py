"""The smooth Laplace prior of Lewicki and Sejnowski, a log cosh cost with a sharpness."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import betaln

from overica._validation import Array, check_scalar, namespace
from overica.priors.base import Prior

_MAX_NEWTON = 100


class SmoothLaplace(Prior):
    """Smooth Laplace prior, ``p(s) proportional to cosh(beta s / theta)^(-1/beta)``.

    The cost is ``log cosh(beta s / theta) / beta``: ``|s| / theta`` less a constant in the tails,
    quadratic at the centre over a width theta / beta, and the Laplace prior in the limit of large
    beta. It has a Hessian everywhere, which a Laplace approximation of the evidence needs.

    Parameters
    ----------
    scale : float or array of shape (n_components,)
        theta, the decay length of the tails, in the units of the sources.
    sharpness : float
        beta, positive and without units.

    References
    ----------
    M. S. Lewicki and T. J. Sejnowski, "Learning overcomplete representations", Neural Computation
    12, 337-365 (2000), which uses this density for the derivative of the Laplace prior at zero.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.priors import SmoothLaplace
    >>> prior = SmoothLaplace(scale=1.0, sharpness=10.0)
    >>> prior.cost(np.array([0.0, 0.1, 2.0])).round(4)
    array([0.    , 0.0434, 1.9307])
    >>> prior.score(np.array([0.0, 0.1, 2.0])).round(4)
    array([-0.    , -0.7616, -1.    ])
    """

    def __init__(self, scale: float | Array = 1.0, sharpness: float = 10.0) -> None:
        super().__init__(scale)
        self.sharpness = check_scalar(sharpness, "sharpness", strict=True)

    def __repr__(self) -> str:
        return f"SmoothLaplace(scale={self.scale!r}, sharpness={self.sharpness!r})"

    def cost(self, S: Array) -> Array:
        """``log cosh(beta s / theta) / beta``."""
        xp = namespace(S)
        Y = xp.abs(S / self.scale_like(S) * self.sharpness)
        one = xp.ones_like(Y)
        # log cosh y = log1p(sinh^2 y) / 2 keeps its relative precision as y -> 0, and y +
        # log1p(e^-2y) - log 2 does not overflow.
        centre = xp.log1p(xp.sinh(xp.minimum(Y, one)) ** 2) / 2
        tail = Y + xp.log1p(xp.exp(-2 * Y)) - np.log(2.0)
        return xp.where(one > Y, centre, tail) / self.sharpness

    def score(self, S: Array) -> Array:
        """``-tanh(beta s / theta) / theta``."""
        theta = self.scale_like(S)
        return -namespace(S).tanh(S / theta * self.sharpness) / theta

    def curvature(self, S: Array) -> Array:
        """``beta / (theta cosh(beta s / theta))^2``."""
        xp = namespace(S)
        theta = self.scale_like(S)
        decay = xp.exp(-2 * xp.abs(S / theta * self.sharpness))
        return 4 * decay / (1 + decay) ** 2 * (self.sharpness / theta) / theta

    def log_normaliser(self) -> Any:
        """``log(theta B(1/(2 beta), 1/2) / beta)`` with the beta function B."""
        return np.log(self.scale) - np.log(self.sharpness) + betaln(0.5 / self.sharpness, 0.5)

    def prox(self, V: Array, step: float | Array) -> Array:
        """Root of ``s + (step / theta) tanh(beta s / theta) = v`` by Newton steps from below.

        For s > 0 the left side is concave, so that Newton steps from a point below the root stay
        below it and increase. Such points are ``v - step / theta`` and, as tanh(y) <= y, ``v / (1
        + step beta / theta^2)``.
        """
        xp = namespace(V)
        theta = self.scale_like(V)
        size = xp.abs(V)
        force, rate = step / theta, self.sharpness / theta
        S = xp.maximum(size - force, size / (1 + force * rate))
        for _ in range(_MAX_NEWTON):
            slope = xp.tanh(rate * S)
            rise = (size - S - force * slope) / (1 + force * rate * (1 - slope * slope))
            S = S + rise
            if not bool(xp.any(rise > 2 * xp.finfo(V.dtype).eps * size)):
                break
        return xp.sign(V) * S

    def slope_bounds(self) -> tuple[Any, Any]:
        """``(-1/theta, 1/theta)``."""
        return -1 / np.asarray(self.scale), 1 / np.asarray(self.scale)

    def conjugate(self, V: Array) -> Array:
        """``((1+w) log(1+w) + (1-w) log(1-w)) / (2 beta)``, w = theta v in [-1, 1], else +inf."""
        xp = namespace(V)
        W = V * self.scale_like(V)
        value = (_excess(W) + _excess(-W)) / (2 * self.sharpness)
        return xp.where(xp.abs(W) <= 1, value, xp.inf)

    def fenchel_young(self, S: Array, V: Array) -> Array:
        """The divergence, over beta, of two coins with means theta v and tanh(beta s / theta).

        With w = tanh y, d = theta v - w and h(t) = (1+t) log(1+t) - t it is ``((1+w) h(d/(1+w)) +
        (1-w) h(-d/(1-w))) / (2 beta)``: no difference of large numbers, and second order in d as
        it must be.
        """
        xp = namespace(S)
        theta = self.scale_like(S)
        Y = S / theta * self.sharpness
        W = V * theta
        D = W - xp.tanh(Y)
        total = xp.zeros_like(D)
        for sign in (1, -1):
            # The mass 1 + w is 2 / (1 + exp(-2y)), whose logarithm outlives its underflow.
            log_mass = np.log(2.0) - _softplus(-2 * sign * Y)
            total = total + _excess_of(xp.exp(log_mass), log_mass, sign * D, 1 + sign * W)
        return xp.where(xp.abs(W) <= 1, total / (2 * self.sharpness), xp.inf)

    def sample(self, size: int | tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """Exact draws: ``2 beta s / theta`` is the logit of a symmetric Beta(1/(2 beta)) variable.

        That is a difference of two log Gamma variables, drawn as log Gamma(a) = log Gamma(a+1) +
        log(U)/a, since a small a makes the Gamma variable itself underflow.
        """
        shape = 0.5 / self.sharpness
        log_gamma = [
            np.log(rng.standard_gamma(shape + 1, size)) - rng.standard_exponential(size) / shape
            for _ in range(2)
        ]
        return (log_gamma[0] - log_gamma[1]) / (2 * self.sharpness) * self.scale

    def cvxpy_cost(self, s: Any) -> Any:
        """``log cosh y = logistic(2y) - y - log 2`` in exponential cones."""
        import cvxpy

        Y = cvxpy.multiply(self.sharpness / self.scale_for(s), s)
        return cvxpy.sum(cvxpy.logistic(2 * Y) - Y - np.log(2.0)) / self.sharpness


def _excess(T: Array) -> Array:
    """``h(t) = (1+t) log(1+t) - t`` for t >= -1, by its series where the two cancel."""
    xp = namespace(T)
    series = T * T * (0.5 - T * (1 / 6 - T * (1 / 12 - T / 20)))
    above = T > -1
    direct = xp.where(above, (1 + T) * xp.log1p(xp.where(above, T, xp.zeros_like(T))), 0.0) - T
    return xp.where(xp.abs(T) < 1e-3, series, direct)


def _excess_of(mass: Array, log_mass: Array, change: Array, total: Array) -> Array:
    """``mass h(change / mass)``; total = mass + change >= 0, and the mass may underflow."""
    xp = namespace(mass)
    small = xp.abs(change) < 1e-3 * mass
    ratio = xp.where(small, change, 0.0) / xp.where(small, mass, 1.0)
    positive = xp.where(total > 0, total, 1.0)
    direct = xp.where(total > 0, total * (xp.log(positive) - log_mass), 0.0) - change
    return xp.where(small, mass * _excess(ratio), xp.where(direct > 0, direct, 0.0))


def _softplus(Y: Array) -> Array:
    """``log(1 + exp(y))``."""
    xp = namespace(Y)
    return xp.where(Y > 0, Y, 0.0) + xp.log1p(xp.exp(-xp.abs(Y)))
