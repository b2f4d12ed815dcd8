"""scikit-learn's dictionary learning as a baseline, told how many features are to be active."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.decomposition import MiniBatchDictionaryLearning
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from overica._validation import Array, check_scalar
from overica.baselines.base import Baseline
from overica.coding import SparseCoder
from overica.random_state import generator
from overica.ranges import unit_rows

_PASSES = 100
"""Of coordinate descent over the codes of a batch."""


class DictionaryLearningBaseline(Baseline):
    """scikit-learn's MiniBatchDictionaryLearning, its penalty moved to a target number of active features.

    The penalty, scikit-learn's alpha, decides everything here, so it is chosen as an autoencoder's coefficient is: the
    learner is told the mean number of active features to reach. It starts from random samples as atoms; before each of
    `n_rounds` fits, which go on from one another, the penalty is set by bisection so that lasso codes on the atoms of
    that moment have that many.

    Parameters
    ----------
    n_components : int
        Number of atoms.
    n_active : float
        Mean number of non-zero codes per sample to reach.
    nonnegative : bool
        Non-negative codes.
    penalty : float, optional
        Of all rounds, in squared units of the samples; `n_active` is not looked at then.
    n_rounds : int
        Fits, each with its own penalty.
    n_steps : int
        Steps of each fit, on batches of samples drawn without replacement as long as there are fresh ones.
    batch_size : int
        Samples per step.
    random_state : int or None

    Notes
    -----
    The stopping rules of scikit-learn are off (``tol=0, max_no_improvement=None``): with them it stops after about 80
    batches, far from its best. Codes are found by its coordinate descent, the only one of its algorithms that knows
    non-negative codes, and several times faster than its LARS at the same result. A batch gets 100
    passes of it, and its warnings that this was not enough are dropped: with the thousand that it takes by itself,
    features are found no better (`sparse_random`, `hierarchy`, `compositional`), and a fit at a low penalty takes up to
    four times as long.

    Examples
    --------
    >>> from overica.datasets import make_mixture
    >>> data = make_mixture(500, 4, 6, "laplace", random_state=0)
    >>> learner = DictionaryLearningBaseline(3, n_active=1.0, n_steps=4, random_state=0).fit(data.X)
    >>> codes = learner.transform(data.X)
    >>> bool(0.8 < (codes != 0).sum(axis=1).mean() < 1.2)
    True
    """

    name: ClassVar[str] = "dictionary_learning"
    label: ClassVar[str] = "Dictionary learning (scikit-learn)"
    sweeps: ClassVar[bool] = True

    def __init__(
        self,
        n_components: int,
        *,
        n_active: float,
        nonnegative: bool = False,
        penalty: float | None = None,
        n_rounds: int = 3,
        n_steps: int = 80,
        batch_size: int = 256,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.n_active = n_active
        self.nonnegative = nonnegative
        self.penalty = penalty
        self.n_rounds = n_rounds
        self.n_steps = n_steps
        self.batch_size = batch_size
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Learn the atoms."""
        self.check_parameters()
        X = np.asarray(self._validated(X, reset=True))
        rng = generator(self.random_state)
        self.offset_ = np.zeros(X.shape[1]) if self.nonnegative else X.mean(axis=0)
        centred = np.asarray(X - self.offset_, np.float64)
        rows = centred[rng.choice(len(X), self.n_components, replace=len(X) < self.n_components)]
        # A sample of zero is no direction; noise in its place is one.
        atoms, _ = unit_rows(rows + 1e-3 * centred.std() * rng.standard_normal(rows.shape))
        self.n_iter_ = 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            for _ in range(self.n_rounds):
                atoms = self._round(atoms, centred, rng)
        self.components_ = atoms
        self.penalty_ = self._penalty(atoms, centred)
        return self

    def check_parameters(self) -> None:
        """Refuse a parameter that no samples make right."""
        for name in ("n_rounds", "n_steps", "batch_size"):
            check_scalar(getattr(self, name), name, minimum=1, integer=True)
        if self.penalty is not None:
            check_scalar(self.penalty, "penalty")

    def _round(
        self, atoms: np.ndarray, centred: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """The atoms after one fit, at the penalty that suits the atoms before it."""
        # One pass over as many samples as the steps take.
        wanted, n = self.n_steps * self.batch_size, len(centred)
        rows = np.concatenate([rng.permutation(n) for _ in range(-(-wanted // n))])[:wanted]
        model = MiniBatchDictionaryLearning(
            self.n_components, alpha=self._penalty(atoms, centred), max_iter=1,
            batch_size=self.batch_size, dict_init=atoms, fit_algorithm="cd",
            positive_code=self.nonnegative, tol=0.0, max_no_improvement=None, transform_max_iter=_PASSES,
            random_state=int(rng.integers(2**31)),
        ).fit(centred[rows])  # fmt: skip
        self.n_iter_ += int(model.n_steps_)
        return unit_rows(model.components_)[0]

    def transform(self, X: Array) -> Array:
        """Lasso codes at the penalty `penalty_`, exact."""
        check_is_fitted(self)
        self._validated(X, reset=False)
        coder = SparseCoder(
            self.components_,
            penalty=self.penalty_,
            nonnegative=self.nonnegative,
            offset=self.offset_,
        )
        return coder.transform(X)

    def _penalty(self, atoms: np.ndarray, centred: np.ndarray) -> float:
        if self.penalty is not None:
            return self.penalty
        coder = SparseCoder(atoms, n_active=self.n_active, nonnegative=self.nonnegative)
        return coder.fit(centred).penalty_
