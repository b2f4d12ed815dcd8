"""A rule under the glass: every step from a given start, and what a batch and each of its samples ask for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from overica._validation import check_array, check_scalar
from overica.learning.ascent import Ascent, History, LearningError, State, extend_history
from overica.learning.posterior import Model, infer
from overica.learning.rules import LearningRule, get_rule
from overica.priors import Prior, get_prior
from overica.random_state import generator
from overica.schedules import Annealing, Schedule, get_schedule


@dataclass(frozen=True)
class Trace:
    """The whole course of a run, collapse included.

    Examples
    --------
    >>> from overica.learning import trace
    >>> X = np.random.default_rng(0).laplace(size=(200, 2))
    >>> course = trace("natural", np.eye(2), X, n_steps=3, random_state=0)
    >>> course.mixing.shape, course.failure is None
    ((4, 2, 2), True)
    """

    mixing: np.ndarray
    """Before the first step and after each, (n_taken + 1, n_features, n_components)."""
    activity: np.ndarray
    """Share of the step's batch in which each source is active, (n_taken, n_components)."""
    history: History
    """Figures of every step, as in ``OvercompleteICA.history_``."""
    failure: str | None
    """Why the run ended before its last step; None if it did not."""

    @property
    def deaths(self) -> np.ndarray:
        """Step from which on each source is never active again, -1 for one that lives to the end, (n_components,).

        A source that only the very last step leaves without a sample counts as alive.
        """
        n_taken, n_components = self.activity.shape
        steps = np.arange(n_taken)[:, None]
        last = np.where(self.activity > 0, steps, -1).max(axis=0, initial=-1)
        return np.where(last < n_taken - 2, last + 1, -1) if n_taken else np.full(n_components, -1)

    @property
    def first_death(self) -> int | None:
        """The earliest of `deaths`; None if all sources live."""
        dead = self.deaths[self.deaths >= 0]
        return int(dead.min()) if dead.size else None


def trace(
    rule: str | LearningRule,
    mixing: np.ndarray,
    X: np.ndarray,
    prior: str | Prior = "laplace",
    *,
    n_steps: int = 300,
    learning_rate: float = 1.0,
    schedule: str | Schedule = "cosine",
    annealing: tuple[float, float] = (0.5, 0.05),
    batch_size: int | None = None,
    random_state: int | np.random.Generator | None = None,
) -> Trace:
    """Follow a learning rule from a start, with nothing in between: no surplus, no restarts, no best state.

    What `OvercompleteICA` wraps in safeguards, bare. Sources have scale one, so that the lengths of the columns, which
    matter here, are the sources' scales; samples are taken as they are, neither centred nor scaled.

    Parameters
    ----------
    rule : str or LearningRule
        A name in `RULES`, or an instance.
    mixing : array (n_features, n_components)
        Where to start.
    X : array (n_samples, n_features)
        Samples, best of unit variance per feature: `annealing` is relative to that.
    prior : str or Prior
        Its scale is ignored.
    n_steps : int
        Steps to take.
    learning_rate : float
        Peak.
    schedule : str or Schedule
        Course of the learning rate.
    annealing : (float, float)
        Noise level in the first step and from 70 % of the steps on, times ``sqrt(n_features)``.
    batch_size : int or None
        Samples per step, drawn with replacement; None takes all of them, each once.
    random_state : int, numpy Generator or None
        Draws the batches.

    Returns
    -------
    Trace
        Of as many steps as it took until learning could not go on.

    Raises
    ------
    ValueError
        If an argument is malformed.

    Examples
    --------
    >>> from overica.datasets import make_exponential
    >>> from overica.metrics import mean_cosine
    >>> data = make_exponential(2000, jitter=0.0, random_state=0)
    >>> start = data.mixing + 0.2 * np.random.default_rng(0).standard_normal((2, 3))
    >>> course = trace("evidence", start, data.X, "exponential", n_steps=100)
    >>> len(course.mixing), course.failure, course.first_death
    (101, None, None)
    >>> mean_cosine(course.mixing[-1], data.mixing, nonnegative=True) > 0.99
    True
    """
    A, X = _checked(mixing, X)
    n_steps = check_scalar(n_steps, "n_steps", minimum=1, integer=True)
    if batch_size is not None:
        batch_size = check_scalar(batch_size, "batch_size", minimum=1, integer=True)
    levels, pace = Annealing(*annealing), get_schedule(schedule)
    peak = check_scalar(learning_rate, "learning_rate", strict=True)
    ascent = Ascent(get_rule(rule), pace, levels, peak, n_steps, batch_size or len(X))
    rng = generator(random_state)
    template = get_prior(prior).with_scale(1.0)
    state = State(Model(A, template, levels.penalty(0.0, X.shape[1])))
    path, activity, failure = [A], [], None
    history: History = {}
    for step in range(n_steps):
        penalty = levels.penalty(step / n_steps, X.shape[1])
        state.model = Model(state.model.mixing, template, penalty)
        batch = X if batch_size is None else X[rng.integers(0, len(X), batch_size)]
        try:
            row = ascent.advance(state, batch, peak * pace.factor((step + 1) / n_steps))
        except LearningError as error:
            failure = str(error)
            row = {}
        path.append(state.model.mixing)
        activity.append(state.present)
        if failure:
            break
        extend_history(history, row)
    return Trace(np.array(path), np.array(activity), history, failure)


