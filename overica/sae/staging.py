"""What features learned in stages have in common: the division of an estimator's means among its stages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import MetaEstimatorMixin, clone

from overica._validation import Array, check_scalar
from overica.distributed import broadcast
from overica.distributed.ending import shared
from overica.persistence import Journal, journal_of
from overica.random_state import generator
from overica.rows import opened
from overica.sae import settings
from overica.sae.base import SparseAutoencoder
from overica.transformer import DictionaryTransformer


class Stages(MetaEstimatorMixin, DictionaryTransformer, ABC):
    """Base of the two kinds of stages.

    What the estimator asks for is what all stages have together: its `n_components`, `n_active` and `n_steps` are
    divided among them. A staged fit takes as many steps as a plain one, and a step of an early stage is cheaper. Whole
    numbers stay whole, and a stage has at least one step and one active code.

    Parameters
    ----------
    estimator : SparseAutoencoder
        Of any kind; not changed. Its `checkpoint` is that of all stages; its `warm_start` is not looked at.
    stages : int, or list or tuple of int
        The number of stages, all equally wide; or the number of features that each stage adds, which sum to
        ``estimator.n_components`` if that is given.

    Attributes
    ----------
    components_ : array (n_components, n_features)
        Unit rows, in the order of the stages.
    mixing_ : array (n_features, n_components)
        Its transpose.
    offset_ : array (n_features,)
        The reconstruction of codes that are all zero.
    estimators_ : list of SparseAutoencoder
        What was fitted in each stage.
    widths_ : list of int
        Features that each stage added.
    n_components_, n_iter_ : int
        Features and steps of all stages.
    history_ : dict of str to list
        Figures of every step, one stage after the other; ``stage`` counts from 0.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.
    """

    estimators_: list[SparseAutoencoder]
    widths_: list[int]

    cumulative: ClassVar[bool]
    """Whether the autoencoder of a stage holds the features of the stages before it."""

    def __init__(
        self, estimator: SparseAutoencoder, stages: int | list[int] | tuple[int, ...] = 2
    ) -> None:
        self.estimator = estimator
        self.stages = stages

    @shared
    def fit(self, X: Array, y: Any = None) -> Self:
        """Train the stages, one after the other.

        Parameters
        ----------
        X : samples (n_samples, n_features)
            An array, memory map or tensor of any float type; a list of such shards; an `ActivationStore`; a torch
            `Dataset` or `DataLoader`, or other batches that come anew each time they are iterated. See
            `overica.rows.opened`.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X or a parameter is malformed, before any training.
        TrainingError
            If a stage's loss is no longer finite.
        """
        if not isinstance(self.estimator, SparseAutoencoder):
            raise ValueError(f"`estimator` must be a sparse autoencoder, got {self.estimator!r}")
        X = opened(X)
        shape = X.shape if hasattr(X, "shape") else np.asarray(X).shape
        # A malformed X is for the first stage to refuse.
        self.widths_ = self._widths(shape[1] if len(shape) == 2 else 1)
        self.estimators_ = []
        given = self.estimator
        rng = broadcast(generator(given.random_state))
        # Every stage looks at X by itself, and may remember the names of its features.
        known = X if given.checkpoint is None else clone(given)._validated(X, reset=True)
        with journal_of(self, known, rng, told=given) as journal:
            for estimator in self._untrained(rng):
                self._train(estimator, X, journal)
                self.estimators_.append(estimator)
        self._publish()
        return self

    @abstractmethod
    def _train(self, estimator: SparseAutoencoder, X: Array, journal: Journal) -> None:
        """Train the next stage."""

    @abstractmethod
    def _publish(self) -> None:
        """`components_` and `offset_` from the fitted stages."""

    @abstractmethod
    def transform(self, X: Array) -> Array:
        """Codes of samples, (n_samples, n_components)."""

    @property
    def mixing_(self) -> np.ndarray:
        """The dictionary's directions as columns, (n_features, n_components)."""
        return self.components_.T

    @property
    def n_iter_(self) -> int:
        """Steps of all stages."""
        return sum(estimator.n_iter_ for estimator in self.estimators_)

    @property
    def history_(self) -> dict[str, list[float]]:
        """Figures of every step, one stage after the other."""
        history: dict[str, list[float]] = {"stage": []}
        for stage, estimator in enumerate(self.estimators_):
            history["stage"] += [float(stage)] * estimator.n_iter_
            for name, values in estimator.history_.items():
                history.setdefault(name, []).extend(values)
        return history

    @property
    def n_features_in_(self) -> int:
        """Features of the samples."""
        return self.estimators_[0].n_features_in_

    @property
    def feature_names_in_(self) -> np.ndarray:
        """Their names, if they had any."""
        return np.asarray(self.estimators_[0].feature_names_in_)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "components_")

    def _widths(self, n_features: int) -> list[int]:
        """Features that each stage adds."""
        wanted = self.estimator.n_components
        if isinstance(self.stages, list | tuple):
            widths = [
                check_scalar(width, f"stages[{i}]", minimum=1, integer=True)
                for i, width in enumerate(self.stages)
            ]
            if not widths or wanted not in (None, sum(widths)):
                raise ValueError(
                    f"`stages` must sum to the estimator's n_components={wanted}, got {self.stages!r}"
                )
            return widths
        n_stages = check_scalar(self.stages, "stages", minimum=1, integer=True)
        total = settings.n_components(wanted, n_features)
        if n_stages > total:
            raise ValueError(f"`stages` must be at most n_components={total}, got {n_stages}")
        return [int(part) for part in _parts(total, [1] * n_stages)]

    def _untrained(self, rng: np.random.Generator) -> list[SparseAutoencoder]:
        """The estimator of each stage, with its part of what there is."""
        given, widths = self.estimator, self.widths_
        coefficient = getattr(given, "sparsity_coefficient", None)
        n_active = settings.n_active(given.n_active, coefficient, sum(widths))
        n_steps = check_scalar(given.n_steps, "n_steps", minimum=1, integer=True)
        steps = [max(1, int(part)) for part in _parts(n_steps, widths)]
        active = None if n_active is None else _parts(n_active, widths)
        if self.cumulative:
            widths = list(accumulate(widths))
            active = None if active is None else list(accumulate(active))
        estimators = []
        for stage, width in enumerate(widths):
            estimator = clone(given).set_params(
                n_components=width,
                n_steps=steps[stage],
                random_state=int(rng.integers(2**31)),
                checkpoint=None,
                warm_start=False,
            )
            if active is not None:
                # Of a whole number, a stage may be left with none.
                estimator.set_params(n_active=active[stage] or 1.0)
            estimators.append(estimator)
        return estimators


def _parts(total: float, weights: Sequence[int]) -> list[float]:
    """A total divided as the weights are; a whole total into whole parts.

    Examples
    --------
    >>> _parts(10, [1, 1, 1]), _parts(2.5, [3, 2])
    ([3, 4, 3], [1.5, 1.0])
    """
    bounds = [total * bound / sum(weights) for bound in accumulate(weights, initial=0)]
    if float(total).is_integer():
        bounds = [round(bound) for bound in bounds]
    return [after - before for before, after in pairwise(bounds)]
