"""Directions of sources: a mixture of clusters in which every point has the width that its accuracy gives it.

Where one source alone is heard, a point measures its column, with a density of its own (`direction_density`) whose
squared width is s^2 = kappa rho + eps. That is no parameter of a cluster: noise widens every point by what it did
there, and no second and third cluster is needed for it. A source has besides its points (scale 1) skirts of two larger
scales about the same column, for points that are less accurate than they seem, where other sources join in; so a
direction beside or between others earns nothing by their skirts.

Weights, shares and columns are found by expectation-maximisation; a column is moved by the accurate points alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from overica.separation.direction_density import FREEDOM, density_about
from overica.separation.one_source import OneSourcePoints

_KAPPA = 0.42
"""1 / nu were windows independent; they overlap by three quarters."""
_EPS = 1e-6
_SCALES = ((1.0, 0.0), (9.0, 1e-3), (0.0, 0.03))
"""Of the accurate points and of two skirts: what kappa rho is multiplied by, and what is added."""
_FIRST_SHARES = (0.6, 0.2, 0.1)
_ROUNDS = 15
_REFINING = 8
_TINY = 1e-12
_HARDLY = 10.0
"""Nats over all points for which it is not asked which of several directions is needed least."""
_TRIED = 3
_COPY = float(np.cos(np.radians(3.0)))
"""Cosine from which two columns are one direction."""
_ACCURATE = 0.25
"""Share of the points, the most accurate, among which columns begin."""
_TRIMMED = 0.1
"""Share of a direction's points, the most accurate, that say where it is in the end."""
_FEWEST = 40


