"""What a fit is given, and the race between its starts."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from overica.initialisation import check_start, start_mixing
from overica.learning.ascent import Ascent, Course, History, Report, State, extend_history
from overica.learning.keeping import PLAIN, Kind, courses, states
from overica.learning.posterior import Model
from overica.learning.rules import LearningRule
from overica.learning.samples import Samples
from overica.persistence import Journal, remember, series_values
from overica.progress import StepProgress
from overica.ranges import unit_columns
from overica.schedules import Annealing, Cosine, Schedule

T = TypeVar("T")

_REFINING_SHARE = 0.2
_REFINING_RATE = 0.2
_REFINING_CHECKS = 8
_SETTLED = 0.05
"""Rise of the evidence over the last checks, in nats per feature, that counts as none."""
_FEWEST_STEPS = 50
"""A run of fewer steps has not had the time to settle, whatever its evidence does."""


@dataclass(frozen=True)
class FitSettings:
    """The estimator's parameters, resolved and in the model's units."""

    rule: LearningRule
    """What moves the mixing matrix."""
    schedule: Schedule
    """Of the learning rate."""
    annealing: Annealing
    """Of the penalty."""
    learning_rate: float
    """At its peak."""
    n_steps: int
    """Of the main run."""
    batch_size: int
    """Samples per step."""
    init: str | np.ndarray
    """Name of a start, or the start, columns in units of X."""
    overprovision: float
    """Columns fitted per column wanted; 1 fits just those."""
    n_restarts: int | None
    """None lets the search choose."""
    noise_variance: float | None
    """In squared units of X, see `Fit.noise_variance`; None learns it."""
    any_shape: bool = False
    """Whether the evidence may give sources other shapes than the prior's, where samples determine them."""

    def ascent(self, share: float = 1.0) -> Ascent:
        """The main run of steps, or a share of it."""
        n_steps = max(1, round(share * self.n_steps))
        return Ascent(
            self.rule, self.schedule, self.annealing, self.learning_rate, n_steps, self.batch_size
        )

    def refining(self, share: float = 1.0, level: float | None = None) -> Ascent:
        """A short run from columns that are nearly right, or a share of it, at the last level or another."""
        end = self.annealing.end if level is None else level
        return Ascent(
            self.rule, Cosine(), Annealing(end, end), _REFINING_RATE * self.learning_rate,
            max(1, round(share * _REFINING_SHARE * self.n_steps)), self.batch_size,
            max(2, round(share * _REFINING_CHECKS)),
        )  # fmt: skip


def _silent(figures: dict[str, float]) -> None:
    """Report to nobody."""


@dataclass
class Fit:
    """A fit in progress: what every stage of it needs, and what it has found so far."""

    template: Model
    """Prior, solver and device; its mixing matrix is not looked at."""
    samples: Samples
    settings: FitSettings
    rng: np.random.Generator
    report: Report = _silent
    """Called with the figures of every step."""
    history: History = field(default_factory=dict)
    """Figures by name, one entry per step."""
    best: Model | None = None
    """The best state of the latest run, for an interrupt to fall back on."""
    journal: Journal = field(default_factory=Journal)
    """Where its stages are kept."""

    @property
    def noise_variance(self) -> float | None:
        """That of the settings, in the model's units; None learns it."""
        given = self.settings.noise_variance
        return None if given is None else self.samples.units.own_variance(given)

    def start(self, n_components: int) -> np.ndarray:
        """A start for this many columns."""
        X = self.samples.draw(self.settings.batch_size, self.rng)
        nonnegative, init = self.template.prior.nonnegative, self.settings.init
        if not isinstance(init, str):
            units = self.samples.units
            check_start(init, len(units.mean), n_components)
            init = unit_columns(units.own(init))
        return start_mixing(init, X, n_components, self.rng, nonnegative)

    def run(self, ascent: Ascent, model: Model) -> Model:
        """The best model of a run of steps; history and report are kept."""

        def steps(course: Course) -> Iterator[None]:
            for best in ascent.run(course, self.samples, self.rng, self.history, self.report):
                self.best = best
                yield

        kind = courses(self.template)
        return self.steps("run", lambda: ascent.begin(model, self.samples), steps, kind).best

    def walk(self, ascent: Ascent, model: Model) -> State:
        """The state after a run of steps that nobody judges; of the figures none are kept."""

        def steps(state: State) -> Iterator[None]:
            for _ in ascent.steps(state, self.samples, self.rng):
                yield

        return self.steps("walk", lambda: State(model), steps, states(self.template))

    def stage(self, name: str, compute: Callable[[], T], kind: Kind[T] = PLAIN) -> T:
        """What `compute` gives; or gave before the fit was ended, and then draws and history are those after it."""
        with self.journal.stage(name) as stage:
            if stage.complete:
                return kind.made(self._back_at(stage.kept))
            found = compute()
            stage.finish(self._standing(kind.values(found)))
            return found

    def steps(
        self,
        name: str,
        start: Callable[[], T],
        steps: Callable[[T], Iterator[object]],
        kind: Kind[T],
    ) -> T:
        """A stage of steps that change what it starts with, in place; it goes on from any of them.

        `steps` takes those that are left.
        """
        with self.journal.stage(name) as stage:
            found = start() if stage.kept is None else kind.made(self._back_at(stage.kept))
            for _ in steps(found):
                stage.offer(lambda: self._standing(kind.values(found)))
            if not stage.complete:
                stage.finish(self._standing(kind.values(found)))
            return found

    def _standing(self, value: Any) -> dict[str, Any]:
        """A value, and where the fit stands that has come to it."""
        return {
            "value": value,
            "generator": self.rng.bit_generator.state,
            "position": self.samples.position,
            "history": series_values(self.history),
        }

    def _back_at(self, kept: dict[str, Any]) -> Any:
        """The value, once the fit stands where it stood."""
        self.rng.bit_generator.state = kept["generator"]
        self.samples.seek(kept["position"])
        before = self._n_steps
        remember(self.history, kept["history"])
        if isinstance(self.report, StepProgress):
            self.report.skip(self._n_steps - before)
        return kept["value"]

    @property
    def _n_steps(self) -> int:
        """In the history."""
        return len(self.history.get("penalty", ()))

    def record(self, figures: dict[str, float]) -> None:
        """The figures of one step, into the history and to whoever watches."""
        extend_history(self.history, figures)
        self.report(figures)

    def forget(self, n_steps: int) -> None:
        """Keep the history of the first steps alone: what came later led nowhere."""
        for values in self.history.values():
            del values[n_steps:]

    def mark(self, restart: float) -> None:
        """Mark the steps taken since the last mark as those of this start."""
        marks = self.history.setdefault("restart", [])
        marks.extend([float(restart)] * (len(self.history["penalty"]) - len(marks)))

    def warn_if_unsettled(self) -> None:
        """Warn if the evidence was still rising when the noise had settled and the steps ran out."""
        evidence = np.array(self.history["log_evidence"])[-self.settings.n_steps :]
        evidence = evidence[np.isfinite(evidence)]
        if self.settings.n_steps < _FEWEST_STEPS:
            gain = np.inf
        elif evidence.size < 4:
            return
        else:
            gain = (evidence[-1] - evidence[-3]) / self.samples.n_features
        if gain > _SETTLED:
            warnings.warn(
                f"the fit has not settled after max_iter={self.settings.n_steps} steps a run: its evidence was still "
                "rising. Raise `max_iter`.",
                ConvergenceWarning,
                stacklevel=3,
            )
