"""As many sources as dimensions, or fewer: exact likelihood with a density per source, against the sparse model.

Sources of any shape are identifiable there, as long as no more than one is Gaussian (Comon 1994). A sparse prior
finds those that are sparse; sources that are spread evenly have least l1 norm along the diagonals, and it goes there.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import numpy as np

from overica.learning import determined, relative
from overica.learning.calibration import calibrate
from overica.learning.evidence import judge, log_evidence
from overica.learning.fitting import Fit
from overica.learning.keeping import models
from overica.learning.posterior import Model
from overica.learning.pruning import PRICE
from overica.learning.searching import Search
from overica.learning.sub_gaussian import lighter_than_gaussian, warn_if_sub_gaussian
from overica.learning.subspace import Subspace

_MOST_NUMBERS, _MOST_MAPPED = 2**24, 2**20
"""Of the samples that are climbed on, in memory and on a disk."""
_TESTED = 2**17
"""Numbers that tell whether a direction has light tails."""
_ROWS_PER_COMPONENT = 20
_FEWEST_ROWS = 450
"""Of 500 samples a tenth is held out."""
_START_ROWS = 5000
_START_STEPS = 60
_SAME = 0.95
"""Cosine from which on two rotations have found the same source."""
_STEPS = 30
_CALIBRATION = 3000
_FEW = 3
"""Fewer components than these are searched as sparse ones in any case: in the plane, by exact evidence, in a second."""
_SURE = 2.0
"""Standard errors of a gain that counts."""
_OFF_CENTRE = 6.0
"""Standard errors of a mean that is one."""


class Square(Search):
    """The likelihood of sources of any shape where samples determine them; the sparse search elsewhere.

    Several starts are climbed on some of the samples, the best on all. The mixing matrix is then given to the sparse
    model: where sparsity and noise raise the held-out evidence, that is searched as well, and the evidence decides.

    Parameters
    ----------
    fit : Fit
    sparse : Search
        That of the sparse model.
    """

    n_restarts = 3

    def __init__(self, fit: Fit, sparse: Search) -> None:
        super().__init__(fit)
        self.sparse = sparse
        self._settled = False
        self._whitened = np.empty((0, 0))
        self._subspace: Subspace
        self._attempts: list[tuple[np.ndarray, Model, float]] = []

    @property
    def n_steps(self) -> int:
        """See `Search.n_steps`."""
        return self.sparse.n_steps

    def count(self) -> int:
        """See `Search.count`."""
        return self.sparse.count()

    def search(self, n_components: int) -> Model:
        """See `Search.search`."""
        if not self._applies(n_components):
            if n_components > self.fit.samples.n_features:
                self._warn()
            return self.sparse.search(n_components)
        square = super().search(n_components)
        few = n_components < _FEW
        if few or not self._has_light_tails(square):
            rivals = self._sparse_rivals(square, few)
            if rivals:
                return max(rivals, key=lambda rival: rival[1])[0]
        self._settled = True
        return self._polished(square)

    def _sparse_rivals(self, square: Model, searched: bool) -> list[tuple[Model, float]]:
        """Sparse models with their evidence; none if noise and sparsity do not explain samples better.

        They are searched where the mixing matrix at hand is better with a sparse prior, or in any case: sums and
        differences of sources that are present or not can have light tails, and a log-concave density cannot have the
        spike at zero that would tell the sources from them.

        The evidence of the sparse model is an approximation. Where its prior is right and there is no noise the two
        agree to some .005 nats per source; the price is what a column must be worth elsewhere too. And the gain must
        not be one that other samples might not show.
        """
        judges = self._judges
        start = replace(self.fit.template, mixing=square.mixing, penalty=self._penalty())
        rivals = [judge(self.finish_sparse(start), judges)]
        if searched or self._beats(rivals[0][0], square):
            rivals.insert(0, judge(self.sparse.search(square.mixing.shape[1]), judges))
        return [rival for rival in rivals if self._beats(rival[0], square)]

    def _beats(self, rival: Model, square: Model) -> bool:
        judges = self._judges
        gains = log_evidence(rival, judges) - log_evidence(square, judges)
        chance = _SURE * float(gains.std()) / np.sqrt(len(judges))
        return bool(gains.mean() > max(PRICE * square.mixing.shape[1], chance))

    def _has_light_tails(self, model: Model) -> bool:
        """Whether some source is none that the sparse model could be right about."""
        sources = determined.codes(model.mixing, self._judges)
        return bool(lighter_than_gaussian(sources).any())

    def attempt(self, n_components: int) -> tuple[Model, float]:
        """See `Search.attempt`: on a few thousand samples; from where an earlier one began it would end there too."""
        size = max(_START_ROWS, _ROWS_PER_COMPONENT * n_components)
        some = self.fit.rng.permutation(len(self._whitened))[:size]
        Z = self._whitened[some]
        W = relative.rotation(Z, self.fit.rng)
        for other, found, score in self._attempts:
            if (np.abs(W @ other.T).max(axis=1) > _SAME).all():
                return found, score
        found = self._climb(Z, W, _START_STEPS)
        score = self._score(found)
        self._attempts.append((W, found, score))
        return found, score

    def improve(self, model: Model, score: float) -> Model:
        """The winner climbed on all samples that are learned from."""
        found = self._climb(self._whitened, self._unmixing(model), _STEPS)
        # These steps belong to no new start.
        self.fit.mark(self.fit.history.get("restart", [0.0])[-1])
        return found

    def prune(self, model: Model) -> Model:
        """See `Search.prune`; with fewer components the dimension of least variance is taken for noise."""
        n_components = model.mixing.shape[1]
        if model.penalty:
            return self.sparse.prune(model)
        if not self._applies(n_components):
            return model
        # The model has seen the samples that judge. One that has not is what others are compared with.
        score = self._score(super().search(n_components))
        kept = model
        while (fewer := kept.mixing.shape[1] - 1) and self._applies(fewer):
            trial = super().search(fewer)
            trial_score = self._score(trial)
            if trial_score < score - PRICE:
                break
            kept, score = self._polished(trial), max(score, trial_score)
        return kept

    def _polished(self, model: Model) -> Model:
        """Climbed on those held out as well, which have done their service."""
        X = np.concatenate([self._draw(model.mixing.shape[1]), self.fit.samples.held_out])
        self._take(X, model.mixing.shape[1])
        return self.improve(model, 0.0)

    def _draw(self, n_components: int) -> np.ndarray:
        samples = self.fit.samples
        numbers = _MOST_NUMBERS if samples.in_memory else _MOST_MAPPED
        rows = max(numbers // samples.n_features, 2 * _ROWS_PER_COMPONENT * n_components)
        return samples.draw(rows, self.fit.rng)

    def _take(self, X: np.ndarray, n_components: int) -> bool:
        """Climb on these samples from here on; False if they have fewer dimensions than components."""
        subspace = Subspace.of(X, n_components)
        if subspace is None:
            return False
        self._attempts = []
        self._subspace, self._whitened = subspace, X @ subspace.whitener.T
        return True

    def _unmixing(self, model: Model) -> np.ndarray:
        return np.asarray(np.linalg.inv(self._subspace.whitener @ model.mixing))

    def finish(self, model: Model) -> Model:
        """As it is: there is no penalty to choose."""
        return model

    def finish_sparse(self, model: Model) -> Model:
        """Noise, penalty and scales of the sparse model with this mixing matrix."""
        X = self.fit.samples.draw(_CALIBRATION, self.fit.rng)
        judges, kind = self._judges, models(self.fit.template)
        return self.fit.stage(
            "calibrate", lambda: calibrate(model, X, judges, noise_variance=None), kind
        )

    def warn_if_unsettled(self) -> None:
        """See `Search.warn_if_unsettled`: a climb ends at its top."""
        if not self._settled:
            self.sparse.warn_if_unsettled()

    def _applies(self, n_components: int) -> bool:
        """Whether samples determine sources of any shape, and there are enough to tell."""
        samples, settings = self.fit.samples, self.fit.settings
        enough = samples.n_rows >= max(_FEWEST_ROWS, _ROWS_PER_COMPONENT * n_components)
        free = settings.any_shape and settings.noise_variance is None
        if not (free and enough and n_components <= samples.n_features):
            return False
        X = self._draw(n_components)
        # A mean that was left in is no source's.
        centred = np.abs(X.mean(axis=0)) < _OFF_CENTRE * X.std(axis=0) / np.sqrt(len(X))
        return bool(centred.all()) and self._take(X, n_components)

    def _climb(self, Z: np.ndarray, W: np.ndarray, max_iter: int) -> Model:
        fit = self.fit
        fit.best = fit.stage("climb", lambda: self._climbed(Z, W, max_iter), models(fit.template))
        return fit.best

    def _climbed(self, Z: np.ndarray, W: np.ndarray, max_iter: int) -> Model:
        fit, subspace = self.fit, self._subspace
        for found in relative.climb(Z, W, max_iter):
            fit.best = replace(
                fit.template, mixing=subspace.dewhitener @ np.linalg.inv(found.W), prior=found.prior,
                penalty=0.0, noise_variance=subspace.noise_variance, presence=1.0,
            )  # fmt: skip
            fit.record(self._figures(fit.best, found))
        assert fit.best is not None
        return fit.best

    def _figures(self, model: Model, found: relative.Separation) -> dict[str, float]:
        """A row of the history: every source is active, and the likelihood is exact."""
        norms = np.linalg.norm(model.mixing, axis=0)
        return {
            "penalty": 0.0,
            "learning_rate": found.length,
            "n_active": float(len(norms)),
            "unexplained": self._subspace.unexplained,
            "dead": 0.0,
            "smallest_norm": float(norms.min()),
            "largest_norm": float(norms.max()),
            "relative_change": found.change,
            "log_evidence": found.log_likelihood + self._subspace.log_density,
        }

    def _warn(self) -> None:
        """Warn of sources that the sparse model cannot be right about."""
        samples = self.fit.samples
        # A copy: that there is a test changes no draw of the fit.
        rng = deepcopy(self.fit.rng)
        X = samples.draw(_TESTED // samples.n_features, rng)
        warn_if_sub_gaussian(X, samples.held_out, rng)

    def _score(self, model: Model) -> float:
        return float(log_evidence(model, self._judges).mean())

    def _penalty(self) -> float:
        return self.fit.settings.annealing.penalty(1.0, self.fit.samples.n_features)
