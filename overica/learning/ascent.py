"""The outer loop: one driver owns schedules, history, the best state, and everything that can go wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from overica._validation import Array, as_numpy, namespace
from overica.backend import placed
from overica.distributed import broadcast
from overica.distributed.exchange import total
from overica.learning.adding import add_up
from overica.learning.crowding import next_floor, sparse_enough
from overica.learning.evidence import enough_judges, judge
from overica.learning.feeding import feed
from overica.learning.misfit import least_penalty
from overica.learning.posterior import Model
from overica.learning.rules import LearningRule, Sums, named_surplus_rules
from overica.learning.samples import Samples
from overica.schedules import Annealing, Schedule

History = dict[str, list[float]]
Report = Callable[[dict[str, float]], None]
"""Called after every step with that step's figures."""

_MEMORY = 0.9
_JUDGES = 1000
_EXPLODED = 1e8
_PATIENCE = 30
_RAREST = 1e-6


def extend_history(history: History, figures: dict[str, float]) -> None:
    """The figures of one more step."""
    for name, value in figures.items():
        history.setdefault(name, []).append(value)


class LearningError(RuntimeError):
    """A fit that cannot go on; says what happened and what to change."""


@dataclass
class State:
    """Where a run of steps stands; carried from one batch to the next."""

    model: Model
    activity: Array | None = None
    """Share of samples in which each source is active, smoothed over batches."""
    present: Array | None = None
    """That share in the latest batch alone."""
    step: int = 0
    idle: int = 0
    """Steps since any source was last active."""
    floor: float | None = None
    """Penalty below which no step is taken, see `overica.learning.crowding`; None before the first."""
    scheduled: float | None = None
    """Penalty that the latest step would have had but for that; None before the first."""
    least: float = 0.0
    """Penalty below which steps do not go once annealing has ended, see `overica.learning.misfit`."""

    def leave(self) -> None:
        """To the device of the model, in place."""
        self.model = self.model.sent()
        if self.activity is not None and not isinstance(self.model.mixing, np.ndarray):
            self.activity = placed(self.activity, self.model.device, self.model.step_dtype)

    def beside(self, batch: Array) -> Array:
        """Samples where the mixing matrix lies."""
        if isinstance(self.model.mixing, np.ndarray) or not isinstance(batch, np.ndarray):
            return batch
        return placed(batch, self.model.device, self.model.step_dtype)

    def home(self) -> State:
        """The same in host memory."""
        activity, present = (
            None if v is None else as_numpy(v) for v in (self.activity, self.present)
        )
        return replace(self, model=self.model.home(), activity=activity, present=present)

    def come_home(self) -> None:
        """Into host memory, in place."""
        vars(self).update(vars(self.home()))


@dataclass
class Course:
    """Where a run stands that is judged on its way; carried from one step to the next."""

    state: State
    best: Model
    score: float = -np.inf
    """Held-out evidence of the best."""


