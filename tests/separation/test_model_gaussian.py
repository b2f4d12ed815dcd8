"""The local Gaussian model: against dense conditioning, its gradient, single precision, and rising likelihood."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overica.separation.complex_codes import complex_l1
from overica.separation.ensemble import Round, agreed_variances, fit_variances
from overica.separation.factors import Factors, start_factors
from overica.separation.gaussian import posterior


def problem(n_channels, n_sources, seed, size=6):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((n_channels, n_sources))
    A /= np.linalg.norm(A, axis=0)
    V = rng.exponential(size=(n_sources, size)) ** 3
    S = np.sqrt(V / 2) * (
        rng.standard_normal((2, n_sources, size)).T @ np.array([1, 1j])
    ).T.reshape(n_sources, size)
    return A, V, A @ S


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 4), st.integers(1, 6), st.integers(0, 1000), st.floats(1e-2, 1.0))
def test_posterior_is_dense_gaussian_conditioning(n_channels, n_sources, seed, noise):
    A, V, Z = problem(n_channels, n_sources, seed)
    sigma = noise * np.arange(1, n_channels + 1)
    found = posterior(Z, A, V, sigma[:, None])
    total = 0.0
    for t in range(Z.shape[1]):
        joint = np.diag(V[:, t])
        R = A @ joint @ A.T + np.diag(sigma)
        gain = joint @ A.T @ np.linalg.inv(R)
        np.testing.assert_allclose(found.means(V)[:, t], gain @ Z[:, t], atol=1e-7)
        covariance = joint - gain @ A @ joint
        np.testing.assert_allclose(found.variances(V)[:, t], np.diag(covariance), atol=1e-7)
        quadratic = (Z[:, t].conj() @ np.linalg.solve(R, Z[:, t])).real
        total -= quadratic + np.linalg.slogdet(np.pi * R)[1]
    assert found.log_likelihood == pytest.approx(total, rel=1e-7)


def test_gradient_of_the_likelihood_is_that_of_finite_differences():
    A, V, Z = problem(2, 3, 0)
    found = posterior(Z, A, V, 0.1)
    gradient = np.abs(found.scores) ** 2 - found.precision
    for index in np.ndindex(V.shape):
        step = np.zeros_like(V)
        step[index] = 1e-5
        high = posterior(Z, A, V + step, 0.1).log_likelihood
        low = posterior(Z, A, V - step, 0.1).log_likelihood
        assert gradient[index] == pytest.approx((high - low) / 2e-5, rel=1e-4, abs=1e-6)


def test_single_precision_agrees_with_double():
    A, V, Z = problem(2, 4, 1, size=500)
    double = posterior(Z, A, V, 1e-4)
    single = posterior(Z.astype(np.complex64), A, V.astype(np.float32), 1e-4)
    assert single.scores.dtype == np.complex64
    error = np.abs(single.means(V) - double.means(V)).max()
    assert error < 1e-3 * np.abs(double.means(V)).max()


def test_columns_that_cancel_in_rounding_leave_means_finite():
    A = np.array([[1.0, 1.0], [1.0, 1.0 + 1e-7]])
    V = np.array([[1e6], [1e6]], np.float32)
    found = posterior(np.ones((2, 1), np.complex64), A, V, 1e-6)
    assert np.isfinite(found.means(V)).all()
    assert found.means(V).real.sum() == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("n_sources", [2, 3, 5])
def test_no_step_of_the_factors_lowers_the_likelihood(n_sources):
    rng = np.random.default_rng(n_sources)
    A = rng.standard_normal((2, n_sources))
    Z = (rng.standard_normal((2, 12, 15)) + 1j * rng.standard_normal((2, 12, 15))) ** 3
    Z = Z.astype(np.complex64)
    factors = [Factors(12, 15, 4, 1.0, rng) for _ in range(n_sources)]
    before = -np.inf
    for k in range(40):
        V = np.stack([one.variances() for one in factors])
        found = posterior(Z, A, V, 1e-2)
        assert found.log_likelihood >= before - 1e-4 * abs(before)
        before = found.log_likelihood
        for j, one in enumerate(factors):
            step = one.step_spectra if k % 2 else one.step_times
            step(np.abs(found.scores[j]) ** 2, found.precision[j])


def test_factors_of_a_source_alone_find_its_variances():
    rng = np.random.default_rng(0)
    truth = (rng.random((20, 2)) @ rng.random((2, 30))).astype(np.float32)
    factors = Factors(20, 30, 2, 1.0, rng)
    factors.fit(truth, 200)
    np.testing.assert_allclose(factors.variances(), truth, rtol=0.1)


def test_history_of_a_fit_rises():
    A, _, _ = problem(2, 3, 0)
    rng = np.random.default_rng(0)
    Z = (rng.standard_normal((2, 20, 30)) + 1j * rng.standard_normal((2, 20, 30))) ** 3
    Z = Z.astype(np.complex64)
    powers = np.abs(np.tensordot(A.T.astype(np.float32), Z, 1)) ** 2
    history: dict[str, list[float]] = {}
    fit_variances(Z, A, start_factors(powers, 5, rng), 1e-6, 12, history)
    steps = np.diff(history["log_likelihood"])
    assert len(steps) == 23
    assert steps.min() > -1e-4
    assert sum(steps) > 0.01


def test_runs_agree_on_their_geometric_mean():
    A, _, _ = problem(2, 3, 0)
    Z = np.exp(1j * np.arange(2 * 8 * 9)).reshape(2, 8, 9).astype(np.complex64)
    powers = np.ones((3, 8, 9), np.float32)
    rng = np.random.default_rng(7)
    singles = [fit_variances(Z, A, start_factors(powers, 3, rng), 1e-6, 2, {}) for _ in range(3)]
    stage, history = Round(3, 2, 3), {}
    together = agreed_variances(Z, A, powers, 1e-6, stage, np.random.default_rng(7), history)
    np.testing.assert_allclose(together, np.exp(np.mean(np.log(singles), axis=0)), rtol=1e-3)
    assert history["run"] == [0.0] * 4 + [1.0] * 4 + [2.0] * 4


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_codes_have_the_smallest_sum_of_moduli(seed):
    # The dual: max Re(y'x) subject to |a_j'y| <= 1. Its value at a feasible y is at most the primal's.
    A, _, Z = problem(2, 4, seed, size=20)
    S = complex_l1(Z, A, 1e-12, rounds=400)
    np.testing.assert_allclose(A @ S, Z, atol=1e-5 * np.abs(Z).max())
    V = np.abs(S) + 1e-12
    Y = np.stack([
        np.linalg.solve(A @ np.diag(v) @ A.T + 1e-13 * v.max() * np.eye(2), z)
        for v, z in zip(V.T, Z.T, strict=True)
    ]).T  # fmt: skip
    Y /= np.maximum(np.abs(A.T @ Y).max(axis=0), 1.0)
    dual = (Y.conj() * Z).real.sum(axis=0)
    primal = np.abs(S).sum(axis=0)
    assert (primal - dual <= 0.02 * primal).all()
