"""Directions of points on the sphere: a mixture of heavy-tailed clusters, and how many of them the points support.

Where one source alone is heard, the channels stand in the ratio of its column of the mixing matrix. Such points, as
unit vectors u without sign, gather around the columns a_j. A cluster is angular central Gaussian,

    p(u | j) = eps_j^(-(m-1)/2) (c^2 + (1 - c^2) / eps_j)^(-m/2),   c = a_j'u,

the law of the direction of a Gaussian vector of variance 1 along a_j and eps_j across; densities are relative to the
uniform one. Its tails fall as a power, so that the points where two sources meet do not pull the columns apart, and
a share of points may lie anywhere. Expectation-maximisation is in closed form (Tyler 1987, "Statistical
analysis for the angular central Gaussian distribution on the sphere", Biometrika 74).

The points of one source are of no such simple shape, and thousands of them pay for a second and a third cluster at the
same place, with another width: more than the few points of a weak talker do. Clusters at one place hence count as one
direction, and what is counted, and dropped, are directions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_NARROWEST = 1e-5
_FIRST_WIDTH = 0.02
_ROUNDS = 30
_REFINING = 12
_TINY = 1e-12
_COPY = 0.004
"""Squared sine up to which two clusters are at one place, 3.6 degrees."""
_SHOULDER = 2.0
"""The same in widths of the wider cluster, which leans on the narrower."""


@dataclass(frozen=True)
class DirectionMixture:
    """Clusters of directions."""

    columns: np.ndarray
    """Unit columns a_j, (n_features, n_clusters)."""
    widths: np.ndarray
    """Variances eps_j across, (n_clusters,)."""
    shares: np.ndarray
    """Probabilities of the clusters and, last, of points that lie anywhere, (n_clusters + 1,)."""

    def densities(self, U: np.ndarray) -> np.ndarray:
        """Share times density of every point (rows of U) under every cluster, (n_points, n_clusters + 1)."""
        n_features = U.shape[1]
        along = (U @ self.columns) ** 2
        spread = along + (1 - along) / self.widths
        relative = self.widths ** (-(n_features - 1) / 2) * spread ** (-n_features / 2)
        return np.column_stack([relative, np.ones(len(U))]) * self.shares

    def score(self, U: np.ndarray) -> float:
        """Mean log density of points relative to uniform directions, nats."""
        return float(np.log(self.densities(U).sum(axis=1)).mean())

    def improved(self, U: np.ndarray, rounds: int = _ROUNDS) -> DirectionMixture:
        """After rounds of expectation-maximisation."""
        mixture = self
        for _ in range(rounds):
            mixture = mixture._round(U)
        return mixture

    def places(self) -> np.ndarray:
        """Which direction every cluster belongs to, (n_clusters,): 0 is that of the highest peak.

        A cluster is at the place of a higher one if it is close, or so wide that it reaches there.
        """
        n_features = self.columns.shape[0]
        peaks = self.shares[:-1] * self.widths ** (-(n_features - 1) / 2)
        highest: list[int] = []
        places = np.empty(len(peaks), int)
        for j in np.argsort(-peaks, kind="stable"):
            sines = 1 - (self.columns[:, highest].T @ self.columns[:, j]) ** 2
            near = np.flatnonzero(sines <= max(_COPY, _SHOULDER * self.widths[j]))
            places[j] = near[np.argmin(sines[near])] if len(near) else len(highest)
            if not len(near):
                highest.append(j)
        return places

    def without_least_needed(self, U: np.ndarray) -> DirectionMixture:
        """Without the direction that the points lose least by, whose share goes to the others."""
        places, densities = self.places(), self.densities(U)
        total = densities.sum(axis=1)
        losses = []
        for place in range(places.max() + 1):
            gone = np.append(places == place, False)
            left = np.maximum(total - densities[:, gone].sum(axis=1), _TINY)
            losses.append(np.log1p(-self.shares[gone].sum()) - np.log(left).mean())
        stay = places != np.argmin(losses)
        shares = self.shares[np.append(stay, True)]
        return DirectionMixture(self.columns[:, stay], self.widths[stay], shares / shares.sum())

    def merged(self) -> DirectionMixture:
        """One cluster per direction, the largest share first."""
        places = self.places()
        n = places.max() + 1
        shares = np.bincount(places, self.shares[:-1], n)
        widths = np.bincount(places, self.shares[:-1] * self.widths, n) / shares
        columns = np.empty((len(self.columns), n))
        for place in range(n):
            here = places == place
            A = self.columns[:, here]
            columns[:, place] = np.linalg.eigh((A * self.shares[:-1][here]) @ A.T)[1][:, -1]
        order = np.argsort(-shares, kind="stable")
        return DirectionMixture(
            columns[:, order], widths[order], np.append(shares[order], self.shares[-1])
        )

    def _round(self, U: np.ndarray) -> DirectionMixture:
        n_features, n_clusters = self.columns.shape
        densities = self.densities(U)
        weights = densities / densities.sum(axis=1, keepdims=True)
        along = (U @ self.columns) ** 2
        pull = weights[:, :-1] / (along + (1 - along) / self.widths)
        columns, widths = np.empty_like(self.columns), np.empty_like(self.widths)
        for j in range(n_clusters):
            values, vectors = np.linalg.eigh((U * pull[:, j, None]).T @ U)
            columns[:, j] = vectors[:, -1]
            across = values[:-1].sum() / (n_features - 1)
            widths[j] = across / max(values[-1], _TINY)
        shares = np.maximum(weights.mean(axis=0), _TINY)
        return DirectionMixture(columns, np.clip(widths, _NARROWEST, 1.0), shares / shares.sum())


def nested_mixtures(U: np.ndarray, start: np.ndarray) -> dict[int, DirectionMixture]:
    """Mixtures of ever fewer directions, down to one: each the one before less the direction it needs least.

    Too many clusters miss no direction; of those that are too many most end at the place of another.

    Parameters
    ----------
    U : array (n_points, n_features)
        Unit vectors, either sign.
    start : array (n_features, n_clusters)
        Unit columns to begin with.

    Returns
    -------
    dict
        Number of directions to mixture. Numbers may be missing: clusters can come to one place by themselves.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> angles = rng.choice([0.3, 1.2, 2.4], 2000) + 0.02 * rng.standard_normal(2000)
    >>> U = np.column_stack([np.cos(angles), np.sin(angles)])
    >>> found = nested_mixtures(U, spread_out(U, 8, rng))[3].merged()
    >>> np.sort(np.arctan2(*found.columns[::-1]) % np.pi).round(1)
    array([0.3, 1.2, 2.4])
    """
    most = start.shape[1]
    shares = np.full(most + 1, 1 / (most + 1))
    mixture = DirectionMixture(start, np.full(most, _FIRST_WIDTH), shares).improved(U)
    found: dict[int, DirectionMixture] = {}
    while True:
        n_directions = int(mixture.places().max()) + 1
        found.setdefault(n_directions, mixture)
        if n_directions == 1:
            return found
        mixture = mixture.without_least_needed(U).improved(U, _REFINING)


def distinct_columns(A: np.ndarray, copy: float) -> np.ndarray:
    """Unit columns without those at a cosine of `copy` or more, either sign, to one before.

    Examples
    --------
    >>> distinct_columns(np.array([[1.0, 0.0, -1.0], [0.0, 1.0, 0.0]]), 0.9)
    array([[1., 0.],
           [0., 1.]])
    """
    kept: list[np.ndarray] = []
    for column in A.T:
        if all(abs(column @ other) < copy for other in kept):
            kept.append(column)
    return np.column_stack(kept)


def spread_out(U: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Points as columns, each drawn in proportion to its squared sine to the nearest before (k-means++)."""
    chosen = [int(rng.integers(len(U)))]
    nearest = (U @ U[chosen[0]]) ** 2
    for _ in range(n - 1):
        away = np.maximum(1 - nearest, _TINY)
        chosen.append(int(rng.choice(len(U), p=away / away.sum())))
        nearest = np.maximum(nearest, (U @ U[chosen[-1]]) ** 2)
    return U[chosen].T.copy()
