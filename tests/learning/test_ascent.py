"""The loop: collapse of the published rule, errors, the best state, calibration."""

from dataclasses import replace

import numpy as np
import pytest

from overica.datasets import make_mixture
from overica.initialisation import start_mixing
from overica.learning import Evidence, LearningError, LearningRule, Model, get_rule, infer
from overica.learning.ascent import Ascent, State
from overica.learning.calibration import calibrate, rescale, usage
from overica.learning.samples import Samples
from overica.metrics import share_recovered
from overica.priors import get_prior
from overica.schedules import Annealing, Constant, Cosine


@pytest.fixture(scope="module")
def data():
    return make_mixture(3000, 8, 16, "sparse_laplace", n_active=3, random_state=0)


def run(
    data, rule, *, start=None, learning_rate=0.3, n_steps=150, annealing=(0.5, 0.05), schedule=None
):
    rng = np.random.default_rng(0)
    samples = Samples(data.X, center=True, rng=rng)
    n = data.mixing.shape[1]
    A = start_mixing("orthogonal", samples.held_out, n, rng, False) if start is None else start
    model = Model(A, get_prior("laplace"), 1.0)
    ascent = Ascent(
        get_rule(rule), schedule or Cosine(), Annealing(*annealing), learning_rate, n_steps, 500
    )
    history, rows = {}, []
    course = ascent.begin(model, samples)
    models = list(ascent.run(course, samples, rng, history, rows.append))
    return models, history, rows


def test_published_rule_collapses_where_ours_does_not(data):
    models, history, _ = run(data, "evidence")
    assert share_recovered(models[-1].mixing, data.mixing) > 0.7
    assert history["dead"][-1] == 0
    with pytest.raises(
        LearningError, match=r"all components are dead .*'natural'.*use rule 'evidence'"
    ):
        run(data, "natural")


def test_published_rule_shrinks_an_unused_column_for_ever():
    A = np.eye(2)
    A[1, 1] = 1e-3
    X = np.random.default_rng(0).laplace(size=(200, 1)) * [1.0, 0.0]
    model = Model(A, get_prior("laplace"), 0.05)
    posterior = infer(model, X)
    change = get_rule("natural").direction(
        A, get_rule("natural").statistics(model, posterior), 200, posterior.activity / 200
    )
    np.testing.assert_allclose(change[:, 1], -A[:, 1])
    change = Evidence().direction(
        A, Evidence().statistics(model, posterior), 200, posterior.activity / 200
    )
    np.testing.assert_allclose(change[:, 1], A[:, 1])


@pytest.mark.parametrize("rule", ["natural", "evidence"])
def test_one_step_of_any_rule_from_the_truth_stays_near(data, rule):
    A = rescale(Model(data.mixing, get_prior("laplace"), 0.1), data.X).mixing
    models, _, _ = run(
        data,
        rule,
        start=A,
        n_steps=5,
        learning_rate=0.01,
        annealing=(0.05, 0.05),
        schedule=Constant(),
    )
    assert share_recovered(models[-1].mixing, data.mixing) == 1


class Exploding(LearningRule):
    name = "exploding"

    def statistics(self, model, posterior):
        return {"none": np.zeros(1)}

    def direction(self, A, sums, n_samples, activity):
        return 1e3 * A


class Undefined(Exploding):
    name = "undefined"

    def direction(self, A, sums, n_samples, activity):
        return np.full_like(A, np.nan)


class Vanishing(Exploding):
    name = "vanishing"

    def direction(self, A, sums, n_samples, activity):
        return -A


@pytest.mark.parametrize("kind", [Exploding, Undefined])
def test_explosion_says_what_happened_and_what_to_change(data, kind):
    message = rf"exploded at step \d+ .*'{kind.name}'.*`learning_rate`.*`annealing`.*'evidence'"
    with pytest.raises(LearningError, match=message):
        run(data, kind())


