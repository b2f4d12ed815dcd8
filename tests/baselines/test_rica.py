"""ICA with reconstruction cost: its gradient, what its cost is for white samples, and what it finds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overica.baselines import FastICABaseline, RICABaseline
from overica.baselines.rica import CONTRASTS, objective, white
from overica.datasets import make_mixture
from overica.metrics import chance_level, mean_cosine


def problem(seed, n_components=5, n_features=3, n_samples=40):
    rng = np.random.default_rng(seed)
    X = rng.laplace(size=(n_samples, n_features)) @ rng.standard_normal((n_features, n_features))
    Z = (X - X.mean(axis=0)) @ white(X)[0].T
    return rng.standard_normal(n_components * n_features), Z


@pytest.mark.parametrize("name", CONTRASTS)
@given(seed=st.integers(0, 1000))
def test_gradient_is_that_of_finite_differences(name, seed):
    flat, Z = problem(seed)
    contrast, h = CONTRASTS[name], 1e-6
    _, slope = objective(flat, Z, 0.7, contrast)
    for i in range(flat.size):
        ends = [
            objective(flat + s * h * np.eye(flat.size)[i], Z, 0.7, contrast)[0] for s in (1, -1)
        ]
        assert slope[i] == pytest.approx((ends[0] - ends[1]) / (2 * h), abs=2e-6, rel=1e-5)


@given(seed=st.integers(0, 1000))
def test_reconstruction_cost_of_white_samples_is_the_squared_cosines_of_all_rows(seed):
    flat, Z = problem(seed)
    W = flat.reshape(5, 3)
    W = W / np.linalg.norm(W, axis=1, keepdims=True)
    there_and_back = np.square(Z @ W.T @ W - Z).sum(axis=1).mean()
    assert there_and_back == pytest.approx(np.square(W @ W.T).sum() - 2 * 5 + 3)
    both, alone = (
        objective(flat, Z, coefficient, CONTRASTS["smooth_l1"])[0] for coefficient in (1.0, 1e-12)
    )
    assert both - alone == pytest.approx(there_and_back)


@pytest.mark.parametrize("contrast", CONTRASTS)
def test_as_many_components_as_features_are_those_of_fastica(contrast):
    data = make_mixture(4000, 5, 5, "laplace", noise=0.001, random_state=0)
    rica = RICABaseline(5, contrast=contrast, random_state=0).fit(data.X)
    fast = FastICABaseline(5, random_state=0).fit(data.X)
    assert mean_cosine(rica.components_.T, data.mixing) > 0.995
    assert mean_cosine(rica.components_.T, fast.components_.T) > 0.995
    np.testing.assert_allclose(rica.inverse_transform(rica.transform(data.X)), data.X, atol=0.1)


def test_more_components_than_features_are_found_beyond_chance():
    data = make_mixture(10_000, 12, 18, "laplace", noise=0.01, random_state=0)
    chance = chance_level("mean_cosine", 12, 18, 18, False, 20, random_state=0)
    found = mean_cosine(RICABaseline(18, random_state=0).fit(data.X).components_.T, data.mixing)
    assert found > max(0.85, chance.mean + 5 * chance.std)


def test_units_of_the_data_do_not_matter_and_codes_have_them():
    data = make_mixture(2000, 4, 6, "exponential", random_state=0)
    plain = RICABaseline(6, nonnegative=True, random_state=0).fit(data.X)
    shifted = RICABaseline(6, nonnegative=True, random_state=0).fit(1000 * data.X)
    np.testing.assert_allclose(shifted.components_, plain.components_, atol=1e-3)
    codes = plain.transform(data.X)
    np.testing.assert_allclose(shifted.transform(1000 * data.X), 1000 * codes, atol=5)
    # Skewed to the positive side, as the sources are.
    assert ((codes - codes.mean(axis=0)) ** 3).mean(axis=0).min() > 0
    # Linear, and the best factor of W'W: a constant on the decoder makes the reconstruction no better.
    X_hat = plain.inverse_transform(codes)
    centred, back = data.X - data.X.mean(axis=0), X_hat - X_hat.mean(axis=0)
    whitener = white(data.X)[0]
    Z, Z_hat = centred @ whitener.T, back @ whitener.T
    assert (Z * Z_hat).sum() / (Z_hat**2).sum() == pytest.approx(1, rel=1e-6)


def test_a_direction_without_variance_is_left_out():
    rng = np.random.default_rng(0)
    X = rng.laplace(size=(500, 2)) @ rng.standard_normal((2, 3))
    rica = RICABaseline(4, max_iter=20, random_state=0).fit(X)
    assert rica.components_.shape == (4, 3)
    assert np.linalg.matrix_rank(rica.components_, tol=1e-6) == 2


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"coefficient": 0.0}, "`coefficient` must be a finite number > 0"),
        ({"contrast": "l1"}, "`contrast` must be one of 'log_cosh', 'smooth_l1'"),
        ({"max_iter": 0}, "`max_iter` must be an integer >= 1"),
        ({"max_samples": 0}, "`max_samples` must be an integer >= 1"),
    ],
)
def test_bad_parameters_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        RICABaseline(2, **parameters).fit(np.eye(3))


def test_samples_that_are_all_the_same_are_refused():
    with pytest.raises(ValueError, match="`X` must vary"):
        RICABaseline(2).fit(np.ones((5, 3)))
