"""Learning rules: gradients against finite differences, identities, sums over batches."""

from dataclasses import replace

import numpy as np
import pytest

from overica.inference import ActiveSet, Fista, MAPProblem, solve
from overica.learning import (
    RULES,
    Evidence,
    Inverse,
    LearningRule,
    Model,
    Natural,
    get_rule,
    infer,
    log_evidence,
)
from overica.learning.choosing import choose_search
from overica.learning.fitting import Fit, FitSettings
from overica.learning.samples import Samples
from overica.priors import get_prior
from overica.schedules import Annealing, Cosine
from tests.learning.inverses import inverses

L1 = ["laplace", "exponential"]
PRIORS = [*L1, "smooth_laplace"]
PENALTY = 0.3


def model_and_samples(prior, n_samples=40, seed=0):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((3, 5))
    A /= np.linalg.norm(A, axis=0)
    S = get_prior(prior).sample((n_samples, 5), rng) * (rng.random((n_samples, 5)) < 0.5)
    X = S @ A.T + 0.1 * rng.standard_normal((n_samples, 3))
    return Model(A, get_prior(prior), PENALTY), X


def codes_at(model, X):
    return solve(MAPProblem(model.mixing, X, model.prior, model.penalty), tol=1e-12).codes


def laplace_evidence(model, X, curvature=None):
    """Laplace-approximated log evidence summed over samples, less what does not depend on A.

    Over each sample's own active sources for l1 costs, with the codes solved anew; with `curvature` that
    of the cost is held at what it is given as.
    """
    A, penalty = model.mixing, model.penalty
    codes = codes_at(model, X)
    total = -MAPProblem(A, X, model.prior, penalty).objective(codes).sum()
    for i, s in enumerate(codes):
        if curvature is None:
            active = A[:, s != 0]
            H = active.T @ active / penalty
        else:
            H = A.T @ A / penalty + np.diag(curvature[i])
        total -= 0.5 * np.linalg.slogdet(H)[1]
    return total


def finite_differences(function, A, step=1e-5):
    gradient = np.empty_like(A)
    for index in np.ndindex(A.shape):
        up, down = A.copy(), A.copy()
        up[index] += step
        down[index] -= step
        gradient[index] = (function(up) - function(down)) / (2 * step)
    return gradient


@pytest.mark.parametrize("prior", L1)
def test_evidence_rule_is_gradient_of_the_laplace_evidence(prior):
    model, X = model_and_samples(prior)
    posterior = infer(model, X)
    assert 1 < posterior.n_active.mean() < 3
    expected = finite_differences(
        lambda A: laplace_evidence(replace(model, mixing=A), X), model.mixing
    )
    got = Evidence().statistics(model, posterior)["gradient"]
    assert np.abs(got - expected).max() < 1e-5 * np.abs(expected).max()


def test_evidence_rule_is_gradient_at_held_curvature_for_smooth_costs():
    # The rule neglects that the curvature of a smooth cost moves with the codes. At held curvature it is exact.
    model, X = model_and_samples("smooth_laplace")
    curvature = model.prior.curvature(codes_at(model, X))
    expected = finite_differences(
        lambda A: laplace_evidence(replace(model, mixing=A), X, curvature), model.mixing
    )
    posterior = infer(model, X)
    assert (posterior.n_active == 5).all()
    got = Evidence().statistics(model, posterior)["gradient"]
    assert np.abs(got - expected).max() < 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("prior", PRIORS)
def test_evidence_rule_is_gradient_of_the_expected_likelihood(prior):
    # E_q |x - A s|^2 = |x - A mode|^2 + tr(A C A'), for q = N(mode, C) held as it is.
    model, X = model_and_samples(prior)
    posterior = infer(model, X)
    curvature = (
        None if model.prior.l1_weights() is not None else model.prior.curvature(posterior.codes)
    )
    covariance = model.penalty * inverses(model, posterior.codes, curvature)[0]

    def expected_log_likelihood(A):
        squares = ((X - posterior.codes @ A.T) ** 2).sum() + np.trace(A @ covariance @ A.T)
        return -squares / (2 * model.penalty)

    expected = finite_differences(expected_log_likelihood, model.mixing)
    got = Evidence().statistics(model, posterior)["gradient"]
    np.testing.assert_allclose(got, expected, rtol=1e-7, atol=1e-7 * np.abs(expected).max())


@pytest.mark.parametrize("prior", L1)
def test_residual_is_the_pseudo_inverse_of_the_signs(prior):
    model, X = model_and_samples(prior)
    posterior = infer(model, X)
    for s, r in zip(posterior.codes, posterior.residual, strict=True):
        a = s != 0
        if a.any():
            expected = PENALTY * np.linalg.pinv(model.mixing[:, a]).T @ np.sign(s[a])
            # The residual is explained on the span of the active columns; beyond it, it is the data's own.
            span = model.mixing[:, a] @ np.linalg.pinv(model.mixing[:, a])
            np.testing.assert_allclose(span @ r, expected, atol=1e-9)


@pytest.mark.parametrize("prior", L1)
def test_evidence_rule_is_the_published_form_on_active_sources(prior):
    # Along the active columns, A_a'G = -(z s' + I): what the paper has for all sources at once.
    model, X = model_and_samples(prior, n_samples=1)
    posterior = infer(model, X)
    s = posterior.codes[0]
    a = s != 0
    gradient = Evidence().statistics(model, posterior)["gradient"]
    z = -np.sign(s[a])
    published = -(np.outer(z, s[a]) + np.eye(a.sum()))
    np.testing.assert_allclose(model.mixing[:, a].T @ gradient[:, a], published, atol=1e-9)
    assert (gradient[:, ~a] == 0).all()


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("rule", list(RULES.values()))
def test_sums_of_half_batches_are_the_sums_of_the_batch(rule, prior):
    model, X = model_and_samples(prior)
    whole, first, second = (
        rule().statistics(model, infer(model, part)) for part in (X, X[:13], X[13:])
    )
    assert whole.keys() == first.keys() == second.keys()
    for name in whole:
        np.testing.assert_allclose(whole[name], first[name] + second[name], rtol=1e-6, atol=1e-8)


