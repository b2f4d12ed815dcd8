"""The soft uniform prior: sources that are spread evenly over a range, the opposite of sparse ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from overica._validation import Array, check_scalar, namespace
from overica.priors.base import Prior


class SoftUniform(Prior):
    """Uniform prior on [-theta, theta] with soft edges, for sources lighter-tailed than Gaussian ones.

    A uniform variable plus logistic noise of width ``w theta`` has, with ``a = 1 / w``,

        p(s) = sinh(a) / (2 theta (cosh a + cosh(a s / theta))),

    which is flat within the range, falls like ``exp(-a |s| / theta)`` beyond it, and is log-concave. Laplace and
    exponential priors prefer directions in which sources look sparse; where all sources are evenly spread, those
    are the diagonals. This prior prefers the directions in which they are bounded.

    Parameters
    ----------
    scale : float or array of shape (n_components,)
        theta, half the range, in the units of the sources.
    softness : float
        w, the width of the edges as a share of theta; positive.

    Notes
    -----
    For the exact evidence of samples in the plane, `overica.learning.PlanarEvidence`. The codes of evenly spread
    sources are never zero, and say nothing about directions that are wrong: `overica.OvercompleteICA`, which learns
    from codes, does not learn with this prior, and it is not in `PRIORS`.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.priors import SoftUniform
    >>> prior = SoftUniform(scale=1.0, softness=0.1)
    >>> prior.cost(np.array([0.0, 0.5, 1.0, 2.0])).round(2)
    array([ 0.  ,  0.01,  0.69, 10.  ])
    """

    def __init__(self, scale: float | Array = 1.0, softness: float = 0.1) -> None:
        super().__init__(scale)
        self.softness = check_scalar(softness, "softness", strict=True)

    def __repr__(self) -> str:
        return f"SoftUniform(scale={self.scale!r}, softness={self.softness!r})"

    def cost(self, S: Array) -> Array:
        """``log((cosh a + cosh(a s / theta)) / (cosh a + 1))``."""
        xp = namespace(S)
        a = 1 / self.softness
        Y = xp.abs(S / self.scale_like(S)) * a
        # cosh a + cosh y = 2 cosh((y + a) / 2) cosh((y - a) / 2), whose parts over exp(./2) do not overflow.
        beyond = (Y - a + xp.abs(Y - a)) / 2
        near = xp.log1p(xp.exp(-xp.abs(Y - a))) + xp.log1p(xp.exp(-(Y + a)))
        return beyond + near - 2 * np.log1p(np.exp(-a))

    def score(self, S: Array) -> Array:
        """``-a sinh(y) / (theta (cosh a + cosh y))``, ``y = a s / theta``."""
        xp = namespace(S)
        a, theta = 1 / self.softness, self.scale_like(S)
        Y = S / theta * a
        # A sum of two steps, at either edge.
        return -(xp.tanh((Y - a) / 2) + xp.tanh((Y + a) / 2)) * (a / 2) / theta

    def curvature(self, S: Array) -> Array:
        """The squared slopes of the two steps, ``(a / theta)^2 sum 1 / (4 cosh((y -+ a) / 2)^2)``."""
        xp = namespace(S)
        a, theta = 1 / self.softness, self.scale_like(S)
        Y = S / theta * a
        decay = [xp.exp(-xp.abs(Y + edge)) for edge in (a, -a)]
        return sum(d / (1 + d) ** 2 for d in decay) * (a / theta) * (a / theta)

    def log_normaliser(self) -> Any:
        """``log(2 theta (cosh a + 1) / sinh a) = log(2 theta / tanh(a / 2))``."""
        return np.log(2 * np.asarray(self.scale)) - np.log(np.tanh(0.5 / self.softness))

    def slope_bounds(self) -> tuple[Any, Any]:
        """``(-a / theta, a / theta)``."""
        bound = (1 / self.softness) / np.asarray(self.scale)
        return -bound, bound

    def sample(self, size: int | tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """A uniform draw plus logistic noise."""
        return (
            rng.uniform(-1, 1, size) + rng.logistic(scale=self.softness, size=size)
        ) * self.scale

    def cvxpy_cost(self, s: Any) -> Any:
        """Two logistic functions: ``cosh a + cosh y`` is a product of sums of exponentials."""
        import cvxpy

        a = 1 / self.softness
        Y = cvxpy.multiply(a / self.scale_for(s), s)
        edges = cvxpy.sum(cvxpy.logistic(Y - a) + cvxpy.logistic(-Y - a))
        return edges - 2 * s.size * np.log1p(np.exp(-a))

    def characteristic_function(self, t: Array) -> Array:
        """``sin(theta t) / (theta t)`` times ``pi w theta t / sinh(pi w theta t)``."""
        xp = namespace(t)
        u = self.scale_like(t) * t
        z = xp.abs(u) * (np.pi * self.softness)
        # z / sinh z, and sin u / u, by their limits at zero.
        tiny = z < 1e-6
        safe = xp.where(tiny, xp.ones_like(z), z)
        decay = xp.where(tiny, xp.ones_like(z), 2 * safe * xp.exp(-safe) / (1 - xp.exp(-2 * safe)))
        flat = xp.abs(u) < 1e-6
        held = xp.where(flat, xp.ones_like(u), u)
        return xp.where(flat, xp.ones_like(u), xp.sin(held) / held) * decay