@dataclass(frozen=True)
class DirectionMixture:
    """Columns and how many points are about them."""

    columns: np.ndarray
    """Unit columns, (n_channels, n_directions)."""
    shares: np.ndarray
    """Probabilities of a point to be of a direction at a scale, (n_directions, n_scales)."""
    anywhere: float
    """Probability of a point to lie anywhere."""

    @classmethod
    def beginning(cls, columns: np.ndarray) -> DirectionMixture:
        """Equal shares."""
        n = columns.shape[1]
        shares = np.tile(np.array(_FIRST_SHARES) / n, (n, 1))
        return cls(columns, shares, 1 - float(shares.sum()))

    def densities(self, points: OneSourcePoints) -> np.ndarray:
        """Share times density of points, relative to uniform ones, (n_scales, n_points, n_directions)."""
        above = 1 / self._along(points)
        densities = np.empty((len(_SCALES), *above.shape))
        for (times, added), shares, density in zip(_SCALES, self.shares.T, densities, strict=True):
            variances = _EPS + _KAPPA * times * points.spreads + added
            density[:] = density_about(above, variances, len(self.columns), 1)
            density *= shares
        return densities

    def between(self, points: OneSourcePoints) -> np.ndarray:
        """Density of points that lie anywhere in the plane of two columns, mean over the pairs, (n_points,).

        Where two sources are heard at once in one proportion, the line is a sum of their columns.
        """
        first, second = np.triu_indices(self.columns.shape[1], 1)
        cosines = (self.columns[:, first] * self.columns[:, second]).sum(axis=0)
        parts = []
        for part in points.blocks():
            along = part.directions @ self.columns
            a, b = along[:, first], along[:, second]
            within = (a**2 + b**2 - 2 * cosines * a * b) / (1 - cosines**2)
            above = 1 / np.clip(within, _TINY, 1)
            variances = _EPS + _KAPPA * part.spreads
            parts.append(density_about(above, variances, len(self.columns), 2).mean(axis=1))
        return np.concatenate(parts)

    def score_with_planes(self, points: OneSourcePoints) -> float:
        """`score`, had the mixture a share of points between two columns too; shares alone are learned anew."""
        m, n = self.columns.shape
        # Of two channels the plane of any two columns is everywhere.
        if m == 2 or n == 1:
            return self.score(points)
        parts = [np.concatenate([*self.densities(part)], axis=1) for part in points.blocks()]
        densities = np.column_stack(
            [np.concatenate(parts), self.between(points), np.ones(len(points.spreads))]
        )
        weights = np.append(np.ones(n * len(_SCALES)), [self.anywhere / 2] * 2)
        for _ in range(_REFINING):
            weights = weights * (densities / (densities @ weights)[:, None]).mean(axis=0)
        return float(np.log(densities @ weights).mean())

    def score(self, points: OneSourcePoints) -> float:
        """Mean log density of points relative to uniform directions, nats."""
        logs = [
            np.log(self.densities(part).sum(axis=(0, 2)) + self.anywhere)
            for part in points.blocks()
        ]
        return float(np.concatenate(logs).mean())

    def improved(self, points: OneSourcePoints, rounds: int = _ROUNDS) -> DirectionMixture:
        """After rounds of expectation-maximisation."""
        mixture = self
        for _ in range(rounds):
            mixture = mixture._round(points)
        return mixture

    def kept(self, stay: np.ndarray) -> DirectionMixture:
        """Of its directions those in a mask; the others' share goes to all that is left."""
        total = self.shares[stay].sum() + self.anywhere
        return DirectionMixture(
            self.columns[:, stay], self.shares[stay] / total, self.anywhere / total
        )

    def without_copies(self) -> DirectionMixture:
        """Directions within some degrees as one, at the place of that with more points; those of none left out."""
        accurate = self.shares[:, 0]
        kept: list[int] = []
        shares = self.shares.copy()
        for j in np.argsort(-accurate, kind="stable"):
            cosines = np.abs(self.columns[:, kept].T @ self.columns[:, j])
            if len(kept) and cosines.max() >= _COPY:
                shares[kept[int(cosines.argmax())]] += shares[j]
            elif not kept or shares[j].sum() > _TINY:
                kept.append(int(j))
        return DirectionMixture(self.columns[:, kept], shares[kept], self.anywhere)

    def with_one_less(self, points: OneSourcePoints) -> DirectionMixture:
        """Without the direction that the points lose least by, once the others have moved.

        Two directions that share a source look needed both, until one of them is gone: of those that are needed least
        as things are, and the lesser of the closest two, each is tried, unless one is hardly needed at all.
        """
        losses = np.zeros(self.columns.shape[1])
        for part in points.blocks():
            densities = self.densities(part).sum(axis=0)
            total = densities.sum(axis=1, keepdims=True) + self.anywhere
            losses -= np.log(np.maximum(1 - densities / total, _TINY)).sum(axis=0)
        order = np.argsort(losses, kind="stable")
        tried = list(order[:1] if losses[order[0]] < _HARDLY else order[:_TRIED])
        cosines = np.abs(self.columns.T @ self.columns) - 2 * np.eye(len(losses))
        pair = np.array(np.unravel_index(cosines.argmax(), cosines.shape))
        if len(tried) > 1:
            tried.append(pair[np.argmin(self.shares[pair].sum(axis=1))])
        everything = np.arange(len(losses))
        rest = [
            self.kept(everything != j).improved(points, _REFINING) for j in dict.fromkeys(tried)
        ]
        return rest[0] if len(rest) == 1 else max(rest, key=lambda each: each.score(points))

    def trimmed(self, points: OneSourcePoints, rounds: int = 6) -> DirectionMixture:
        """Columns by the most accurate tenth of their points.

        Where a second source joins in at the same phase the sum is louder, and its line looks thinner, than at the
        opposite phase: points lean towards the neighbours, the more so the more of them is in. Few are in the
        thinnest lines.
        """
        mixture, thinnest = self, np.argsort(points.spreads, kind="stable")
        for _ in range(rounds):
            weights = mixture._weights(points)[0]
            pulls = mixture._pulls(points, weights)
            columns = np.empty_like(mixture.columns)
            for j in range(columns.shape[1]):
                amounts = np.cumsum(weights[thinnest, j])
                enough = max(_TRIMMED * amounts[-1], min(_FEWEST, amounts[-1]))
                few = thinnest[: int(np.searchsorted(amounts, enough)) + 1]
                columns[:, j] = _axis(points.directions[few], pulls[few, j])
            mixture = DirectionMixture(columns, mixture.shares, mixture.anywhere)
        return mixture

    def _along(self, points: OneSourcePoints) -> np.ndarray:
        """Squared cosines to every column."""
        return np.asarray(np.clip((points.directions @ self.columns) ** 2, _TINY, 1))

    def _weights(self, points: OneSourcePoints) -> np.ndarray:
        """Probabilities of the directions and scales given the points."""
        densities = self.densities(points)
        densities /= densities.sum(axis=(0, 2))[:, None] + self.anywhere
        return densities

    def _pulls(self, points: OneSourcePoints, weights: np.ndarray) -> np.ndarray:
        """What points count for a column: Student's weights, over their variances."""
        variances = (_EPS + _KAPPA * points.spreads)[:, None]
        tails = FREEDOM * variances + (1 / self._along(points) - 1)
        return np.asarray(weights * (FREEDOM + len(self.columns) - 1) / tails)

    def _round(self, points: OneSourcePoints) -> DirectionMixture:
        m, n = self.columns.shape
        squares, shares = np.zeros((n, m * m)), np.zeros_like(self.shares)
        for part in points.blocks():
            weights = self._weights(part)
            shares += weights.sum(axis=1).T
            U = part.directions
            products = (U[:, :, None] * U[:, None, :]).reshape(-1, m * m)
            squares += self._pulls(part, weights[0]).T @ products
        shares /= len(points.spreads)
        columns = np.linalg.eigh(squares.reshape(n, m, m))[1][:, :, -1].T
        return DirectionMixture(columns, shares, max(1 - float(shares.sum()), _TINY))


