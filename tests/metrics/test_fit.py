"""Explained variance is the one of the textbooks and none of the others; sparsity counts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import explained_variance_score, r2_score

from overica.metrics import dead_share, explained_variance, l0


@pytest.fixture
def samples():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 4)) * [0.1, 1.0, 2.0, 5.0] + [3.0, 0.0, -1.0, 10.0]
    return X, X + 0.5 * rng.standard_normal(X.shape) + 0.2


def test_is_the_variance_weighted_r2(samples):
    X, X_hat = samples
    expected = r2_score(X, X_hat, multioutput="variance_weighted")
    assert explained_variance(X, X_hat) == pytest.approx(expected, rel=1e-12)


def test_counts_errors_on_constant_features(samples):
    """Where scikit-learn's weights drop them."""
    X, X_hat = (
        np.column_stack([M, np.full(200, c)]) for M, c in zip(samples, (1.0, 9.0), strict=True)
    )
    assert explained_variance(X, X_hat) < r2_score(X, X_hat, multioutput="variance_weighted") - 0.1


def test_anchors(samples):
    X, _ = samples
    mean = np.broadcast_to(X.mean(axis=0), X.shape)
    assert explained_variance(X, X) == 1.0
    assert explained_variance(X, mean) == pytest.approx(0.0, abs=1e-12)
    assert explained_variance(X, 2 * mean - X) == pytest.approx(-3.0)


def test_mean_alone_explains_nothing_where_the_uncentred_formula_credits_it():
    X = np.random.default_rng(0).standard_normal((100, 3)) + 10.0
    X_hat = np.broadcast_to(X.mean(axis=0), X.shape)
    uncentred = 1 - np.square(X - X_hat).sum() / np.square(X).sum()
    assert uncentred > 0.98
    assert explained_variance(X, X_hat) == pytest.approx(0.0, abs=1e-12)


def test_a_constant_offset_counts_where_the_variance_of_residuals_does_not_see_it():
    X = np.random.default_rng(0).standard_normal((100, 3))
    assert explained_variance_score(X, X + 1.0) == 1.0
    assert explained_variance(X, X + 1.0) < 0.1


def test_a_feature_without_variance_does_not_decide_as_in_the_mean_over_features():
    X = np.random.default_rng(0).standard_normal((100, 2)) * [1.0, 1e-3]
    X_hat = X + np.array([0.0, 1e-2])
    assert r2_score(X, X_hat, multioutput="uniform_average") < -10
    assert explained_variance(X, X_hat) > 0.99


def test_a_sample_near_the_mean_does_not_decide_as_in_the_mean_of_ratios():
    X = np.array([[-10.0], [10.0], [0.01], [-0.01]])
    X_hat = X + 0.1
    each = 1 - np.square(X - X_hat).sum(axis=1) / np.square(X - X.mean(axis=0)).sum(axis=1)
    assert each.mean() < -40
    assert explained_variance(X, X_hat) > 0.999


@given(
    scale=st.floats(0.01, 100.0),
    shift=st.floats(-10.0, 10.0),
    seed=st.integers(0, 2**32 - 1),
)
def test_units_origin_and_rotation_do_not_matter(scale, shift, seed):
    rng = np.random.default_rng(seed)
    X, X_hat = rng.standard_normal((2, 20, 3))
    Q = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    moved = explained_variance(scale * X @ Q + shift, scale * X_hat @ Q + shift)
    assert moved == pytest.approx(explained_variance(X, X_hat), rel=1e-9)


@given(seed=st.integers(0, 2**32 - 1))
def test_never_above_one(seed):
    X, X_hat = np.random.default_rng(seed).standard_normal((2, 6, 3))
    assert explained_variance(X, X_hat) < 1


def test_samples_that_do_not_vary_have_no_variance_to_explain():
    assert np.isnan(explained_variance(np.full((4, 2), 0.1), np.ones((4, 2))))


def test_float32_and_float64_agree(samples):
    X, X_hat = samples
    single = explained_variance(X.astype(np.float32), X_hat.astype(np.float32))
    assert single == pytest.approx(explained_variance(X, X_hat), abs=1e-6)


def test_refuses_other_shapes():
    with pytest.raises(
        ValueError, match=r"`X_hat` must have the shape of `X`, \(4, 2\), got \(4, 3\)"
    ):
        explained_variance(np.ones((4, 2)), np.ones((4, 3)))


@given(seed=st.integers(0, 2**32 - 1))
def test_counts_of_codes(seed):
    rng = np.random.default_rng(seed)
    S = rng.standard_normal((12, 5)) * (rng.random((12, 5)) < 0.2)
    order = rng.permutation(5)
    assert l0(None, None, S) == pytest.approx(np.mean([sum(row != 0) for row in S]))
    assert dead_share(None, None, S) == pytest.approx(sum(not column.any() for column in S.T) / 5)
    for score in (l0, dead_share):
        assert score(None, None, -3 * S[:, order]) == pytest.approx(score(None, None, S))
