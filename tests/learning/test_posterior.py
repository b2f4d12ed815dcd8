"""Posteriors of a batch: compiled moments, torch moments, and brute force, agree."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from overica.learning import Model, infer
from overica.learning.adding import add_up
from overica.learning.posterior import codes_of
from overica.learning.rules import RULES
from overica.learning.tensor_posterior import home, posterior
from overica.priors import Laplace, get_prior
from tests.learning.inverses import inverses


def at_codes(model, X, codes):
    """The posterior of tensors at given codes, back as arrays."""
    tensors = [torch.from_numpy(array) for array in (model.mixing, X, codes)]
    return home(posterior(replace(model, mixing=tensors[0]), *tensors[1:]))


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
    tensors = at_codes(model, X, compiled.codes)
    np.testing.assert_allclose(
        tensors.residual.T @ compiled.codes - tensors.cross,
        penalty * A @ total,
        rtol=1e-6,
        atol=1e-8,
    )
    np.testing.assert_allclose(tensors.log_det, log_det, rtol=1e-7, atol=1e-7)
    np.testing.assert_array_equal(tensors.n_active, sizes)
    np.testing.assert_array_equal(tensors.activity, compiled.activity)
    np.testing.assert_array_equal(compiled.activity, (compiled.codes != 0).sum(axis=0))


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


@pytest.mark.parametrize("prior", ["laplace", "smooth_laplace"])
def test_no_active_source_at_all(prior):
    found = at_codes(Model(np.eye(3), get_prior(prior), 0.5), np.ones((4, 3)), np.zeros((4, 3)))
    assert np.isfinite(found.cross).all()
    assert np.isfinite(found.log_det).all()
    assert (found.activity == 0).all()
    assert found.n_active.shape == (4,)


def test_duplicated_active_columns_stay_finite():
    found = at_codes(Model(np.ones((2, 2)), Laplace(), 0.5), np.ones((1, 2)), np.ones((1, 2)))
    assert np.isfinite(found.cross).all()
    assert np.isfinite(found.log_det).all()


def test_smooth_moments_by_brute_force():
    rng = np.random.default_rng(1)
    A, X = rng.standard_normal((3, 5)), rng.standard_normal((20, 3))
    prior, penalty = get_prior("smooth_laplace"), 0.4
    model = Model(A, prior, penalty)
    found = infer(model, X)
    beta = prior.sharpness
    S = found.codes
    curvature = beta / np.cosh(beta * S) ** 2
    total, log_det, sizes = inverses(model, S, curvature)
    np.testing.assert_allclose(
        found.residual.T @ S - found.cross, penalty * A @ total, rtol=1e-7, atol=1e-10
    )
    np.testing.assert_allclose(found.log_det, log_det, rtol=1e-8)
    np.testing.assert_array_equal(found.n_active, sizes)
    np.testing.assert_allclose(found.activity, (np.tanh(beta * S) ** 2).sum(axis=0), rtol=1e-8)


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
    found = infer(model, X)
    assert whole["n_samples"] == parts["n_samples"] == 30
    assert whole["n_active"] == found.n_active.sum()
    assert whole["residual_power"] == pytest.approx((found.residual**2).sum())
    assert whole["power"] == pytest.approx((X**2).sum())
    np.testing.assert_array_equal(whole["activity"], found.activity)
    for name, value in rule().statistics(model, found).items():
        np.testing.assert_array_equal(whole[name], value)
        assert np.size(value) <= A.size
        np.testing.assert_allclose(parts[name], value, rtol=1e-6, atol=1e-7)
