"""Matching pursuit of a batch is scikit-learn's, sample by sample."""

import numpy as np
import pytest
from sklearn.linear_model import orthogonal_mp

from overica.coding import Dictionary, least_squares, orthogonal_matching_pursuit


def pursue(X, A, n_active, **how):
    """Codes for the columns of A, of whatever length."""
    dictionary = Dictionary.of_rows(A.T)
    norms = np.where(dictionary.norms > 0, dictionary.norms, 1.0)
    return orthogonal_matching_pursuit(dictionary, X, n_active, **how) / norms


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((8, 14))
    return rng.standard_normal((30, 8)), A / np.linalg.norm(A, axis=0)


@pytest.mark.parametrize("n_active", [1, 2, 5])
def test_agrees_with_scikit_learn(problem, n_active):
    X, A = problem
    expected = orthogonal_mp(A, X.T, n_nonzero_coefs=n_active).T
    np.testing.assert_allclose(pursue(X, A, n_active), expected, atol=1e-10)


def test_each_sample_has_its_own_number(problem):
    X, A = problem
    n_active = np.random.default_rng(1).integers(0, 6, len(X))
    S = pursue(X, A, n_active)
    np.testing.assert_array_equal(np.count_nonzero(S, axis=1), n_active)
    for row, sample, count in zip(S, X, n_active, strict=True):
        alone = pursue(sample[None], A, count)
        np.testing.assert_allclose(alone[0], row, atol=1e-12)


def test_enough_columns_explain_everything(problem):
    X, A = problem
    S = pursue(X, A, 100)
    np.testing.assert_allclose(S @ A.T, X, atol=1e-9)
    assert np.count_nonzero(S, axis=1).max() == 8


def test_residual_is_orthogonal_to_the_support(problem):
    X, A = problem
    S = pursue(X, A, 3)
    assert np.abs(((X - S @ A.T) @ A)[S != 0]).max() < 1e-12


def test_stops_where_nothing_is_left(problem):
    _, A = problem
    X = np.vstack([3 * A[:, 2], np.zeros(8)])
    S = pursue(X, A, 4)
    expected = np.zeros((2, 14))
    expected[0, 2] = 3
    np.testing.assert_allclose(S, expected, atol=1e-12)


def test_without_signs_it_never_starts_on_the_opposite_column():
    A = np.array([[-1.0, 0.6], [0.0, 0.8]])
    X = np.array([[1.0, 0.0]])
    assert pursue(X, A, 1).tolist() == [[-1.0, 0.0]]
    np.testing.assert_allclose(pursue(X, A, 1, nonnegative=True), [[0.0, 0.6]])
    assert not pursue(-A.T[:1], A[:, :1], 1, nonnegative=True).any()


def test_duplicates_and_zero_columns_do_no_harm():
    A = np.column_stack([np.eye(3), np.eye(3), np.zeros(3)])
    X = np.random.default_rng(0).standard_normal((5, 3))
    S = pursue(X, A, 3)
    np.testing.assert_allclose(S @ A.T, X, atol=1e-12)
    assert not S[:, 6].any()


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_lengths_of_columns_only_scale_codes(problem, scale):
    X, A = problem
    plain = pursue(X, A, 3)
    np.testing.assert_allclose(scale * pursue(X, scale * A, 3), plain, rtol=1e-9)


def test_without_signs_atoms_leave_and_others_come(problem):
    X, A = problem
    dictionary = Dictionary.of_rows(A.T)
    S = orthogonal_matching_pursuit(dictionary, X, 6, nonnegative=True)
    assert (S >= 0).all()
    np.testing.assert_allclose(S, least_squares(dictionary, X, S != 0), atol=1e-9)
    # Some atoms of the plain pursuit have negative codes here, so that there is something to drop.
    first = orthogonal_matching_pursuit(dictionary, X, 1, nonnegative=True)
    assert (first.argmax(axis=1) == (X @ A).argmax(axis=1)).all()
    errors = [
        ((X - orthogonal_matching_pursuit(dictionary, X, k, nonnegative=True) @ A.T) ** 2).sum(
            axis=1
        )
        for k in range(1, 9)
    ]
    assert (np.diff(errors, axis=0) <= 1e-9).all()
    assert (np.count_nonzero(S, axis=1) < 6).any()


def test_complex_samples_have_complex_codes(problem):
    X, A = problem
    Z = X[:15] + 1j * X[15:]
    dictionary = Dictionary.of_rows(A.T)
    S = orthogonal_matching_pursuit(dictionary, Z, 1)
    along = Z @ A
    nearest = np.abs(along).argmax(axis=1)
    np.testing.assert_allclose(S, np.where(np.arange(14) == nearest[:, None], along, 0))
    S = orthogonal_matching_pursuit(dictionary, Z, 3)
    assert (np.count_nonzero(S, axis=1) == 3).all()
    assert np.abs(((Z - S @ A.T) @ A)[S != 0]).max() < 1e-12
    # A phase turns the codes along.
    np.testing.assert_allclose(
        orthogonal_matching_pursuit(dictionary, 1j * Z, 3), 1j * S, atol=1e-12
    )