@dataclass(frozen=True)
class Ascent:
    """A run of learning steps.

    Each step draws a batch, adds up the rule's statistics over its posterior under the present model, and moves A. The
    state with the highest held-out evidence is kept, not the last.
    """

    rule: LearningRule
    schedule: Schedule
    annealing: Annealing
    learning_rate: float
    n_steps: int
    batch_size: int
    n_checks: int = 12
    """How often the held-out evidence is looked at; once costs as much as a few steps."""

    def begin(self, model: Model, samples: Samples) -> Course:
        """Where a run from a model starts."""
        if self.annealing.start != self.annealing.end:
            return Course(State(model), model)
        # A refining run may only improve on what it is given.
        start = replace(model, penalty=self._penalty(0, samples))
        return Course(State(model), *judge(start, _few(samples, model)))

    def run(
        self,
        course: Course,
        samples: Samples,
        rng: np.random.Generator,
        history: History,
        report: Report,
    ) -> Iterator[Model]:
        """The best model so far, after every step that is left; extends `history` by one entry per step.

        Raises
        ------
        LearningError
            If the mixing matrix explodes, or no source is active any more.
        """
        state = course.state
        judges = _few(samples, state.model)
        spacing = max(1, self.n_steps // self.n_checks)
        for row in self.steps(state, samples, rng):
            if state.step % spacing == 0 or state.step == self.n_steps:
                judged, row["log_evidence"] = judge(state.model.home(), judges)
                settled = state.step / self.n_steps >= self.annealing.settled
                if state.least == 0.0 and settled and self.annealing.start != self.annealing.end:
                    # Once: norms rise with the penalty, and the level with them.
                    state.least = least_penalty(judged)
                if row["log_evidence"] >= course.score:
                    course.best, course.score = judged, row["log_evidence"]
            extend_history(history, row)
            report(row)
            yield course.best

    def steps(
        self, state: State, samples: Samples, rng: np.random.Generator
    ) -> Iterator[dict[str, float]]:
        """The steps of a run that are left, in place, and no judgement: the figures of each.

        The state is on the model's device until the steps end.
        """
        state.leave()
        try:
            with feed(samples, state.model) as batches:
                for step in range(state.step, self.n_steps):
                    rate = self.learning_rate * self.schedule.factor((step + 1) / self.n_steps)
                    penalty = max(self._penalty(step, samples), state.least)
                    state.model = replace(state.model, penalty=penalty)
                    if state.floor is None and state.model.prior.l1_weights() is not None:
                        # By samples that all ranks have.
                        state.floor = sparse_enough(state.model, state.beside(samples.held_out))
                    batch = batches.batch(self.batch_size, rng, more=step + 1 < self.n_steps)
                    yield self.advance(state, batch, rate)
        finally:
            state.come_home()

    def _penalty(self, step: int, samples: Samples) -> float:
        return self.annealing.penalty(step / self.n_steps, samples.n_features)

    def advance_stream(self, state: State, batch: np.ndarray) -> dict[str, float]:
        """One step on the next batch of data that never end, in place; the step's figures.

        The penalty anneals over the first `n_steps` and then stays; the learning rate stays at its peak, and the
        presence is the activity.
        """
        if state.step < self.n_steps:
            penalty = self.annealing.penalty(state.step / self.n_steps, batch.shape[1])
            state.model = replace(state.model, penalty=penalty, noise_variance=penalty)
        elif state.scheduled is not None:
            # What was raised for a crowded batch comes down again with the columns that need it no longer.
            state.model = replace(state.model, penalty=state.scheduled)
        state.leave()
        row = self.advance(state, batch, self.learning_rate)
        state.come_home()
        assert state.activity is not None
        presence = np.clip(state.activity, _RAREST, 1 - _RAREST)
        state.model = replace(state.model, presence=presence)
        return row

    def advance(self, state: State, batch: Array, rate: float) -> dict[str, float]:
        """One step on one batch, of several ranks on the batches of all, in place; the step's figures.

        Where the mixing matrix lies.
        """
        batch = state.beside(batch)
        scheduled = state.scheduled = state.model.penalty
        floor = broadcast(sparse_enough(state.model, batch)) if state.floor is None else state.floor
        model = state.model = replace(state.model, penalty=max(scheduled, floor))
        return self._move(state, total(add_up(model, self.rule, batch)), scheduled, rate)

    def _move(self, state: State, sums: Sums, scheduled: float, rate: float) -> dict[str, float]:
        """The step that sums over a batch ask for, in place; no sample is looked at any more."""
        model, n_samples = state.model, sums["n_samples"]
        A, xp = model.mixing, namespace(model.mixing)
        present = state.present = sums["activity"] / n_samples
        active = bool(present.any())
        if state.activity is None or not active:
            # Where all have fallen silent, what was active before says nothing any more.
            state.activity = present
        else:
            state.activity = _MEMORY * state.activity + (1 - _MEMORY) * present
        with np.errstate(all="ignore"):
            change = rate * self.rule.direction(A, sums, n_samples, state.activity)
            norms = xp.linalg.vector_norm(A, axis=0)
            relative = xp.linalg.vector_norm(change, axis=0) / norms
            change *= xp.clip(self.rule.max_relative_step / xp.clip(relative, min=1e-300), max=1)
        state.model = replace(model, mixing=A + change)
        state.step += 1
        n_active = sums["n_active"] / n_samples
        if model.prior.l1_weights() is not None:
            state.floor = next_floor(model.penalty, scheduled, n_active, A.shape[0])
        state.idle = 0 if active else state.idle + 1
        self._check(state)
        activity, norms, relative = (as_numpy(v) for v in (state.activity, norms, relative))
        return {
            "penalty": model.penalty,
            "learning_rate": rate,
            "n_active": float(present.sum()),
            "unexplained": sums["residual_power"] / sums["power"] if sums["power"] > 0 else 0.0,
            "dead": float((activity < 1e-3 * activity.max()).mean()),
            "smallest_norm": float(norms.min()),
            "largest_norm": float(norms.max()),
            "relative_change": float(np.median(np.minimum(relative, self.rule.max_relative_step))),
            "log_evidence": float("nan"),
        }

    def _check(self, state: State) -> None:
        rule = self.rule.name
        otherwise = "" if self.rule.surplus_columns else f", or use rule {named_surplus_rules()}"
        largest = float(abs(state.model.mixing).max())
        if not largest < _EXPLODED:
            raise LearningError(
                f"the mixing matrix exploded at step {state.step} (largest entry {largest:.1e} times the scale of "
                f"the data) under rule {rule!r}: lower `learning_rate` or raise `annealing`{otherwise}"
            )
        if state.idle > _PATIENCE:
            raise LearningError(
                f"all components are dead at step {state.step} under rule {rule!r}: no sample had a "
                f"non-zero code for {_PATIENCE} steps. Lower `learning_rate` or `annealing`{otherwise}"
            )


def _few(samples: Samples, model: Model) -> np.ndarray:
    """Held-out samples that judge a run on its way."""
    return samples.held_out[: min(_JUDGES, enough_judges(model))]
