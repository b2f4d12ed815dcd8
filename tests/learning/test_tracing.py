"""Traces of a rule, and what single samples contribute to its direction."""

import numpy as np
import pytest

from overica.datasets import make_exponential
from overica.learning import (
    RULES,
    LearningRule,
    Model,
    contributions,
    direction,
    get_rule,
    infer,
    trace,
)
from overica.priors import get_prior

DATA = make_exponential(1000, jitter=0.0, random_state=0)
START = DATA.mixing + 0.3 * np.random.default_rng(0).standard_normal((2, 3))


@pytest.mark.parametrize("prior", ["laplace", "exponential", "smooth_laplace"])
@pytest.mark.parametrize("rule", list(RULES))
def test_contributions_have_the_direction_as_their_mean(rule, prior):
    model = Model(START, get_prior(prior), 0.1)
    X = DATA.X[:30]
    expected = direction(rule, model, X)
    got = contributions(rule, model, X)
    assert got.shape == (30, 2, 3)
    np.testing.assert_allclose(got.mean(axis=0), expected, atol=1e-5)
    assert got.std(axis=0).min() > 1e-3
    posterior, chosen = infer(model, X), get_rule(rule)
    sums = chosen.statistics(model, posterior)
    whole = chosen.direction(START, sums, len(X), posterior.activity / len(X))
    np.testing.assert_allclose(expected, whole, atol=1e-12)


def test_trace_starts_where_it_is_told_and_takes_the_rule_s_first_step():
    course = trace("natural", START, DATA.X, "exponential", n_steps=3, schedule="constant",
                   learning_rate=0.1, annealing=(0.05, 0.05))  # fmt: skip
    model = Model(START, get_prior("exponential"), 0.05 * np.sqrt(2))
    step = 0.1 * contributions("natural", model, DATA.X).mean(axis=0)
    np.testing.assert_array_equal(course.mixing[0], START)
    np.testing.assert_allclose(course.mixing[1], START + step, atol=1e-12)
    active = (infer(model, DATA.X).codes > 0).mean(axis=0)
    np.testing.assert_allclose(course.activity[0], active)
    assert course.mixing.shape == (4, 2, 3)
    assert {len(values) for values in course.history.values()} == {3}


def test_same_seed_same_trace():
    one, same, other = (
        trace("evidence", START, DATA.X, "exponential", n_steps=5, batch_size=50, random_state=seed)
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one.mixing, same.mixing)
    assert np.abs(one.mixing[-1] - other.mixing[-1]).max() > 1e-6


class Starving(LearningRule):
    """Shrinks the first column until the penalty keeps it silent, and leaves the others alone."""

    name = "starving"

    def statistics(self, model, posterior):
        return {"none": np.zeros(1)}

    def direction(self, A, sums, n_samples, activity):
        return -A * (np.arange(A.shape[1]) == 0)


def test_death_is_the_step_of_the_first_batch_without_a_source():
    course = trace(Starving(), DATA.mixing, DATA.X, "exponential", n_steps=20, learning_rate=0.5,
                   schedule="constant")  # fmt: skip
    death = course.first_death
    assert death is not None
    assert (course.activity[:death, 0] > 0).all()
    assert (course.activity[death:, 0] == 0).all()
    assert course.deaths.tolist() == [death, -1, -1]
    assert trace("evidence", START, DATA.X, "exponential", n_steps=20).first_death is None


class Exploding(Starving):
    name = "exploding"

    def direction(self, A, sums, n_samples, activity):
        return 100 * A


def test_explosion_ends_the_trace_and_says_why():
    course = trace(Exploding(), START, DATA.X, "exponential", schedule="constant")
    assert course.failure is not None
    assert "exploded at step" in course.failure
    assert len(course.activity) == len(course.mixing) - 1 < 10


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"mixing": np.ones((3, 3))}, r"`X` must have shape .*n_features=3"),
        ({"n_steps": 0}, "`n_steps`"),
        ({"learning_rate": 0.0}, "`learning_rate`"),
        ({"batch_size": 0}, "`batch_size`"),
        ({"rule": "newton"}, "`rule` must be"),
        ({"annealing": (0.1, 0.2)}, "`annealing` must not rise"),
    ],
)
def test_malformed_arguments_are_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        trace(**({"rule": "evidence", "mixing": START, "X": DATA.X} | wrong))
