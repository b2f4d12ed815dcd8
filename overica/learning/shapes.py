"""The shape of every source's density, learned from its values: the nearest log-concave one.

Of all non-decreasing functions psi the one with which a location is estimated best, which is the one nearest to
minus the score ``p'/p`` in mean square, is found without any search (Feng, Kao, Xu and Samworth 2024): with the
distribution function F and ``J(u) = p(F^-1(u))``, whose derivative is ``p'/p`` at ``F^-1(u)``, it is

    psi(s) = -d/du J*(F(s)),        J* the least concave majorant of J on [0, 1].

Where p is log-concave J is concave, and psi is minus the score itself. The same function serves here, since what
separates sources well is what tells their density's slope well, and a slope that never falls keeps codes unique.
"""

from __future__ import annotations

import numpy as np

from overica.priors import LogConcave
from overica.priors.log_concave import KNOTS, REACH

_CELLS = 40
"""Of the density estimate, per scale."""
_WIDTH = 0.1
"""Standard deviation of its kernel, in scales, for so many samples:"""
_AT = 20_000
_EXTREMES = 5
"""Samples at either end that say nothing of the slope: it stays what it was before them."""
_HALVINGS = 24
_STEEPEST = 100.0
_FLATTEST = 0.02
"""Smallest slope of a tail, so that there is a density."""


def shapes(S: np.ndarray) -> LogConcave:
    """The log-concave prior of scale one that is nearest to the density of every source.

    Parameters
    ----------
    S : array (n_samples, n_components)
        With a mean size of about one: in scales.

    Examples
    --------
    The slopes of a Laplace density go from -1 to 1; a uniform one has edges.

    >>> rng = np.random.default_rng(0)
    >>> S = np.stack([rng.laplace(size=20_000), rng.uniform(-2, 2, 20_000)], axis=1)
    >>> shapes(S).slopes[:, np.searchsorted(KNOTS, [-1.0, 1.0])].round(1) + 0.0
    array([[-1. ,  0.9],
           [ 0. ,  0. ]])
    """
    return LogConcave(slopes=np.stack([_slopes(source) for source in S.T]))


def _slopes(source: np.ndarray) -> np.ndarray:
    """Slopes of the cost at the knots, of one source."""
    points, density = _density(source)
    F = (np.cumsum(density) - density / 2) / density.sum()
    u, J = np.concatenate([[0.0], F, [1.0]]), np.concatenate([[0.0], density, [0.0]])
    hull = _majorant(u, J)
    falls = -np.diff(J[hull]) / np.diff(u[hull])
    few = min(_EXTREMES / len(source), 0.1)
    seen = (few < F) & (few < 1 - F)
    piece = np.searchsorted(u[hull], F[seen], side="right") - 1
    steps = falls[np.clip(piece, 0, len(falls) - 1)]
    c = _stretch(points, density / density.sum(), points[seen], steps)
    slopes = np.clip(c * np.interp(c * KNOTS, points[seen], steps), -_STEEPEST, _STEEPEST)
    slopes[0], slopes[-1] = min(slopes[0], -_FLATTEST), max(slopes[-1], _FLATTEST)
    return np.maximum.accumulate(slopes)


def _stretch(points: np.ndarray, mass: np.ndarray, knots: np.ndarray, slopes: np.ndarray) -> float:
    """The c with which slopes ``c psi(c s)`` are of greatest likelihood, ``E psi(c s) c s = 1``.

    Where the density is log-concave c is one. The nearest psi to the score of a density with a spike is as steep as the
    spike; stretched it is right about the size of values.
    """
    low, high = np.log(1 / REACH), np.log(REACH)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        stretched = np.exp(middle) * points
        work = float(mass @ (np.interp(stretched, knots, slopes) * stretched))
        low, high = (middle, high) if work < 1 else (low, middle)
    return float(np.exp(middle))


def _density(source: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Kernel estimate on cells, at those where there is any."""
    inside = source[np.abs(source) < REACH]
    n_cells = round(2 * REACH * _CELLS)
    counts = np.bincount(((inside + REACH) * _CELLS).astype(np.intp), minlength=n_cells)
    width = _WIDTH * (_AT / len(source)) ** 0.2
    reach = np.arange(-round(5 * width * _CELLS), round(5 * width * _CELLS) + 1)
    kernel = np.exp(-((reach / (width * _CELLS)) ** 2) / 2)
    smooth = np.convolve(counts[:n_cells], kernel / kernel.sum(), mode="same")
    some = np.flatnonzero(smooth > 0)
    kept = slice(some[0], some[-1] + 1)
    points = (np.arange(n_cells) + 0.5) / _CELLS - REACH
    return points[kept], np.maximum(smooth[kept], 1e-300) * _CELLS / len(source)


def _majorant(u: np.ndarray, J: np.ndarray) -> np.ndarray:
    """Indices of the points at which the least concave majorant touches the function."""
    x, y = u.tolist(), J.tolist()
    hull = [0]
    for i in range(1, len(x)):
        while len(hull) > 1:
            a, b = hull[-2], hull[-1]
            if (y[i] - y[b]) * (x[b] - x[a]) < (y[b] - y[a]) * (x[i] - x[b]):
                break
            hull.pop()
        # Points that coincide have no slope between them; the higher stands for both.
        if x[i] > x[hull[-1]]:
            hull.append(i)
    return np.array(hull)
