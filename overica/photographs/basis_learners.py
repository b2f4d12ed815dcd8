"""Who learns a basis of photographs, each behind one class: a new one is a class and a line in `METHODS`."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from sklearn.decomposition import PCA, FastICA, MiniBatchDictionaryLearning
from sklearn.exceptions import ConvergenceWarning

from overica.estimator import OvercompleteICA
from overica.photographs.regions import Photographs
from overica.random_state import generator


@dataclass(frozen=True)
class Effort:
    """How long the learners run."""

    n_steps: int
    """Of the estimator's main run, on its own batches."""
    n_passes: int
    """Of dictionary learning over the patches, in batches of 256."""


class Method(ABC):
    """A learner of bases of white patches."""

    name: ClassVar[str]
    label: ClassVar[str]
    overcomplete: ClassVar[bool] = True
    settings: ClassVar[tuple[float, ...]] = (0.0,)
    """Values of its one free parameter to choose from; the held-out evidence chooses."""

    @abstractmethod
    def learn(
        self, data: Photographs, n_components: int, setting: float, effort: Effort, seed: int
    ) -> np.ndarray:
        """Basis (n_features, n_components) of white coordinates, from the patches that are to be learned from."""


class Ours(Method):
    """`OvercompleteICA`; the free parameter is the level at which its annealing ends."""

    name, label = "overica", "overica"
    settings = (0.02, 0.01)

    def learn(
        self, data: Photographs, n_components: int, setting: float, effort: Effort, seed: int
    ) -> np.ndarray:
        """See `Method.learn`."""
        # Surplus columns are for exact recovery; the density of photographs has no true columns to miss.
        ica = OvercompleteICA(
            n_components, prior="laplace", annealing=(0.5, setting), overprovision=1.0, max_iter=effort.n_steps,
            random_state=seed,
        )  # fmt: skip
        return np.asarray(_quietly(ica, data.fit.white).mixing_)


class DictionaryLearning(Method):
    """scikit-learn's `MiniBatchDictionaryLearning`; the free parameter is its penalty alpha.

    By coordinate descent, several times faster here than its LARS, and with its stopping rules off, which end it early.
    """

    name, label = "dictionary", "dictionary learning (scikit-learn)"
    settings = (0.3, 0.6, 1.2)

    def learn(
        self, data: Photographs, n_components: int, setting: float, effort: Effort, seed: int
    ) -> np.ndarray:
        """See `Method.learn`."""
        learner = MiniBatchDictionaryLearning(
            n_components, alpha=setting, max_iter=effort.n_passes, batch_size=256, fit_algorithm="cd", tol=0.0,
            max_no_improvement=None, transform_max_iter=100, random_state=seed,
        )  # fmt: skip
        return np.asarray(_quietly(learner, data.fit.white).components_.T)


class CompleteICA(Method):
    """scikit-learn's `FastICA` with its log cosh contrast; the columns of its mixing matrix."""

    name, label, overcomplete = "fastica", "FastICA", False

    def learn(
        self, data: Photographs, n_components: int, setting: float, effort: Effort, seed: int
    ) -> np.ndarray:
        """See `Method.learn`."""
        # The patches are white already, and its own whitening of them can end with a singular matrix.
        ica = FastICA(whiten=False, max_iter=200, random_state=seed)
        return np.asarray(_quietly(ica, data.fit.white).mixing_)


class PrincipalComponents(Method):
    """Principal components of the grey levels, under the prior of the others instead of a Gaussian."""

    name, label, overcomplete = "pca", "PCA, sparse prior", False

    def learn(
        self, data: Photographs, n_components: int, setting: float, effort: Effort, seed: int
    ) -> np.ndarray:
        """See `Method.learn`."""
        # White coordinates have no principal axes of their own; those of the grey levels are left where they are.
        return np.asarray(PCA().fit(data.fit.cells).components_.T)


class RandomColumns(Method):
    """Random directions: what the prior alone gives, the chance level."""

    name, label = "random", "random columns"

    def learn(
        self, data: Photographs, n_components: int, setting: float, effort: Effort, seed: int
    ) -> np.ndarray:
        """See `Method.learn`."""
        rng = generator(seed)
        A = rng.standard_normal((data.side**2, n_components))
        return np.asarray(A / np.linalg.norm(A, axis=0))


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Ours(),
        DictionaryLearning(),
        CompleteICA(),
        PrincipalComponents(),
        RandomColumns(),
    )
}
"""Learners by name."""


def _quietly(learner, Z):  # type: ignore[no-untyped-def]
    """Fitted, without its remarks that it might have gone on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return learner.fit(Z)