def test_published_rules_in_closed_form():
    model, X = model_and_samples("laplace")
    A = model.mixing
    posterior = infer(model, X)
    S = posterior.codes
    bracket = -np.sign(S).T @ S / len(X) + np.eye(5)
    activity = posterior.activity / len(X)
    for rule, expected in ((Natural(), -A @ bracket), (Inverse(), -np.linalg.pinv(A).T @ bracket)):
        got = rule.direction(A, rule.statistics(model, posterior), len(X), activity)
        np.testing.assert_allclose(got, expected, atol=1e-12)


def test_score_of_a_silent_source_is_zero_in_the_published_rule():
    # As sign(s) has it for sources of either sign.
    model, X = model_and_samples("exponential")
    posterior = infer(model, X)
    S = posterior.codes
    assert (S == 0).any()
    got = Natural().statistics(model, posterior)["score_codes"]
    np.testing.assert_allclose(got, -model.mixing @ (S > 0).T @ S, atol=1e-12)


def test_evidence_rule_is_at_rest_where_active_codes_have_mean_one():
    # One feature and one source: the norm's equilibrium is E[|s| | active] = 1.
    X = np.random.default_rng(0).laplace(size=(4000, 1))
    A = np.array([[1.0]])
    for _ in range(200):
        model = Model(A, get_prior("laplace"), 0.02)
        posterior = infer(model, X)
        activity = posterior.activity / len(X)
        A = A + 0.3 * Evidence().direction(
            A, Evidence().statistics(model, posterior), len(X), activity
        )
    active = posterior.codes[posterior.codes != 0]
    assert np.abs(active).mean() == pytest.approx(1.0, abs=1e-6)
    assert abs(A[0, 0]) == pytest.approx(1.0, abs=0.05)


def test_unused_column_grows_and_used_ones_do_not_because_of_it():
    A = np.eye(3)
    change = Evidence().direction(A, nothing(), 100, np.array([0.5, 0.5, 0.0]))
    np.testing.assert_array_equal(change, np.diag([0.0, 0.0, 1.0]))


def test_direction_is_finite_when_nothing_is_active():
    assert np.isfinite(Evidence().direction(np.eye(3), nothing(), 10, np.zeros(3))).all()


def nothing():
    """The sums of a batch in which no source is active."""
    model = Model(np.eye(3), get_prior("laplace"), 1.0)
    return Evidence().statistics(model, infer(model, np.zeros((10, 3))))


def test_rules_by_name():
    for name, kind in RULES.items():
        assert type(get_rule(name)) is kind
        assert kind.name == name
    mine = Evidence()
    assert get_rule(mine) is mine
    with pytest.raises(ValueError, match=r"`rule` must be .*'evidence'.*got 'newton'"):
        get_rule("newton")
    assert issubclass(Evidence, LearningRule)


class Own(Evidence):
    """A rule of one's own that keeps its columns alive."""

    name = "own"


@pytest.mark.parametrize(
    "rule", [*(kind() for kind in RULES.values()), Own()], ids=lambda rule: rule.name
)
def test_what_a_rule_can_do_decides_how_it_is_searched_with(rule):
    X = np.random.default_rng(0).laplace(size=(600, 3))
    rng = np.random.default_rng(0)
    settings = FitSettings(
        rule, Cosine(), Annealing(0.5, 0.05), 1.0, 10, 100, "orthogonal", 1.3, None, None
    )
    template = Model(np.empty((0, 0)), get_prior("laplace"), 1.0)
    fit = Fit(template, Samples(X, center=True, rng=rng), settings, rng)
    search = choose_search(fit)
    search = getattr(search, "sparse", search)
    assert (type(search).__name__ == "Surplus") == rule.surplus_columns
    if not rule.surplus_columns:
        with pytest.raises(ValueError, match="needs rule 'evidence'"):
            search.count()


@pytest.mark.parametrize("prior", L1)
def test_an_instance_of_the_solver_takes_the_path_of_its_name(prior):
    class Mine(ActiveSet):
        """Not what the kernels do, perhaps."""

    model, X = model_and_samples(prior)
    compiled = {
        kind: replace(model, solver=kind).compiled
        for kind in ("auto", "active_set", "fista", ActiveSet(), Fista(), Mine())
    }
    assert [kind for kind, there in compiled.items() if there] == list(compiled)[:2] + [
        kind for kind in compiled if type(kind) is ActiveSet
    ]
    named, given = (infer(replace(model, solver=kind), X) for kind in ("active_set", ActiveSet()))
    np.testing.assert_array_equal(given.cross, named.cross)


def test_a_model_in_other_units_says_the_same():
    model, X = model_and_samples("laplace")
    model = replace(model, noise_variance=0.1, presence=0.5)
    other = model.measured_in(8.0)
    np.testing.assert_allclose(infer(other, X / 8).codes, infer(model, X).codes, atol=1e-10)
    evidence = log_evidence(other, X / 8) - 3 * np.log(8)
    np.testing.assert_allclose(evidence, log_evidence(model, X), rtol=1e-9)
