"""The log-concave prior of any shape: sources lighter or heavier in their tails than Gaussian ones, or skewed."""

from __future__ import annotations

from typing import Any

import numpy as np

from overica._validation import Array, check_array, namespace
from overica.priors.base import Prior, _like

REACH = 32.0
"""Beyond this many scales to either side the slope stays."""
_CELLS = 8
"""Per scale: knots lie on cells' edges, so that a table tells between which knots a number is."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(5)
_FINEST = 64
"""Steps per scale of the table that draws come from."""
_FAR = np.array([3.5, 4, 5, 6, 8, 10, 13, 16, 20, 26, REACH])

KNOTS = np.concatenate([-_FAR[::-1], np.arange(-3, 3 + 1 / _CELLS, 1 / _CELLS), _FAR])
"""Where slopes are given, in scales: evenly where most of a source lies, sparsely in its tails."""
_EDGES = np.linspace(-REACH, REACH, round(2 * REACH * _CELLS) + 1)


class LogConcave(Prior):
    """Log-concave prior whose cost has a piecewise linear slope, ``cost'(s) = slopes(s / theta) / theta``.

    The slopes are given at fixed knots; between them they are interpolated, and beyond the last they stay. Any
    log-concave density is near to one of these: flat ones with edges (uniform, a sinusoid's), Gaussian, Laplace,
    skewed ones (exponential).

    Parameters
    ----------
    scale : float or array of shape (n_components,)
        theta, in the units of the sources.
    slopes : array (n_knots,) or (n_components, n_knots), optional
        Slopes of the cost at the knots `overica.priors.log_concave.KNOTS` for a source of scale one: non-decreasing,
        the first negative, the last positive. By default a smooth Laplace density's, ``tanh``.

    Raises
    ------
    ValueError
        If slopes are malformed, decrease, or do not change sign.

    Notes
    -----
    Where n_components <= n_features `overica.OvercompleteICA` learns the slopes with the mixing matrix, source by
    source, unless it is told another prior.

    Examples
    --------
    Evenly spread between -2 and 2, with edges an eighth wide:

    >>> import numpy as np
    >>> from overica.priors import LogConcave
    >>> from overica.priors.log_concave import KNOTS
    >>> prior = LogConcave(slopes=np.clip((np.abs(KNOTS) - 2) * 80, 0, 10) * np.sign(KNOTS))
    >>> prior.log_density(np.array([0.0, 1.0, -2.0, 3.0])).round(2)
    array([ -1.46,  -1.46,  -1.46, -10.84])
    """

    def __init__(self, scale: float | Array = 1.0, slopes: Array | None = None) -> None:
        super().__init__(scale)
        table = np.tanh(KNOTS) if slopes is None else slopes
        single = np.ndim(table) == 1
        shape: dict[str, int | None] = {"n_components": None, "n_knots": len(KNOTS)}
        table = check_array(np.atleast_2d(np.asarray(table, np.float64)), "slopes", shape)
        if not (
            (np.diff(table) >= 0).all() and (table[:, 0] < 0).all() and (table[:, -1] > 0).all()
        ):
            raise ValueError(
                "`slopes` must not decrease, and go from below zero to above, "
                f"got {table.min(axis=1).max():.3g} to {table.max(axis=1).min():.3g}"
            )
        self.slopes: np.ndarray = table[0] if single else table
        self.slopes.flags.writeable = False
        self._cells = _tables(self.slopes)

    def __repr__(self) -> str:
        return f"LogConcave(scale={self.scale!r}, slopes=array of shape {self.slopes.shape})"

    def cost(self, S: Array) -> Array:
        """A quadratic between knots, straight beyond them."""
        return self.derivatives(S)[0]

    def score(self, S: Array) -> Array:
        """Minus the slope, by linear interpolation."""
        return -self.derivatives(S)[1]

    def curvature(self, S: Array) -> Array:
        """Constant between knots; zero beyond them."""
        return self.derivatives(S)[2]

    def derivatives(self, S: Array) -> tuple[Array, Array, Array]:
        """Cost, slope and curvature; one table each of the cells' values at their lower edge, and of those beyond."""
        xp, theta = namespace(S), self.scale_like(S)
        Z = S / theta
        held = xp.where(Z == Z, xp.clip(Z, -2 * REACH, 2 * REACH), xp.zeros_like(Z))
        cell = xp.clip(xp.floor((held + REACH) * _CELLS), -1.0, float(len(_EDGES) - 1))
        offset = Z - xp.clip(cell / _CELLS - REACH, -REACH, REACH)
        index = xp.astype(cell, xp.int64) + 1
        if self.slopes.ndim > 1:
            device = {} if isinstance(S, (float, np.ndarray, np.generic)) else {"device": S.device}
            index = index + xp.arange(len(self.slopes), **device) * (len(_EDGES) + 1)
        at, slope, bend = (_like(table, Z)[index] for table in self._cells)
        rise = bend * offset
        cost = at + offset * (slope + rise / 2)
        cost = xp.where(cost > 0, cost, xp.zeros_like(cost))
        return cost, (slope + rise) / theta, bend / theta / theta

    def mode(self) -> float | np.ndarray:
        """The first point at which the slope is not negative."""
        mode = _unit_mode(self.slopes) * np.asarray(self.scale)
        return float(mode) if np.ndim(mode) == 0 else mode

    def log_normaliser(self) -> Any:
        """By quadrature in every cell of an eighth of a scale, and exactly beyond the knots."""
        middle = (_EDGES[1:] + _EDGES[:-1]) / 2
        half = 0.5 / _CELLS
        nodes = (middle[:, None] + half * _NODES).ravel()
        density = np.exp(-self._unit_cost(nodes))
        inside = density @ (half * np.tile(_WEIGHTS, len(middle)))
        return np.log(inside + self._tail(-1) + self._tail(1)) + np.log(self.scale)

    def slope_bounds(self) -> tuple[Any, Any]:
        """The first and the last of the slopes, over theta."""
        return self.slopes[..., 0] / self.scale, self.slopes[..., -1] / self.scale

    def sample(self, size: int | tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """By the inverse of the distribution function: tabulated at 64 points per scale, exact beyond the knots."""
        draws = rng.random(size)
        points = np.linspace(-REACH, REACH, round(2 * REACH * _FINEST) + 1)
        density = np.exp(-np.atleast_2d(self._unit_cost(points)))
        low, high = np.atleast_1d(self._tail(-1)), np.atleast_1d(self._tail(1))
        columns = draws.reshape(-1, draws.shape[-1]) if len(density) > 1 else draws.reshape(-1, 1)
        Z = np.empty_like(columns)
        slopes = np.atleast_2d(self.slopes)
        for j, p in enumerate(density):
            steps = (p[1:] + p[:-1]) / (2 * _FINEST)
            mass = low[j] + np.concatenate([[0.0], np.cumsum(steps)])
            u = columns[:, j] * (mass[-1] + high[j])
            Z[:, j] = np.interp(u, mass, points)
            left, right = u < low[j], u > mass[-1]
            Z[left, j] = -REACH - np.log(u[left] / low[j]) / slopes[j, 0]
            rest = mass[-1] + high[j] - u[right]
            Z[right, j] = REACH - np.log(rest / high[j]) / slopes[j, -1]
        return Z.reshape(draws.shape) * self.scale

    def cvxpy_cost(self, s: Any) -> Any:
        """A straight line and a Huber function of what is beyond every knot at which the slope begins to rise."""
        import cvxpy

        Z = cvxpy.multiply(1 / np.asarray(self.scale_for(s)), s)
        first = self._cells[0].reshape(-1, len(_EDGES) + 1)[:, 0].reshape(self.slopes.shape[:-1])
        slopes, costs = self.slopes, np.asarray(first)
        if s.ndim == 2 and slopes.ndim == 2:
            slopes, costs = slopes[:, None, :], costs[:, None]
        slopes = np.broadcast_to(slopes, (*s.shape, len(KNOTS)))
        total = cvxpy.sum(cvxpy.multiply(slopes[..., 0], Z - KNOTS[0]))
        total = total + np.broadcast_to(costs, s.shape).sum()
        for k in np.flatnonzero((np.diff(slopes) > 0).any(axis=tuple(range(s.ndim)))):
            width = KNOTS[k + 1] - KNOTS[k]
            rise = (slopes[..., k + 1] - slopes[..., k]) * width / 2
            beyond = cvxpy.pos((Z - KNOTS[k]) / width)
            total = total + cvxpy.sum(cvxpy.multiply(rise, cvxpy.huber(beyond)))
        return total

    def _unit_cost(self, points: np.ndarray) -> np.ndarray:
        """The cost of a source of scale one at points, (..., n_points)."""
        unit = self.with_scale(1.0)
        if self.slopes.ndim == 1:
            return np.asarray(unit.cost(points))
        return np.asarray(unit.cost(np.repeat(points[:, None], len(self.slopes), axis=1))).T

    def _tail(self, side: int) -> np.ndarray:
        """Mass, in units of the density at the mode, beyond the last knot of one side."""
        end = 0 if side < 0 else -1
        cost = self._cells[0].reshape(-1, len(_EDGES) + 1)[:, end].reshape(self.slopes.shape[:-1])
        return np.asarray(np.exp(-cost) / np.abs(self.slopes[..., end]))


def _unit_mode(slopes: np.ndarray) -> np.ndarray:
    """Where sources of scale one are most probable: the first point at which the slope is not negative."""
    k = (slopes < 0).sum(axis=-1) - 1
    start, end = (np.take_along_axis(slopes, at[..., None], -1)[..., 0] for at in (k, k + 1))
    return np.asarray(KNOTS[k] - start * (KNOTS[k + 1] - KNOTS[k]) / (end - start))


def _tables(slopes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cost, slope and curvature at the lower edge of every cell, the first and the last of which are all beyond.

    Of sources of scale one, one after the other.
    """
    at_edges = np.stack([np.interp(_EDGES, KNOTS, row) for row in np.atleast_2d(slopes)])
    steps = (at_edges[:, 1:] + at_edges[:, :-1]) / 2 / _CELLS
    costs = np.concatenate([np.zeros((len(steps), 1)), np.cumsum(steps, axis=1)], axis=1)
    bends = np.diff(at_edges) * _CELLS
    mode = np.atleast_1d(_unit_mode(slopes))
    rows, cell = np.arange(len(mode)), np.searchsorted(_EDGES, mode, side="right") - 1
    d = mode - _EDGES[cell]
    costs -= (costs[rows, cell] + d * (at_edges[rows, cell] + bends[rows, cell] * d / 2))[:, None]
    first = np.s_[:, :1]
    flat = np.zeros((len(mode), 1))
    return (
        np.concatenate([costs[first], costs], axis=1).ravel(),
        np.concatenate([at_edges[first], at_edges], axis=1).ravel(),
        np.concatenate([flat, bends, flat], axis=1).ravel(),
    )