def direction(rule: str | LearningRule, model: Model, X: np.ndarray) -> np.ndarray:
    """Change of A that a rule asks for on a batch, per unit of learning rate, (n_features, n_components).

    Activity is that of the batch, and no step is capped.

    Parameters
    ----------
    rule, model, X
        As in `contributions`, whose mean over the samples this is.

    Returns
    -------
    array (n_features, n_components)

    Raises
    ------
    ValueError
        If the rule is unknown or X malformed.

    Examples
    --------
    >>> model = Model(np.array([[1.0]]), get_prior("laplace"), 0.5)
    >>> direction("natural", model, np.array([[3.0], [0.0]]))
    array([[0.25]])
    """
    chosen = get_rule(rule)
    A, X = _checked(model.mixing, X)
    posterior = infer(model, X)
    sums = chosen.statistics(model, posterior)
    return chosen.direction(A, sums, len(X), posterior.activity / len(X))


def contributions(rule: str | LearningRule, model: Model, X: np.ndarray) -> np.ndarray:
    """What each sample of a batch adds to the direction of a rule, (n_samples, n_features, n_components).

    Their mean is the rule's direction on the batch,

        mean_i c_i = direction(A, sum_i statistics(x_i), n, activity),

    with what scales steps (`LearningRule.common`, activity) taken from the whole batch.

    Parameters
    ----------
    rule : str or LearningRule
        A name in `RULES`, or an instance.
    model : Model
        Mixing matrix, prior and penalty.
    X : array (n_samples, n_features)
        The batch.

    Returns
    -------
    array (n_samples, n_features, n_components)

    Raises
    ------
    ValueError
        If the rule is unknown or X malformed.

    Examples
    --------
    One source, one feature: the published rule moves A by ``A (|s| - 1)``.

    >>> model = Model(np.array([[1.0]]), get_prior("laplace"), 0.5)
    >>> contributions("natural", model, np.array([[3.0], [0.0]])).ravel()
    array([ 1.5, -1. ])
    """
    chosen = get_rule(rule)
    A, X = _checked(model.mixing, X)
    posterior = infer(model, X)
    n_samples, activity = len(X), posterior.activity / len(X)
    total = chosen.statistics(model, posterior)
    changes = np.empty((n_samples, *A.shape))
    for i in range(n_samples):
        own = chosen.statistics(model, infer(model, X[i : i + 1]))
        sums = {
            name: total[name] if name in chosen.common else n_samples * own[name] for name in own
        }
        changes[i] = chosen.direction(A, sums, n_samples, activity)
    return changes


def _checked(mixing: np.ndarray, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    A = check_array(mixing, "mixing", {"n_features": None, "n_components": None})
    X = check_array(X, "X", {"n_samples": None, "n_features": A.shape[0]})
    return np.array(A, np.float64), np.ascontiguousarray(X, np.float64)
