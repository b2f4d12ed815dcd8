"""Matching pursuit of a batch is scikit-learn's, sample by sample."""

import numpy as np
import pytest
from sklearn.linear_model import orthogonal_mp

from overica.metrics.pursuit import orthogonal_matching_pursuit


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((8, 14))
    return rng.standard_normal((30, 8)), A / np.linalg.norm(A, axis=0)


@pytest.mark.parametrize("n_active", [1, 2, 5])
def test_agrees_with_scikit_learn(problem, n_active):
    X, A = problem
    expected = orthogonal_mp(A, X.T, n_nonzero_coefs=n_active).T
    np.testing.assert_allclose(orthogonal_matching_pursuit(X, A, n_active), expected, atol=1e-10)


def test_each_sample_has_its_own_number(problem):
    X, A = problem
    n_active = np.random.default_rng(1).integers(0, 6, len(X))
    S = orthogonal_matching_pursuit(X, A, n_active)
    np.testing.assert_array_equal(np.count_nonzero(S, axis=1), n_active)
    for row, sample, count in zip(S, X, n_active, strict=True):
        alone = orthogonal_matching_pursuit(sample[None], A, count)
        np.testing.assert_allclose(alone[0], row, atol=1e-12)


def test_enough_columns_explain_everything(problem):
    X, A = problem
    S = orthogonal_matching_pursuit(X, A, 100)
    np.testing.assert_allclose(S @ A.T, X, atol=1e-9)
    assert np.count_nonzero(S, axis=1).max() == 8


def test_residual_is_orthogonal_to_the_support(problem):
    X, A = problem
    S = orthogonal_matching_pursuit(X, A, 3)
    assert np.abs(((X - S @ A.T) @ A)[S != 0]).max() < 1e-12


def test_stops_where_nothing_is_left(problem):
    _, A = problem
    X = np.vstack([3 * A[:, 2], np.zeros(8)])
    S = orthogonal_matching_pursuit(X, A, 4)
    expected = np.zeros((2, 14))
    expected[0, 2] = 3
    np.testing.assert_allclose(S, expected, atol=1e-12)


def test_signed_never_starts_on_the_opposite_column():
    A = np.array([[-1.0, 0.6], [0.0, 0.8]])
    X = np.array([[1.0, 0.0]])
    assert orthogonal_matching_pursuit(X, A, 1).tolist() == [[-1.0, 0.0]]
    np.testing.assert_allclose(orthogonal_matching_pursuit(X, A, 1, signed=True), [[0.0, 0.6]])
    assert not orthogonal_matching_pursuit(-A.T[:1], A[:, :1], 1, signed=True).any()


def test_duplicates_and_zero_columns_do_no_harm():
    A = np.column_stack([np.eye(3), np.eye(3), np.zeros(3)])
    X = np.random.default_rng(0).standard_normal((5, 3))
    S = orthogonal_matching_pursuit(X, A, 3)
    np.testing.assert_allclose(S @ A.T, X, atol=1e-12)
    assert not S[:, 6].any()


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_lengths_of_columns_only_scale_codes(problem, scale):
    X, A = problem
    plain = orthogonal_matching_pursuit(X, A, 3)
    np.testing.assert_allclose(
        scale * orthogonal_matching_pursuit(X, scale * A, 3), plain, rtol=1e-9
    )
