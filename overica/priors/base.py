"""The contract of a source prior, and everything that follows from it numerically."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import array_api_compat
import numpy as np

from overica._validation import Array, namespace
from overica.priors.numeric import bracket_slope, increasing_root


class Prior(ABC):
    """Log-concave prior of independent sources, a scale family.

    The sources of one sample have density ``prod_j p(s_j / theta_j) / theta_j`` with the positive
    scales theta. In place of the density itself the package works with the *cost*, in nats,

        cost_j(s) = -log p_j(s) + log p_j(mode)  >=  0,   convex, zero at the mode, +inf outside
        the support.

    A prior of your own is one class with `cost`, `score`, `log_normaliser`, `sample` and
    `cvxpy_cost` (and `nonnegative = True` if its support is s >= 0). Everything else has a
    numerical default that a closed form may replace. `check_prior` tests such a class.

    Laws, each of them checked by `check_prior`: the cost is convex and depends on s / theta only;
    `score` is minus its derivative; ``exp(-cost - log_normaliser)`` integrates to one; `sample`
    draws from it.

    Parameters
    ----------
    scale : float or array of shape (n_components,)
        theta, in the units of the sources; positive and finite.

    Raises
    ------
    ValueError
        If a scale is not positive and finite, or has more than one axis.

    Notes
    -----
    Methods take NumPy arrays and torch tensors alike and return the same kind, dtype and device;
    the last axis runs over the sources. Inside, take ``xp = namespace(S)`` for functions and
    ``self.scale_like(S)`` for theta.

    Examples
    --------
    >>> import cvxpy, numpy as np
    >>> from overica.priors import Prior, check_prior
    >>> from overica.priors.base import namespace
    >>> class Logistic(Prior):
    ...     def cost(self, S):
    ...         Z, xp = abs(S) / self.scale_like(S), namespace(S)
    ...         return Z + 2 * xp.log1p(xp.exp(-Z)) - 2 * np.log(2)
    ...
    ...     def score(self, S):
    ...         theta, xp = self.scale_like(S), namespace(S)
    ...         return -xp.tanh(S / theta / 2) / theta
    ...
    ...     def log_normaliser(self):
    ...         return np.log(4 * np.asarray(self.scale))
    ...
    ...     def sample(self, size, rng):
    ...         return rng.logistic(scale=self.scale, size=size)
    ...
    ...     def cvxpy_cost(self, s):
    ...         Z = s / self.scale_for(s)
    ...         return cvxpy.sum(2 * cvxpy.logistic(Z) - Z - 2 * np.log(2))
    >>> check_prior(Logistic())
    >>> Logistic(2.0)
    Logistic(scale=2.0)
    """

    nonnegative: ClassVar[bool] = False

    scale: float | np.ndarray

    def __init__(self, scale: float | Array = 1.0) -> None:
        self.scale = _check_scale(scale)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(scale={self.scale!r})"

    def with_scale(self, scale: float | Array) -> Self:
        """A copy with other scales and everything else the same."""
        other = copy.copy(self)
        other.scale = _check_scale(scale)
        return other

    def scale_like(self, S: Array) -> Any:
        """theta, to combine with `S`: a float, or an array like S in library, dtype and device."""
        if isinstance(self.scale, float):
            return self.scale
        return _like(self.scale, S)

    def scale_for(self, s: Any) -> float | np.ndarray:
        """theta, to combine with a cvxpy expression, (n_components,) or (n_components, N)."""
        if isinstance(self.scale, float):
            return self.scale
        columns = self.scale if s.ndim == 1 else self.scale[:, None]
        return np.array(np.broadcast_to(columns, s.shape))

    @abstractmethod
    def cost(self, S: Array) -> Array:
        """-log p(S) + log p(mode), elementwise, in nats; +inf outside the support."""

    @abstractmethod
    def score(self, S: Array) -> Array:
        """d log p / ds, elementwise, in nats per unit of source; at a kink, any value between."""

    @abstractmethod
    def log_normaliser(self) -> Any:
        """-log p(mode) for each source, in nats; shape of the scale."""

    @abstractmethod
    def sample(self, size: int | tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """Draw an array of shape `size`, whose last axis runs over the sources, from the prior."""

    @abstractmethod
    def cvxpy_cost(self, s: Any) -> Any:
        """The summed cost, a cvxpy expression, of one of (n_components,) or (n_components, N)."""

    def mode(self) -> float | np.ndarray:
        """Where the density is highest: 0 unless a prior says otherwise; shape of the scale."""
        return 0.0

    def characteristic_function(self, t: Array) -> Array | None:
        """E exp(i t s) for real t, elementwise, complex where it must be; None where there is no closed form.

        With it, two features suffice for the exact evidence (`overica.learning.planar_evidence`).
        """
        return None

    def l1_weights(self) -> float | np.ndarray | None:
        """w if the cost is ``w |s|`` on the support, so that lasso kernels apply; else None."""
        return None

    def log_density(self, S: Array) -> Array:
        """log p(S), elementwise, in nats."""
        return -(self.cost(S) + _like(self.log_normaliser(), S))

    def curvature(self, S: Array) -> Array:
        """-d2 log p / ds2, elementwise, by central differences of the score; never negative."""
        xp = namespace(S)
        theta = self.scale_like(S)
        width = float(xp.finfo(S.dtype).eps) ** (1 / 3) * (xp.abs(S) + theta)
        below = S - width
        if self.nonnegative:
            below = xp.where(below < 0, xp.zeros_like(S), below)
        difference = self.score(below) - self.score(S + width)
        slope = difference / (S + width - below)
        return xp.where(slope > 0, slope, xp.zeros_like(slope))

    def derivatives(self, S: Array) -> tuple[Array, Array, Array]:
        """Cost, its slope (minus the score) and its curvature, elementwise; at once where they share work."""
        return self.cost(S), -self.score(S), self.curvature(S)

    def prox(self, V: Array, step: float | Array) -> Array:
        """Proximal map, argmin over s of ``(s - v)^2 / (2 step) + cost(s)``, elementwise.

        Parameters
        ----------
        V : array (..., n_components)
        step : float or array that broadcasts against `V`
            Positive, in squared units of the source.

        Returns
        -------
        array
            Shaped as `V`. It lies between v and the mode, where a root of the monotone ``s - v +
            step cost'(s)`` is bracketed and found.
        """
        xp = namespace(V)
        mode = xp.zeros_like(V) + _like(self.mode(), V)
        start = xp.where(V < 0, xp.zeros_like(V), V) if self.nonnegative else V
        S = increasing_root(
            lambda S: (S - V) - step * self.score(S),
            lambda S: 1 + step * self.curvature(S),
            xp.minimum(start, mode),
            xp.maximum(start, mode),
        )
        # Where the answer is a kink at the mode, bisection only comes near it; exact zeros matter.
        near = xp.abs(S - mode) <= 4 * xp.finfo(V.dtype).eps * xp.abs(start - mode)
        return xp.where(near, mode, S)

    def slope_bounds(self) -> tuple[Any, Any]:
        """Closure of the range of the cost's slope, per source: where the conjugate is finite.

        By default read off the score very far out. A slope that still grows there has no bound.
        """
        theta = np.asarray(self.scale)
        with np.errstate(over="ignore", invalid="ignore"):
            near, far = (
                np.stack([-self.score(-reach * theta), -self.score(reach * theta)])
                for reach in (1e15, 1e30)
            )
        low, high = np.where(np.abs(far) > 1.01 * np.abs(near), np.sign(far) * np.inf, far)
        if self.nonnegative:
            low = np.full_like(high, -np.inf)
        return low, high

    def conjugate(self, V: Array) -> Array:
        """Convex conjugate, sup over s of ``v s - cost(s)``; +inf beyond `slope_bounds`."""
        xp = namespace(V)
        low, high = (_like(bound, V) for bound in self.slope_bounds())
        zero = xp.zeros_like(V)
        mode = zero + _like(self.mode(), V)
        inside = (low <= V) & (high >= V)
        reachable = xp.where(inside, V, zero)
        support = self._clip_to_support

        def slope(S: Array) -> Array:
            return -self.score(support(S))

        lower, upper = bracket_slope(slope, reachable, mode, zero + self.scale_like(V))
        lower, upper = support(lower), support(upper)
        S = increasing_root(lambda S: slope(S) - reachable, self.curvature, lower, upper)
        return xp.where(inside, reachable * S - self.cost(S), xp.inf)

    def fenchel_young(self, S: Array, V: Array) -> Array:
        """``cost(s) + conjugate(v) - s v``: zero where v is a slope of the cost at s, else more.

        The duality gap is a sum of these. A closed form that does not cancel is worth its lines.
        """
        xp = namespace(S)
        loss = self.cost(S) + self.conjugate(V) - S * V
        return xp.where(loss < 0, xp.zeros_like(loss), loss)

    def _clip_to_support(self, S: Array) -> Array:
        xp = namespace(S)
        return xp.where(S < 0, xp.zeros_like(S), S) if self.nonnegative else S


def _like(value: Any, S: Array) -> Any:
    """A per-source constant as an array of S's library, floating dtype and device."""
    xp = namespace(S)
    if isinstance(S, (float, int)):
        return value
    dtype = S.dtype if xp.isdtype(S.dtype, "real floating") else xp.float64
    # A copy, since torch will not look at read-only memory.
    return xp.asarray(np.array(value), dtype=dtype, device=array_api_compat.device(S))


def _check_scale(scale: Any) -> float | np.ndarray:
    if array_api_compat.is_torch_array(scale):
        scale = scale.detach().cpu().numpy()
    try:
        theta = np.array(scale, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(
            f"`scale` must be a number or an array of numbers, got {scale!r}"
        ) from None
    if theta.ndim > 1 or theta.size == 0:
        raise ValueError(
            f"`scale` must be a scalar or have shape (n_components,), got {theta.shape}"
        )
    if not np.all(np.isfinite(theta) & (theta > 0)):
        raise ValueError(f"`scale` must be positive and finite, got {scale!r}")
    if theta.ndim == 0:
        return float(theta)
    theta.flags.writeable = False
    return theta
