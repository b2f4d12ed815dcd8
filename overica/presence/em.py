"""Expectation and maximisation: a better model from what it infers, batch by batch."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve

from overica.presence.presence_model import PresenceModel
from overica.presence.sparse_posterior import PresencePosterior
from overica.presence.sums import PresenceSums
from overica.presence.tree import Forest, chow_liu

__all__ = ["PresenceLearner"]

_IMAGINED = 10.0
_RIDGE = 1e-4
_FEWEST = 10.0
"""Firings, of those remembered, from which on a column is learned."""


@dataclass
class PresenceLearner:
    """A model that is learned by steps of expectation and maximisation.

    The expectation is about the posterior of the codes given the one support found for each sample. With the sums of
    the batches that are remembered, ``mixing = cross second^-1``, presences are the forest of highest likelihood,
    slabs have the mean and the spread of the codes. Each raises the mean of log p(x, b) at the supports found, which
    the next expectation raises further: with all samples in every step, no memory, and supports that start from the
    last ones, it never falls, up to what smoothing and floors take.

    A model whose columns are far from right fits nearly all samples badly; `PresenceModel.retry_above` is better None
    until evidence rises slowly.

    Attributes
    ----------
    model : PresenceModel
        The current one.
    memory : float
        What a step leaves of the sums before it, 0 to forget.
    damping : float
        How far the columns go to where the sums point, 1 for all the way.
    slab_damping : float
        The same of slabs, where a source fires 60 times in a batch; less where fewer.
    floor : float
        The least spread of a slab beside its mean: a slab that is too narrow lets go of codes as they vary.
    forest : bool
        Whether presences depend on each other; else each has its own probability.
    learn_mixing, learn_noise : bool
        Whether columns, and the noise variance, are learned.
    sums : PresenceSums
        Those remembered, written over by every step; to begin with, what ten samples would show if presences were
        independent.

    Examples
    --------
    >>> from overica.presence import Forest, PresenceLearner, PresenceModel
    >>> rng = np.random.default_rng(0)
    >>> S = (rng.random((2000, 3)) < 0.2) * rng.normal(4.0, 0.5, (2000, 3))
    >>> true = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    >>> X = S @ true.T + 0.1 * rng.normal(size=(2000, 3))
    >>> start = true + 0.1 * rng.normal(size=(3, 3))
    >>> start /= np.linalg.norm(start, axis=0)
    >>> model = PresenceModel(
    ...     start, np.full(3, 3.0), np.ones(3), 0.1, Forest.independent([0.1] * 3), nonnegative=True
    ... )
    >>> learner = PresenceLearner(model)
    >>> for _ in range(20):
    ...     posterior = learner.step(X)
    >>> bool((np.abs(learner.model.mixing - true) < 0.02).all()), learner.model.slab_mean.round(1)
    (True, array([4., 4., 4.]))
    """

    model: PresenceModel
    memory: float = 0.95
    damping: float = 0.5
    slab_damping: float = 0.4
    floor: float = 0.05
    forest: bool = True
    learn_mixing: bool = True
    learn_noise: bool = False
    sums: PresenceSums = field(init=False, repr=False)

    def __post_init__(self) -> None:
        presence = self.model.forest.marginals()
        self.sums = PresenceSums.independent(presence, _IMAGINED, self.model.n_features)

    def step(
        self, X: Any, *, noise_variance: float | None = None, start: PresencePosterior | None = None
    ) -> PresencePosterior:
        """One expectation on a batch of samples and one maximisation; returns what was inferred before it.

        Parameters
        ----------
        X : array (n_samples, n_features)
        noise_variance : float, optional
            Sets the model's, for annealing, before anything is inferred.
        start : PresencePosterior, optional
            Supports of the same samples to start from.
        """
        if noise_variance is not None:
            self.model = replace(self.model, noise_variance=noise_variance)
        X = self.model.check(X)
        posterior = self.model.infer(X, start=start, sums=True)
        self.learn(PresenceSums.of(X, posterior))
        return posterior

    def learn(self, batch: PresenceSums) -> None:
        """The maximisation, from the sums over a batch: those of several parts of it, added, are one batch."""
        self.sums = self.sums.remembering(self.memory, batch)
        model = self.model
        mean, variance = self._slabs(batch)
        noise = model.noise_variance
        A = self._columns() if self.learn_mixing else model.mixing
        if self.learn_noise:
            noise = self._noise(A)
        lengths = np.linalg.norm(A, axis=0)
        lengths = np.where(lengths > 0, lengths, 1.0)
        self.sums = self.sums.rescaled(lengths)
        mean = mean * lengths
        variance = np.maximum(variance * lengths**2, (self.floor * mean) ** 2)
        self.model = replace(
            model, mixing=A / lengths, slab_mean=mean, slab_variance=variance, noise_variance=noise,
            forest=self._presences(),
        )  # fmt: skip

    def _columns(self) -> NDArray:
        """Least squares, A E[ss'] = x E[s]', for columns that have been present often enough; the rest stay.

        Damping mixes with the old columns; the expected likelihood is concave in A, so that it rises all the same.
        """
        old, sums = self.model.mixing, self.sums
        used = np.flatnonzero(sums.counts > _FEWEST)
        if not len(used):
            return old
        second = sums.second[np.ix_(used, used)]
        rest = np.setdiff1d(np.arange(len(sums.counts)), used)
        target = sums.cross[:, used] - old[:, rest] @ sums.second[np.ix_(rest, used)]
        # The ridge pulls towards the old columns: one that codes say nothing of does not move.
        ridge = _RIDGE * np.diag(second).mean()
        second[np.diag_indices_from(second)] += ridge
        A = old.copy()
        pulled = (target + ridge * old[:, used]).T
        A[:, used] = solve(second, pulled, assume_a="pos", overwrite_a=True).T
        A = (1 - self.damping) * old + self.damping * A
        empty = np.linalg.norm(A, axis=0) < 1e-6
        return np.where(empty, old, A)

    def _slabs(self, batch: PresenceSums) -> tuple[NDArray, NDArray]:
        """Mean and spread of this batch's codes, mixed with the old by how often a source was present."""
        model, counts = self.model, batch.counts
        weight = np.clip(counts / 60.0 * self.slab_damping / 0.4, 0.0, self.slab_damping)
        present = np.maximum(counts, 1e-12)
        found = batch.first / present
        mean = (1 - weight) * model.slab_mean + weight * found
        # About the new mean, which one batch with few firings cannot give.
        about = np.diag(batch.second) / present - 2 * mean * found + mean**2
        variance = (1 - weight) * model.slab_variance + weight * np.maximum(about, 0.0)
        return mean, variance

    def _noise(self, A: NDArray) -> float:
        """E|x - A s|^2 per number, over the samples whose codes are remembered."""
        sums = self.sums
        square = sums.power - 2 * np.vdot(A, sums.cross) + np.vdot(A.T @ A, sums.second)
        numbers = sums.n_samples * A.shape[0]
        # Data without noise would leave rounding, of either sign.
        return float(max(square, 1e-12 * sums.power, np.finfo(float).tiny)) / numbers

    def _presences(self) -> Forest:
        if self.forest:
            return chow_liu(self.sums.together, self.sums.n_samples)
        return Forest.independent((self.sums.counts + 0.5) / (self.sums.n_samples + 1))
