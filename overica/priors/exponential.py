"""The exponential prior: non-negative sparse sources."""

from __future__ import annotations

from typing import Any

import numpy as np

from overica._validation import Array, namespace
from overica.priors.base import Prior


class Exponential(Prior):
    """Exponential prior, ``p(s) = exp(-s / theta) / theta`` for s >= 0.

    The cost is ``s / theta`` on the support and +inf below it: MAP codes are non-negative lasso
    codes.

    Parameters
    ----------
    scale : float or array of shape (n_components,)
        theta, the mean of s, in the units of the sources.

    Notes
    -----
    `score` is -1/theta everywhere, the end s = 0 included: its limit from the right.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.priors import Exponential
    >>> prior = Exponential(scale=2.0)
    >>> prior.cost(np.array([0.0, 3.0, -1.0]))
    array([0. , 1.5, inf])
    >>> prior.prox(np.array([-1.0, 0.1, 1.0]), step=0.5)
    array([0.  , 0.  , 0.75])
    """

    nonnegative = True

    def cost(self, S: Array) -> Array:
        """``s / theta``, +inf for s < 0."""
        return namespace(S).where(S < 0, np.inf, S / self.scale_like(S))

    def score(self, S: Array) -> Array:
        """``-1 / theta``."""
        return namespace(S).zeros_like(S) - 1 / self.scale_like(S)

    def curvature(self, S: Array) -> Array:
        """0: the cost is a straight line on its support."""
        return namespace(S).zeros_like(S)

    def log_normaliser(self) -> Any:
        """``log theta``."""
        return np.log(np.asarray(self.scale))

    def prox(self, V: Array, step: float | Array) -> Array:
        """``max(v - step / theta, 0)``."""
        xp = namespace(V)
        shrunk = V - step / self.scale_like(V)
        return xp.where(shrunk > 0, shrunk, xp.zeros_like(V))

    def slope_bounds(self) -> tuple[Any, Any]:
        """``(-inf, 1/theta)``: at s = 0 every smaller slope is a derivative too."""
        return np.full(np.shape(self.scale), -np.inf), 1 / np.asarray(self.scale)

    def conjugate(self, V: Array) -> Array:
        """0 where ``v <= 1/theta``, else +inf."""
        xp = namespace(V)
        bound = xp.zeros_like(V) + 1 / self.scale_like(V)
        return xp.where(bound >= V, xp.zeros_like(V), xp.inf)

    def fenchel_young(self, S: Array, V: Array) -> Array:
        """``s (1/theta - v)`` where ``s >= 0`` and ``v <= 1/theta``, else +inf."""
        xp = namespace(S)
        slack = 1 / self.scale_like(S) - V
        loss = S * xp.where(slack > 0, slack, xp.zeros_like(slack))
        return xp.where(S < 0, xp.inf, loss + self.conjugate(V))

    def sample(self, size: int | tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """Independent exponential draws."""
        return rng.exponential(scale=self.scale, size=size)

    def cvxpy_cost(self, s: Any) -> Any:
        """A weighted sum; `nonnegative` tells the solver to add s >= 0."""
        import cvxpy

        return cvxpy.sum(cvxpy.multiply(1 / self.scale_for(s), s))

    def l1_weights(self) -> float | np.ndarray:
        """``1 / theta``."""
        return 1 / self.scale

    def characteristic_function(self, t: Array) -> Array:
        """E exp(i t s), ``1 / (1 - i theta t)``."""
        return 1 / (1 - 1j * self.scale_like(t) * t)
