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
_WIDTHS = np.diff(KNOTS)
_EDGES = np.linspace(-REACH, REACH, round(2 * REACH * _CELLS) + 1)
_CELL_KNOT = np.searchsorted(KNOTS, _EDGES[:-1], side="right") - 1
"""The last knot not above each cell."""


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
    array([-1.42, -1.42, -1.42, -10.79])
    """

    def __init__(self, scale: float | Array = 1.0, slopes: Array | None = None) -> None:
        super().__init__(scale)
        table = np.tanh(KNOTS) if slopes is None else slopes
        single = np.ndim(table) == 1
        shape: dict[str, int | None] = {"n_components": None, "n_knots": len(KNOTS)}
        table = check_array(np.atleast_2d(np.asarray(table, np.float64)), "slopes", shape)
        if not ((np.diff(table) >= 0).all() and (table[:, 0] < 0).all() and (table[:, -1] > 0).all()):
            raise ValueError(
                "`slopes` must not decrease, and go from below zero to above, "
                f"got {table.min(axis=1).max():.3g} to {table.max(axis=1).min():.3g}"
            )
        self.slopes: np.ndarray = table[0] if single else table
        self.slopes.flags.writeable = False
        self._costs = _costs_at_knots(self.slopes)

    def __repr__(self) -> str:
        return f"LogConcave(scale={self.scale!r}, slopes=array of shape {self.slopes.shape})"

    def cost(self, S: Array) -> Array:
        """A quadratic between knots, straight beyond them."""
        return _Piece(self, S).cost()

    def score(self, S: Array) -> Array:
        """Minus the slope, by linear interpolation."""
        return -_Piece(self, S).slope() / self.scale_like(S)

    def curvature(self, S: Array) -> Array:
        """Constant between knots; zero beyond them."""
        theta = self.scale_like(S)
        return _Piece(self, S).curvature() / theta / theta

    def derivatives(self, S: Array) -> tuple[Array, Array, Array]:
        """Cost, slope and curvature in one pass."""
        piece, theta = _Piece(self, S), self.scale_like(S)
        return piece.cost(), piece.slope() / theta, piece.curvature() / theta / theta

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
        tables = [np.asarray(t) for t in (self.slopes, self._costs[0])]
        if s.ndim == 2:
            tables = [t if t.ndim == 1 else t[:, None, :] for t in tables]
        slopes, costs = (np.broadcast_to(t, (*s.shape, len(KNOTS))) for t in tables)
        total = cvxpy.sum(cvxpy.multiply(slopes[..., 0], Z - KNOTS[0])) + costs[..., 0].sum()
        for k in np.flatnonzero((np.diff(slopes) > 0).any(axis=tuple(range(s.ndim)))):
            rise = (slopes[..., k + 1] - slopes[..., k]) * _WIDTHS[k] / 2
            beyond = cvxpy.pos((Z - KNOTS[k]) / _WIDTHS[k])
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
        return np.asarray(np.exp(-self._costs[0][..., end]) / np.abs(self.slopes[..., end]))


def _unit_mode(slopes: np.ndarray) -> np.ndarray:
    """Where sources of scale one are most probable: the first point at which the slope is not negative."""
    k = (slopes < 0).sum(axis=-1) - 1
    start, end = (np.take_along_axis(slopes, at[..., None], -1)[..., 0] for at in (k, k + 1))
    return np.asarray(KNOTS[k] - start * _WIDTHS[k] / (end - start))


def _costs_at_knots(slopes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cost at the knots, and the rise of the slope after each, for sources of scale one."""
    steps = (slopes[..., 1:] + slopes[..., :-1]) / 2 * _WIDTHS
    costs = np.concatenate([np.zeros((*slopes.shape[:-1], 1)), np.cumsum(steps, -1)], -1)
    bends, mode = np.diff(slopes) / _WIDTHS, _unit_mode(slopes)
    k = np.searchsorted(KNOTS, mode, side="right") - 1
    at, slope, bend = (
        np.take_along_axis(t, k[..., None], -1)[..., 0] for t in (costs, slopes, bends)
    )
    d = mode - KNOTS[k]
    return costs - (at + d * (slope + bend * d / 2))[..., None], bends


class _Piece:
    """Where every source is between the knots, and what the cost is there, for sources of scale one."""

    def __init__(self, prior: LogConcave, S: Array) -> None:
        xp = namespace(S)
        Z = S / prior.scale_like(S)
        held = xp.where(Z == Z, xp.clip(Z, -REACH, REACH), xp.zeros_like(Z))
        cell = xp.astype(xp.floor((held + REACH) * _CELLS), xp.int64)
        cell = xp.clip(cell, 0, len(_CELL_KNOT) - 1)
        device = {} if isinstance(S, (float, np.ndarray, np.generic)) else {"device": S.device}
        k = xp.asarray(_CELL_KNOT, **device)[cell]

        def pick(table: np.ndarray, at: Array = k) -> Array:
            flat = _like(table.reshape(-1), Z)
            if table.ndim == 1:
                return flat[at]
            rows = xp.arange(table.shape[0], **device) * table.shape[1]
            return flat[at + rows]

        costs, bends = prior._costs
        offset = Z - pick(KNOTS)
        self._cost, self._slope, self._bend = pick(costs), pick(prior.slopes), pick(bends)
        self._inside = xp.minimum(xp.where(offset > 0, offset, xp.zeros_like(Z)), pick(_WIDTHS))
        # Zero unless the source is beyond the last knot of its side.
        self._beyond = offset - self._inside

    def slope(self) -> Array:
        return self._slope + self._bend * self._inside

    def curvature(self) -> Array:
        xp = namespace(self._bend)
        return xp.where(self._beyond == 0, self._bend, xp.zeros_like(self._bend))

    def cost(self) -> Array:
        xp, slope = namespace(self._bend), self.slope()
        cost = self._cost + self._inside * (self._slope + slope) / 2 + self._beyond * slope
        return xp.where(cost > 0, cost, xp.zeros_like(cost))