def nested_mixtures(points: OneSourcePoints, start: np.ndarray) -> dict[int, DirectionMixture]:
    """Mixtures of ever fewer directions, down to one: each the one before less the direction it needs least.

    Too many columns miss no direction; of those that are too many most end at the place of another.

    Parameters
    ----------
    points : OneSourcePoints
    start : array (n_channels, n_columns)
        Unit columns to begin with.

    Returns
    -------
    dict
        Number of directions to mixture. Numbers may be missing: columns can come to one place by themselves.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> angles = rng.choice([0.3, 1.2, 2.4], 2000) + 0.02 * rng.standard_normal(2000)
    >>> U = np.column_stack([np.cos(angles), np.sin(angles)])
    >>> points = OneSourcePoints(U, np.full(2000, 0.001), 1.0)
    >>> found = nested_mixtures(points, spread_out(points, 8, rng))[3]
    >>> np.sort(np.arctan2(*found.columns[::-1]) % np.pi).round(1)
    array([0.3, 1.2, 2.4])
    """
    mixture = DirectionMixture.beginning(start).improved(points)
    found: dict[int, DirectionMixture] = {}
    while True:
        apart = mixture.without_copies()
        if apart.columns.shape != mixture.columns.shape:
            apart = apart.improved(points, _REFINING)
        mixture = apart
        n_directions = mixture.columns.shape[1]
        found[n_directions] = mixture
        if n_directions == 1:
            return found
        mixture = mixture.with_one_less(points)


def spread_out(points: OneSourcePoints, n: int, rng: np.random.Generator) -> np.ndarray:
    """Accurate points as columns, each drawn in proportion to its squared sine to the nearest before (k-means++)."""
    n_accurate = max(int(_ACCURATE * len(points.spreads)), 400)
    U = points.directions[np.argsort(points.spreads, kind="stable")[:n_accurate]]
    chosen = [int(rng.integers(len(U)))]
    nearest = (U @ U[chosen[0]]) ** 2
    for _ in range(n - 1):
        away = np.maximum(1 - nearest, _TINY)
        chosen.append(int(rng.choice(len(U), p=away / away.sum())))
        nearest = np.maximum(nearest, (U @ U[chosen[-1]]) ** 2)
    return U[chosen].T.copy()


def _axis(U: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Unit vector of the largest weighted sum of squared cosines."""
    return np.asarray(np.linalg.eigh((U * weights[:, None]).T @ U)[1][:, -1])
