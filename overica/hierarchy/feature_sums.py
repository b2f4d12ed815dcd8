"""The columns of a first pass as what they are in data with a hierarchy: sums of features that fire together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from overica.presence import Forest, PresenceLearner, PresenceModel

__all__ = ["BATCH", "Draw", "Sums", "average_linkage"]

Draw = Callable[[int], NDArray]
"""Gives that many samples, or all if there are no more."""

NOISE = 0.04
"""Variance, per dimension of unit variance, of what sums leave: their strengths do not vary as their parts do."""
_ROUNDS = 12
BATCH = 4000
"""Samples that are looked at together."""
_FEWEST = 25
"""Firings below which a mean says little."""
_SAME = 0.9
"""Cosine of mean contributions above which two columns stand for one sum."""
_LONGER, _TOGETHER, _SIGMAS, _MOSTLY = 1.2, 4.0, 4.0, 0.5


@dataclass(frozen=True)
class Sums:
    """Mean contributions of columns, and how often they are present.

    Attributes
    ----------
    vectors : array (n_features, n_sums)
        What each adds to a sample in which it is present, by least squares of samples on presences.
    together : array (n_sums, n_sums)
        In how many samples two are present; on the diagonal, each.
    n_samples : int
    """

    vectors: NDArray[np.float64]
    together: NDArray[np.float64]
    n_samples: int

    @classmethod
    def of(cls, columns: NDArray, draw: Draw, n_samples: int) -> Sums:
        """Those of `n_samples` samples, which vary by about one per feature and are drawn in parts.

        Presences are inferred under slabs, which are learned in a few rounds on batches, and without dependences: a
        penalty that is proportional to a code would let weak codes through and shrink the strong.
        """
        A = columns / np.linalg.norm(columns, axis=0)
        n, X = A.shape[1], draw(BATCH)
        # To begin with, half a sample long, give or take as much as a fifth, and in one sample of a hundred.
        size = float(np.linalg.norm(X, axis=1).mean())
        start = PresenceModel(
            A, np.full(n, 0.5 * size), np.full(n, (0.2 * size) ** 2), NOISE, Forest.independent(np.full(n, 0.01)),
            nonnegative=True, swap_below=None, retry_above=None,
        )  # fmt: skip
        learner = PresenceLearner(start, forest=False, learn_mixing=False)
        for _ in range(_ROUNDS):
            learner.step(draw(BATCH))
        n_seen, cross, together = 0, np.zeros((n, len(A))), np.zeros((n, n))
        while n_seen < n_samples:
            X = draw(4 * BATCH)
            posterior = learner.model.infer(X)
            present = posterior.sparse(np.ones(len(posterior.indices)))
            together += (present.T @ present).toarray()
            cross += present.T @ X
            n_seen += len(X)
        used = np.flatnonzero(np.diag(together) >= _FEWEST)
        together, cross = together[np.ix_(used, used)], cross[used]
        # One firing more of nothing: presences that always come together have no means of their own.
        vectors = np.linalg.solve(together + np.eye(len(used)), cross).T
        return cls(np.asarray(vectors, float), together, n_seen)

    def __len__(self) -> int:
        return self.vectors.shape[1]

    @property
    def counts(self) -> NDArray[np.float64]:
        """In how many samples each is present."""
        return np.diag(self.together)

    @property
    def lengths(self) -> NDArray[np.float64]:
        """Of the vectors."""
        return np.linalg.norm(self.vectors, axis=0)

    @property
    def expected(self) -> NDArray[np.float64]:
        """In how many samples two would be present if they knew nothing of each other."""
        return np.outer(self.counts, self.counts) / self.n_samples

    def cosines(self) -> NDArray[np.float64]:
        """Of the vectors with each other."""
        U = self.vectors / self.lengths
        return U.T @ U

    def chosen(self, which: NDArray) -> Sums:
        """Some of them."""
        return Sums(self.vectors[:, which], self.together[np.ix_(which, which)], self.n_samples)

    def without_copies(self) -> Sums:
        """Columns that add nearly the same are one, present where either is (they exclude each other)."""
        if len(self) < 2:
            return self
        labels = fcluster(average_linkage(self.cosines()), 1 - _SAME, "distance")
        Z = (labels == np.unique(labels)[:, None]).astype(float)
        vectors = np.asarray((self.vectors * self.counts) @ Z.T / (Z @ self.counts), float)
        return Sums(vectors, np.asarray(Z @ self.together @ Z.T, float), self.n_samples)

    def without_corrections(self) -> Sums:
        """Without columns that mostly come with a longer one, and so stand for how its parts vary.

        Of a sum whose parts vary each on its own, one column is the mean; shorter ones correct it. They are present
        when it is, far more often than by chance.
        """
        longer = self.lengths[None, :] > _LONGER * self.lengths[:, None]
        E = self.expected
        clear = (self.together > _TOGETHER * E) & (
            self.together > E + _SIGMAS * np.sqrt(E) + _SIGMAS
        )
        excess = np.where(longer & clear, self.together - E, 0.0)
        np.fill_diagonal(excess, 0.0)
        return self.chosen(np.flatnonzero(excess.sum(axis=1) < _MOSTLY * self.counts))


def average_linkage(similarity: NDArray) -> NDArray[np.float64]:
    """What is joined with what, at heights that are one less the mean similarity; as `scipy.cluster.hierarchy`."""
    distance = 1 - np.clip(similarity, -1, 1)
    np.fill_diagonal(distance, 0.0)
    return np.asarray(linkage(squareform((distance + distance.T) / 2, checks=False), "average"))
