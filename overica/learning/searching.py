"""Ways to a mixing matrix that is right, not only locally: surplus columns, restarts, exact evidence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace

import numpy as np

from overica.learning import planar_evidence
from overica.learning.calibration import calibrate, enough_rows, rescale, usage
from overica.learning.crowding import crowded
from overica.learning.evidence import judge, log_evidence
from overica.learning.fitting import Fit
from overica.learning.keeping import judged, models
from overica.learning.merging import distinct_columns, merge_columns
from overica.learning.polishing import polish, reseed
from overica.learning.posterior import Model
from overica.learning.pruning import PRICE, prune
from overica.learning.rules import named_surplus_rules
from overica.learning.supported import EACH, narrowed, widths
from overica.learning.worth import drop_least_worth

_JUDGES = 1500
_CALIBRATION = 3000
_FEW_FEATURES = 8
_UNUSED = 0.1
"""Share of the median usage below which a column explains nothing of its own."""


class Search(ABC):
    """One way; `attempt` is one start of it, `search` races several and keeps the one of highest evidence."""

    def __init__(self, fit: Fit) -> None:
        self.fit = fit

    @property
    @abstractmethod
    def n_restarts(self) -> int:
        """Starts to race if the user does not say."""

    @property
    @abstractmethod
    def n_steps(self) -> int:
        """Learning steps of `search`."""

    @abstractmethod
    def attempt(self, n_components: int) -> tuple[Model, float]:
        """A model from one start, and the evidence by which it is judged."""

    @abstractmethod
    def count(self) -> int:
        """How many components the data support."""

    def search(self, n_components: int) -> Model:
        """The best of several starts, with noise and scales learned."""
        found = [self.race(n_components, restart) for restart in range(self.restarts)]
        best, score = max(found, key=lambda pair: pair[1])
        kind = models(self.fit.template)
        return self.fit.stage("finish", lambda: self.finish(self.improve(best, score)), kind)

    def warn_if_unsettled(self) -> None:
        """Warn if the steps ran out too early."""
        self.fit.warn_if_unsettled()

    def improve(self, model: Model, score: float) -> Model:
        """The winner after moves that no gradient makes; none by default."""
        return model

    def salvage(self, n_components: int | None) -> Model:
        """What an interrupted fit has, with no more columns than wanted."""
        model = self.fit.best
        assert model is not None
        if n_components is None or model.mixing.shape[1] <= n_components:
            return model
        return judge(self._merge(model, n_components), self._judges)[0]

    @property
    def restarts(self) -> int:
        """Starts to race: as many as the user says, or `n_restarts`."""
        return self.fit.settings.n_restarts or self.n_restarts

    @property
    def _judges(self) -> np.ndarray:
        return self.fit.samples.held_out[:_JUDGES]

    def _usage(self, model: Model) -> np.ndarray:
        return usage(model, self._judges)

    def _merge(self, model: Model, n_components: int) -> Model:
        """The model with its copies merged and what is worth least dropped; presence is to be fitted anew."""
        kept = merge_columns(
            model.mixing, self._usage(model), n_components, nonnegative=model.prior.nonnegative
        )
        merged = replace(model, mixing=model.mixing[:, kept], presence=1.0)
        return drop_least_worth(merged, self._judges, n_components)

    def race(self, n_components: int, restart: int) -> tuple[Model, float]:
        """One attempt, marked in the history."""
        found = self.attempt(n_components)
        self.fit.mark(restart)
        return found

    def prune(self, model: Model) -> Model:
        """The model without the columns that held-out evidence does not miss; as it was if it misses each."""
        pruned = prune(self.fit, model, self._judges)
        # The refining steps belong to no new start.
        self.fit.mark(self.fit.history.get("restart", [0.0])[-1])
        return self.finish(pruned) if pruned.mixing.shape != model.mixing.shape else model

    def finish(self, model: Model) -> Model:
        """Noise and scales for a mixing matrix whose directions stand."""
        fit = self.fit
        X = fit.samples.draw(max(_CALIBRATION, enough_rows(0, model)), fit.rng)
        starts = [model]
        end = replace(model, penalty=fit.settings.annealing.penalty(1.0, fit.samples.n_features))
        if model.penalty > end.penalty and not crowded(end, self._judges):
            # The best state of a run may be one of high penalty, where the evidence has a top of its own.
            starts.append(end)
        found = [
            calibrate(start, X, self._judges, noise_variance=fit.noise_variance) for start in starts
        ]
        if len(found) == 1:
            return found[0]
        return max(found, key=lambda model: float(log_evidence(model, self._judges).mean()))


class Plain(Search):
    """One run with as many columns as wanted: for a given start, and for rules that keep no column from dying."""

    n_restarts = 1

    @property
    def n_steps(self) -> int:
        """See `Search.n_steps`."""
        return self.restarts * self.fit.settings.n_steps

    def attempt(self, n_components: int) -> tuple[Model, float]:
        """See `Search.attempt`."""
        fit = self.fit
        model = replace(fit.template, mixing=fit.start(n_components))
        found = fit.run(fit.settings.ascent(), model)
        return judge(found, self._judges)

    def count(self) -> int:
        """See `Search.count`."""
        raise ValueError(
            f'`n_components="auto"` needs rule {named_surplus_rules()} and a drawn start: '
            f"got rule {self.fit.settings.rule.name!r}"
        )


class Surplus(Search):
    """Fit more columns than wanted, merge, refine.

    With surplus columns a true direction is rarely missed: where a fit of just as many as wanted ends with two
    columns on one source and one on a composite of two, here some third column is on the second source.
    """

    first_share = 0.5
    """Of a refining run, after the merge."""
    n_reseeds = 4
    """Rounds of replacing columns at most."""
    n_late_reseeds = 1
    """Further ones at the penalty that suits the columns, at which one that is not quite right is worth nothing."""
    n_pilots = 500
    """Held-out samples that tell at which penalty the rest of it is."""

    @property
    def n_restarts(self) -> int:
        """One finds everything with many features; in few dimensions directions crowd, and several race."""
        return 1 if self.fit.samples.n_features >= _FEW_FEATURES else 4

    @property
    def n_steps(self) -> int:
        """See `Search.n_steps`."""
        settings = self.fit.settings
        refining = (settings.refining(self.first_share), settings.refining())
        extra = sum(run.n_steps for run in refining) if settings.overprovision > 1 else 0
        return self.restarts * (settings.n_steps + extra)

    def attempt(self, n_components: int) -> tuple[Model, float]:
        """See `Search.attempt`."""
        surplus = n_components
        if self.fit.settings.overprovision > 1:
            wanted = int(np.ceil(self.fit.settings.overprovision * n_components))
            surplus = max(n_components + 2, wanted)
        found = self._ascend(surplus)
        if surplus > n_components:
            found = self._merged(found, n_components)
        return judge(found, self._judges)

    def count(self) -> int:
        """Distinct and used columns of a fit with surplus, which is doubled until a quarter proves to be surplus.

        Surplus columns end as copies of true ones, or carry some fiftieth of what a true column does. Of few samples
        that is too many as often as not, and held-out ones decide, see `overica.learning.supported`.
        """
        fit = self.fit
        n_columns = 2 * fit.samples.n_features
        while True:
            wide = self._ascend(n_columns)
            used = self._usage(wide)
            distinct = distinct_columns(wide.mixing, used, nonnegative=wide.prior.nonnegative)
            if distinct.size <= 0.75 * n_columns or 2 * n_columns > fit.samples.n_rows // 2:
                break
            n_columns *= 2
        used = used[distinct]
        counted = int((used > _UNUSED * np.median(used)).sum())
        if not fit.samples.split or fit.samples.n_rows >= EACH * counted:
            return counted
        n_steps = len(fit.history["penalty"])
        found = narrowed(self._trial, widths(fit.samples.n_features, counted), self._judges)
        fit.forget(n_steps)
        return found

    def _trial(self, n_components: int) -> Model:
        """Of so many components, from one start, with noise and scales."""
        return super().finish(self.attempt(n_components)[0])

    def _ascend(self, n_columns: int) -> Model:
        fit = self.fit
        model = replace(fit.template, mixing=fit.start(n_columns))
        return fit.run(fit.settings.ascent(), model)

    def _merged(self, found: Model, n_components: int) -> Model:
        """Copies merged, and the rest refined: first where annealing ended, then at the penalty that suits them.

        A code is shrunk by its penalty, and where sources are correlated, or columns of unlike length, what one column
        loses is learned by others. The penalty of highest evidence is mostly lower than that at which columns are
        found.
        """
        fit, settings, kind = self.fit, self.fit.settings, models(self.fit.template)
        merged = fit.stage("merge", lambda: self._merge(found, n_components), kind)
        settled = fit.run(settings.refining(self.first_share), merged)
        if not fit.samples.split:
            # Samples that are learned from say that the lowest penalty suits them best.
            return fit.run(settings.refining(), settled)
        judges = self._judges[: self.n_pilots]
        X = fit.samples.draw(enough_rows(len(judges), settled), fit.rng)
        noise = fit.noise_variance
        pilot = fit.stage(
            "pilot", lambda: calibrate(settled, X, judges, noise_variance=noise), kind
        )
        level = pilot.penalty / float(np.sqrt(fit.samples.n_features))
        return fit.run(settings.refining(level=level), replace(pilot, presence=1.0))

    def finish(self, model: Model) -> Model:
        """Noise and scales, and columns by least squares where held-out evidence is higher for it.

        That is where there is little noise, see `overica.learning.polishing`: with more of it supports are wrong too
        often. Only then are columns that are worth next to nothing replaced, as long as that is better yet.
        """
        fit, found = self.fit, super().finish(model)
        if not fit.samples.split or model.prior.l1_weights() is None:
            return found
        # Twice a batch: of samples that are little more than a batch, all.
        X = fit.samples.draw(2 * fit.settings.batch_size, fit.rng)
        best, best_score = found, float(log_evidence(found, self._judges).mean())
        for move in (polish, *[reseed] * self.n_reseeds):
            moved = move(best, X)
            if moved is best:
                break
            # At the same penalty: at a lower one supports follow all that is left, and none of it is missed.
            trial, score = judge(rescale(moved, X), self._judges, fit.noise_variance)
            if score < best_score + PRICE:
                break
            best, best_score = trial, score
        if best is found:
            return found
        last = super().finish(best)
        last = max(last, super().finish(polish(last, X)), key=self._score)
        for _ in range(self.n_late_reseeds):
            moved = reseed(last, X, judged=self._judges, penalty=best.penalty)
            trial = last if moved is last else super().finish(moved)
            if self._score(trial) < self._score(last) + PRICE:
                break
            last = trial
        return last

    def _score(self, model: Model) -> float:
        return float(log_evidence(model, self._judges).mean())


class Planar(Search):
    """Two features: a short run, then the exact evidence (see `PlanarEvidence`), from several starts."""

    n_restarts = 8
    share = 1 / 3
    """Of the main run's steps."""
    n_samples = 200_000
    """More add nothing to the grid."""
    grid_error = 0.005
    """Nats per sample."""
    most = 12
    """Largest number of components that `count` tries."""

    def __init__(self, fit: Fit) -> None:
        super().__init__(fit)
        X = fit.samples.draw(self.n_samples, fit.rng)
        self._evidence = planar_evidence.PlanarEvidence(X, fit.template.prior, fit.rng)
        self._size = len(X)

    @property
    def n_steps(self) -> int:
        """See `Search.n_steps`."""
        return self.restarts * self.fit.settings.ascent(self.share).n_steps

    def attempt(self, n_components: int) -> tuple[Model, float]:
        """See `Search.attempt`."""
        fit = self.fit
        model = replace(fit.template, mixing=fit.start(n_components))
        found = fit.run(fit.settings.ascent(self.share), model)
        kind = judged(fit.template)
        return fit.stage("exact", lambda: self._exact(found, found.mixing), kind)

    def warn_if_unsettled(self) -> None:
        """Nothing to warn of: the steps only have to come near, and the exact evidence is climbed to its top."""

    def improve(self, model: Model, score: float) -> Model:
        """Columns of non-negative sources turned round, one at a time, where that raises the exact evidence.

        Opposite directions are far apart, and samples near zero look alike from both.
        """
        for j in range(model.mixing.shape[1] if model.prior.nonnegative else 0):
            turned = model.mixing.copy()
            turned[:, j] *= -1
            trial, trial_score = self._exact(model, turned)
            if trial_score > score:
                model, score = trial, trial_score
        return model

    def _exact(self, found: Model, start: np.ndarray) -> tuple[Model, float]:
        exact = self._evidence.maximise(start)
        found = replace(
            found, mixing=exact.mixing, noise_variance=exact.noise_variance,
            presence=np.full(start.shape[1], exact.presence),
        )  # fmt: skip
        return found, exact.log_evidence

    def finish(self, model: Model) -> Model:
        """The penalty alone: the exact evidence has learned noise, scales and presence."""
        X = self.fit.samples.draw(_CALIBRATION, self.fit.rng)
        noise_variance = self.fit.noise_variance or model.noise_variance
        found = calibrate(model, X, self._judges, noise_variance=noise_variance, scales=False)
        return replace(found, presence=model.presence)

    def count(self) -> int:
        """The number of highest exact evidence, less log(n_samples) / 2 per parameter (BIC).

        At least what the grid itself may be wrong by, per component.
        """
        price = max(float(np.log(self._size)) / self._size, self.grid_error)
        best, best_score = 1, -np.inf
        for n_components in range(1, 2 + self.most):
            attempts = [self.race(n_components, restart) for restart in range(self.n_restarts // 2)]
            score = max(found[1] for found in attempts) - price * n_components
            if score > best_score:
                best, best_score = n_components, score
            elif n_components > best + 1:
                break
        return best
