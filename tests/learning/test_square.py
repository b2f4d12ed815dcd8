"""Sources that samples determine: their densities, the climb of the likelihood, and its parts."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from overica.learning import Model, log_evidence
from overica.learning.determined import codes
from overica.learning.relative import Moments, climb, rotation
from overica.learning.shapes import shapes
from overica.priors import Laplace, LogConcave
from overica.priors.log_concave import KNOTS

LAWS = {
    "laplace": stats.laplace(),
    "uniform": stats.uniform(-2, 4),
    "normal": stats.norm(scale=1.25),
    "exponential": stats.expon(loc=-1, scale=1.3),
}


def draws(name, size, seed=0):
    return LAWS[name].rvs(size=size, random_state=seed)


@pytest.mark.parametrize("name", LAWS)
def test_a_learned_density_is_near_to_a_log_concave_truth(name):
    prior = shapes(draws(name, 20_000)[:, None])
    fresh = draws(name, 20_000, seed=1)
    shortfall = LAWS[name].logpdf(fresh) - prior.log_density(fresh[:, None])[:, 0]
    # Edges are as soft as the kernel of the density is wide; scales are of one knot.
    assert -0.01 < shortfall.mean() < 0.06


@given(st.integers(0, 10_000), st.sampled_from(["two points", "cauchy", "few", "constant"]))
@settings(max_examples=40, deadline=None)
def test_any_values_have_a_log_concave_density(seed, kind):
    rng = np.random.default_rng(seed)
    values = {
        "two points": rng.choice([-1.0, 1.0], 500),
        "cauchy": rng.standard_cauchy(500),
        "few": rng.laplace(size=20),
        "constant": np.ones(500),
    }[kind]
    prior = shapes(values[:, None])
    assert (np.diff(prior.slopes[0]) >= 0).all()
    mass = np.exp(prior.log_density(np.linspace(-60, 60, 120_001)[:, None])).sum() * 1e-3
    assert mass == pytest.approx(1, abs=0.02)


def test_the_newton_step_is_that_of_the_likelihood():
    rng = np.random.default_rng(0)
    Z, W = rng.laplace(size=(2000, 3)), np.eye(3) + 0.1 * rng.standard_normal((3, 3))
    prior = LogConcave(slopes=np.tanh(KNOTS))

    def value(E):
        W_moved = (np.eye(3) + E) @ W
        costs = prior.cost(Z @ W_moved.T).sum(axis=1).mean()
        return np.linalg.slogdet(W_moved)[1] - costs

    moments = Moments.of(Z, W, prior)
    slope = np.empty((3, 3))
    for i, j in np.ndindex(3, 3):
        E = np.zeros((3, 3))
        E[i, j] = 1e-5
        slope[i, j] = (value(E) - value(-E)) / 2e-5
    np.testing.assert_allclose(np.eye(3) - moments.slope, slope, atol=1e-5)
    assert value(moments.step()) > value(np.zeros((3, 3)))


def test_moments_do_not_depend_on_how_many_are_taken_at_a_time(monkeypatch):
    rng = np.random.default_rng(0)
    Z, W, prior = rng.laplace(size=(100, 3)), rng.standard_normal((3, 3)), Laplace()
    whole = Moments.of(Z, W, prior)
    monkeypatch.setattr("overica.learning.relative._CHUNK_NUMBERS", 30)
    parts = Moments.of(Z, W, prior)
    for name in vars(whole):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name))


def test_a_climb_goes_up_between_estimates_of_the_densities_and_separates():
    rng = np.random.default_rng(1)
    S = np.stack([rng.uniform(-1, 1, 3000), rng.laplace(size=3000), rng.exponential(size=3000)], 1)
    S = (S - S.mean(axis=0)) / S.std(axis=0)
    Z = S @ rotation(rng.standard_normal((100, 3)), rng).T
    stages = list(climb(Z, rotation(Z, rng), 30))
    for before, after in pairwise(stages):
        assert after.prior is not before.prior or after.log_likelihood > before.log_likelihood
    assert stages[0].length == 0
    found = np.abs(np.corrcoef(Z @ stages[-1].W.T, S, rowvar=False)[:3, 3:])
    assert found.max(axis=1).min() > 0.995


def test_codes_without_noise_are_least_squares_whatever_the_prior():
    rng = np.random.default_rng(0)
    A, S = rng.standard_normal((5, 3)), rng.laplace(size=(20, 3))
    np.testing.assert_allclose(codes(A, S @ A.T), S)
    X = rng.standard_normal((20, 5)).astype(np.float32)
    assert codes(A, X).dtype == np.float32
    np.testing.assert_allclose(codes(A, X), np.linalg.lstsq(A, X.T, rcond=None)[0].T, atol=1e-5)


@pytest.mark.parametrize("n_features", [2, 3])
def test_evidence_without_noise_is_a_density(n_features):
    """The mass of a grid, and for two features the change of variables."""
    rng = np.random.default_rng(0)
    A = rng.standard_normal((n_features, 2)) + np.eye(n_features, 2)
    model = Model(A, Laplace(), penalty=0.0, noise_variance=0.04)
    if n_features == 2:
        S = rng.laplace(size=(50, 2))
        wanted = Laplace().log_density(S).sum(axis=1) - np.log(abs(np.linalg.det(A)))
        np.testing.assert_allclose(log_evidence(model, S @ A.T), wanted)
        return
    proposal = stats.multivariate_t(shape=A @ A.T * 2 + 0.05 * np.eye(3), df=3, seed=0)
    X = proposal.rvs(200_000)
    weights = np.exp(log_evidence(model, X) - proposal.logpdf(X))
    assert weights.mean() == pytest.approx(1, abs=4 * weights.std() / np.sqrt(len(X)))
