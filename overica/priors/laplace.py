"""The Laplace prior: signed sparse sources, whose MAP problem is the lasso."""

from __future__ import annotations

from typing import Any

import numpy as np

from overica._validation import Array, namespace
from overica.priors.base import Prior


class Laplace(Prior):
    """Laplace prior, ``p(s) = exp(-|s| / theta) / (2 theta)``.

    The cost is ``|s| / theta``: MAP codes under it are lasso codes with penalty sigma^2 / theta.

    Parameters
    ----------
    scale : float or array of shape (n_components,)
        theta, the mean of ``|s|``, in the units of the sources.

    Notes
    -----
    At the kink s = 0 every slope in [-1/theta, 1/theta] is a derivative of the cost; `score` gives
    0 there, the centre, and `curvature` gives 0 everywhere.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.priors import Laplace
    >>> prior = Laplace(scale=[1.0, 2.0])
    >>> prior.cost(np.array([[-1.0, 3.0]]))
    array([[1. , 1.5]])
    >>> prior.prox(np.array([[-1.0, 3.0]]), step=0.5)
    array([[-0.5 ,  2.75]])
    """

    def cost(self, S: Array) -> Array:
        """``|s| / theta``."""
        return abs(S) / self.scale_like(S)

    def score(self, S: Array) -> Array:
        """``-sign(s) / theta``, and 0 at s = 0."""
        return -namespace(S).sign(S) / self.scale_like(S)

    def curvature(self, S: Array) -> Array:
        """0: the cost is flat on both sides of its kink."""
        return namespace(S).zeros_like(S)

    def log_normaliser(self) -> Any:
        """``log(2 theta)``."""
        return np.log(2 * np.asarray(self.scale))

    def prox(self, V: Array, step: float | Array) -> Array:
        """Soft threshold at ``step / theta``."""
        xp = namespace(V)
        shrunk = xp.abs(V) - step / self.scale_like(V)
        return xp.where(shrunk > 0, xp.sign(V) * shrunk, xp.zeros_like(V))

    def slope_bounds(self) -> tuple[Any, Any]:
        """``(-1/theta, 1/theta)``."""
        return -1 / np.asarray(self.scale), 1 / np.asarray(self.scale)

    def conjugate(self, V: Array) -> Array:
        """0 where ``|v| <= 1/theta``, else +inf."""
        xp = namespace(V)
        bound = xp.zeros_like(V) + 1 / self.scale_like(V)
        return xp.where(xp.abs(V) <= bound, xp.zeros_like(V), xp.inf)

    def fenchel_young(self, S: Array, V: Array) -> Array:
        """``|s| (1/theta - sign(s) v)`` where ``|v| <= 1/theta``, else +inf."""
        xp = namespace(S)
        slack = 1 / self.scale_like(S) - xp.sign(S) * V
        loss = xp.abs(S) * xp.where(slack > 0, slack, xp.zeros_like(slack))
        return loss + self.conjugate(V)

    def sample(self, size: int | tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """Independent Laplace draws."""
        return rng.laplace(scale=self.scale, size=size)

    def cvxpy_cost(self, s: Any) -> Any:
        """The weighted l1 norm."""
        import cvxpy

        return cvxpy.sum(cvxpy.multiply(1 / self.scale_for(s), cvxpy.abs(s)))

    def l1_weights(self) -> float | np.ndarray:
        """``1 / theta``."""
        return 1 / self.scale

    def characteristic_function(self, t: Array) -> Array:
        """E exp(i t s), ``1 / (1 + theta^2 t^2)``."""
        return 1 / (1 + (self.scale_like(t) * t) ** 2)
