"""Posteriors of a batch: compiled moments, torch moments, and brute force, agree."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overica.learning import Model, codes_of, infer
from overica.learning.adding import add_up
from overica.learning.covariance import active_moments, smooth_moments
from overica.learning.rules import RULES
from overica.priors import Laplace, get_prior
from tests.learning.inverses import inverses


@pytest.mark.parametrize("prior", ["laplace", "exponential"])
@given(
    seed=st.integers(0, 10**6),
    shape=st.sampled_from([(1, 2), (2, 3), (2, 5), (4, 4), (6, 3), (5, 12)]),
    penalty=st.floats(0.05, 3),
)
def test_three_ways_to_the_moments_agree(prior, seed, shape, penalty):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal(shape)
    X = rng.standard_normal((17, shape[0]))
    X[0] = 0
    model = Model(A, get_prior(prior), penalty)
    compiled = infer(model, X)
    total, log_det, sizes = inverses(model, compiled.codes)
    np.testing.assert_allclose(
        compiled.residual.T @ compiled.codes - compiled.cross,
        penalty * A @ total,
        rtol=1e-6,
        atol=1e-8,
    )
    np.testing.assert_allclose(compiled.log_det, log_det, rtol=1e-7, atol=1e-7)
    np.testing.assert_array_equal(compiled.n_active, sizes)
    spread, torch_det, torch_sizes, activity = active_moments(
        A, compiled.codes, model.prior, penalty, "cpu"
    )
    np.testing.assert_allclose(spread, A @ total, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(torch_det, log_det, rtol=1e-7, atol=1e-7)
    np.testing.assert_array_equal(torch_sizes, sizes)
    np.testing.assert_array_equal(activity, compiled.activity)
    np.testing.assert_array_equal(activity, (compiled.codes != 0).sum(axis=0))


def test_posteriors_do_not_depend_on_the_solver():
    rng = np.random.default_rng(0)
    A, X = rng.standard_normal((4, 6)), rng.standard_normal((30, 4))
    compiled = infer(Model(A, Laplace(), 0.5), X)
    other = infer(Model(A, Laplace(), 0.5, solver="fista"), X)
    assert not Model(A, Laplace(), 0.5, solver="fista").compiled
    np.testing.assert_allclose(other.codes, compiled.codes, atol=1e-3)
    np.testing.assert_allclose(other.cross, compiled.cross, atol=1e-2)
    np.testing.assert_allclose(other.energy(X[:, 0]), X[:, 0] @ other.codes**2)
    np.testing.assert_allclose(other.log_det, compiled.log_det, atol=1e-9)
    np.testing.assert_allclose(other.residual, X - other.codes @ A.T)


def test_no_active_source_at_all():
    A = np.eye(3)
    for moments in (active_moments, smooth_moments):
        prior = Laplace() if moments is active_moments else get_prior("smooth_laplace")
        total, log_det, sizes, activity = moments(A, np.zeros((4, 3)), prior, 0.5, "cpu")
        assert np.isfinite(total).all()
        assert np.isfinite(log_det).all()
        assert (activity == 0).all()
        assert sizes.shape == (4,)


def test_duplicated_active_columns_stay_finite():
    A = np.ones((2, 2))
    total, log_det, _, _ = active_moments(A, np.ones((1, 2)), Laplace(), 0.5, "cpu")
    assert np.isfinite(total).all()
    assert np.isfinite(log_det).all()


def test_smooth_moments_by_brute_force():
    rng = np.random.default_rng(1)
    A, X = rng.standard_normal((3, 5)), rng.standard_normal((20, 3))
    prior, penalty = get_prior("smooth_laplace"), 0.4
    model = Model(A, prior, penalty)
    posterior = infer(model, X)
    beta = prior.sharpness
    S = posterior.codes
    curvature = beta / np.cosh(beta * S) ** 2
    total, log_det, sizes = inverses(model, S, curvature)
    np.testing.assert_allclose(
        posterior.residual.T @ S - posterior.cross, penalty * A @ total, rtol=1e-7, atol=1e-10
    )
    np.testing.assert_allclose(posterior.log_det, log_det, rtol=1e-8)
    np.testing.assert_array_equal(posterior.n_active, sizes)
    np.testing.assert_allclose(posterior.activity, (np.tanh(beta * S) ** 2).sum(axis=0), rtol=1e-8)


def test_codes_in_single_precision():
    rng = np.random.default_rng(2)
    A, X = rng.standard_normal((4, 6)), rng.standard_normal((30, 4))
    model = Model(A, Laplace(), 0.5)
    single = codes_of(model, X.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, codes_of(model, X), atol=1e-4)


@pytest.mark.parametrize("prior", ["exponential", "smooth_laplace"])
@pytest.mark.parametrize("rule", list(RULES.values()))
def test_a_batch_in_parts_adds_up_to_the_same(rule, prior):
    rng = np.random.default_rng(3)
    A, X = rng.standard_normal((4, 6)), rng.standard_normal((30, 4))
    model = Model(A, get_prior(prior), 0.5)
    whole, parts = (add_up(model, rule(), X, part_bytes) for part_bytes in (2**28, 2000))
    posterior = infer(model, X)
    assert whole["n_samples"] == parts["n_samples"] == 30
    assert whole["n_active"] == posterior.n_active.sum()
    assert whole["residual_power"] == pytest.approx((posterior.residual**2).sum())
    assert whole["power"] == pytest.approx((X**2).sum())
    np.testing.assert_array_equal(whole["activity"], posterior.activity)
    for name, value in rule().statistics(model, posterior).items():
        np.testing.assert_array_equal(whole[name], value)
        assert np.size(value) <= A.size
        np.testing.assert_allclose(parts[name], value, rtol=1e-6, atol=1e-7)
