"""Dictionary learning of other packages, each behind one class: scikit-learn and SPAMS.

A peer learns atoms for one penalty; `grid` holds the penalties to choose from, cheapest first.
Batches and steps are fixed, with fits of seconds in mind; only the penalty is searched.
"""

import warnings
from abc import ABC, abstractmethod
from importlib.util import find_spec
from typing import ClassVar

import numpy as np


class Peer(ABC):
    """A learner of dictionaries that needs to be told its penalty."""

    name: ClassVar[str]
    package: ClassVar[str]
    grid: ClassVar[tuple[float, ...]]
    """Penalties, in the units in which `learn` scales the data."""
    n_tuning_seeds: ClassVar[int]
    """Data sets on which every penalty of the grid is tried."""

    @classmethod
    def installed(cls):
        """Whether the package can be imported."""
        return find_spec(cls.package) is not None

    @abstractmethod
    def learn(self, X, n_components, penalty, *, nonnegative, long, seed):
        """Mixing matrix (n_features, n_components); `long` asks for twice the steps."""


class ScikitLearn(Peer):
    """MiniBatchDictionaryLearning on data of unit variance, batches of 256.

    Coordinate descent, which is faster than least angles here and knows non-negative codes. No early
    stopping; the number of samples visited is what a few seconds allow.
    """

    name = "scikit-learn"
    package = "sklearn"
    grid = (3.0, 1.0, 0.3, 0.1)
    n_tuning_seeds = 2
    n_samples = 100_000
    """Samples visited."""

    def learn(self, X, n_components, penalty, *, nonnegative, long, seed):
        from sklearn.decomposition import MiniBatchDictionaryLearning

        passes = max(1, round((1 + long) * self.n_samples / len(X)))
        learner = MiniBatchDictionaryLearning(
            n_components,
            alpha=penalty,
            batch_size=256,
            max_iter=passes,
            fit_algorithm="cd",
            positive_code=nonnegative,
            tol=0.0,
            max_no_improvement=None,
            random_state=seed,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return learner.fit(X / X.std()).components_.T


class Spams(Peer):
    """SPAMS trainDL, online, 1000 batches of 512, on data of unit mean square norm.

    It takes no seed, so samples are shuffled by ours.
    """

    name = "SPAMS"
    package = "spams"
    grid = (0.8, 0.5, 0.3, 0.2, 0.1, 0.05, 0.025)
    n_tuning_seeds = 5

    def learn(self, X, n_components, penalty, *, nonnegative, long, seed, n_threads=1):
        samples = self.scaled(np.random.default_rng(seed).permutation(X))
        return self.train(samples, n_components, penalty, nonnegative, 1000 * (1 + long), n_threads)

    @staticmethod
    def scaled(X):
        """Samples as columns, in Fortran order, of unit mean square norm."""
        return np.asfortranarray((X / np.sqrt((X**2).sum(axis=1).mean())).T)

    @staticmethod
    def train(samples, n_components, penalty, nonnegative, n_iter, n_threads):
        """The call itself."""
        import spams

        return spams.trainDL(
            samples,
            K=n_components,
            lambda1=penalty,
            mode=2,
            batchsize=512,
            iter=n_iter,
            posAlpha=nonnegative,
            numThreads=n_threads,
            verbose=False,
        )


PEERS = {peer.name: peer for peer in (ScikitLearn, Spams)}