def test_death_says_what_happened_and_what_to_change(data):
    message = r"all components are dead at step \d+ .*'vanishing'.*`learning_rate`.*'evidence'"
    with pytest.raises(LearningError, match=message):
        run(data, Vanishing(), schedule=Constant(), learning_rate=0.9)


class GoodThenBad(Evidence):
    name = "good_then_bad"

    def direction(self, A, sums, n_samples, activity):
        self.count = getattr(self, "count", 0) + 1
        if self.count > 60:
            return np.random.default_rng(self.count).standard_normal(A.shape)
        return super().direction(A, sums, n_samples, activity)


def test_best_state_is_kept_not_the_last(data):
    models, history, _ = run(
        data, GoodThenBad(), n_steps=120, annealing=(0.1, 0.1), schedule=Constant()
    )
    assert share_recovered(models[-1].mixing, data.mixing) > 0.5
    judged = np.array(history["log_evidence"])
    last, best = judged[-1], np.nanmax(judged)
    assert best > last + 1
    assert models[-1] is not models[10]


def test_history_has_every_figure_of_every_step(data):
    models, history, rows = run(data, "evidence", n_steps=37)
    assert len(models) == len(rows) == 37
    assert {len(values) for values in history.values()} == {37}
    assert set(rows[0]) == set(history)
    judged = np.isfinite(history["log_evidence"])
    assert judged[-1]
    assert 6 <= judged.sum() <= 13
    for name, values in history.items():
        if name != "log_evidence":
            assert np.isfinite(values).all(), name
    assert history["penalty"][0] > history["penalty"][-1]


def test_steps_are_capped(data):
    rule = Evidence()
    state = State(Model(data.mixing.copy(), get_prior("laplace"), 1e-3))
    ascent = Ascent(rule, Constant(), Annealing(0.5, 0.5), 50.0, 1, 500)
    before = state.model.mixing
    ascent.advance(state, data.X[:200], 50.0)
    relative = np.linalg.norm(state.model.mixing - before, axis=0) / np.linalg.norm(before, axis=0)
    assert relative.max() <= rule.max_relative_step + 1e-12
    assert relative.max() > 0.9 * rule.max_relative_step


def test_batch_of_zeros_is_survived():
    state = State(Model(np.eye(3), get_prior("laplace"), 0.5))
    ascent = Ascent(Evidence(), Constant(), Annealing(0.5, 0.5), 0.3, 1, 10)
    row = ascent.advance(state, np.zeros((10, 3)), 0.3)
    assert row["n_active"] == 0
    assert row["unexplained"] == 0
    assert np.isfinite(state.model.mixing).all()


def test_rescaled_columns_have_active_codes_of_mean_one(data):
    # Whose norm is at the equilibrium does not move along itself; one rescaling brings the others nearer.
    X = data.X[:, :1] @ np.ones((1, 1))
    model = rescale(Model(np.array([[5.0]]), get_prior("laplace"), 0.01), X, rounds=20)
    codes = np.abs(infer(model, X).codes)
    assert codes.sum() / (codes > 0).sum() == pytest.approx(1, abs=1e-3)


def test_calibration_raises_the_evidence_and_keeps_directions(data):
    model = Model(data.mixing, get_prior("laplace"), 2.0)
    found = calibrate(model, data.X, data.X[:500], noise_variance=None)
    found = found[0] if isinstance(found, tuple) else found
    assert found.penalty < 2.0
    assert share_recovered(found.mixing, data.mixing, threshold=1 - 1e-9) == 1
    fixed = calibrate(model, data.X, data.X[:500], noise_variance=0.03)
    fixed = fixed[0] if isinstance(fixed, tuple) else fixed
    assert fixed.noise_variance == 0.03


def test_usage_does_not_depend_on_the_split_of_length_and_code(data):
    model = Model(data.mixing, get_prior("laplace"), 0.01)
    longer = replace(model, mixing=2 * data.mixing, penalty=0.02)
    np.testing.assert_allclose(usage(model, data.X), usage(longer, data.X), rtol=1e-6)
