"""Posteriors of a batch: compiled moments, torch moments, and brute force, agree."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overica.learning import Model, codes_of, infer
from overica.learning.covariance import active_moments, smooth_moments
from overica.priors import Laplace, get_prior


def brute_force(A, codes, curvature, penalty):
    """Sum of inverses, log determinants and sizes, sample by sample; without curvature over the supports."""
    n = A.shape[1]
    total, log_det, sizes = np.zeros((n, n)), [], []
    for i, s in enumerate(codes):
        a = np.flatnonzero(s) if curvature is None else np.arange(n)
        ridge = 0 if curvature is None else penalty * np.diag(curvature[i])
        block = A[:, a].T @ A[:, a] + ridge
        if a.size:
            total[np.ix_(a, a)] += np.linalg.inv(block)
        log_det.append(np.linalg.slogdet(block)[1] if a.size else 0.0)
        sizes.append(a.size)
    return total, np.array(log_det), np.array(sizes)


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
    total, log_det, sizes = brute_force(A, compiled.codes, None, penalty)
    np.testing.assert_allclose(compiled.covariance, penalty * total, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(compiled.log_det, log_det, rtol=1e-7, atol=1e-7)
    np.testing.assert_array_equal(compiled.n_active, sizes)
    torch_total, torch_det, torch_sizes, activity = active_moments(
        A, compiled.codes, model.prior, penalty, "cpu"
    )
    np.testing.assert_allclose(torch_total, total, rtol=1e-6, atol=1e-9)
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
    np.testing.assert_allclose(other.covariance, compiled.covariance, rtol=1e-6, atol=1e-9)
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
    total, log_det, sizes = brute_force(A, S, curvature, penalty)
    np.testing.assert_allclose(posterior.covariance, penalty * total, rtol=1e-8)
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
