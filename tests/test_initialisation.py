"""Starts: unit columns, orthogonality, coherence, and nothing left unreached."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overica.initialisation import INITIALISATIONS, start_mixing, unreached

SHAPES = st.tuples(st.integers(1, 8), st.integers(1, 20))


def positive(rng, n_samples, m, n=6):
    """Samples of non-negative sources in a random mixing."""
    A = rng.standard_normal((m, n))
    return (rng.exponential(size=(n_samples, n)) * (rng.random((n_samples, n)) < 0.3)) @ A.T


@pytest.mark.parametrize("init", list(INITIALISATIONS))
@given(shape=SHAPES, seed=st.integers(0, 10**6), nonnegative=st.booleans())
def test_starts_have_unit_columns(init, shape, seed, nonnegative):
    rng = np.random.default_rng(seed)
    m, n = shape
    A = start_mixing(init, positive(rng, 50, m), n, rng, nonnegative)
    assert A.shape == (m, n)
    np.testing.assert_allclose(np.linalg.norm(A, axis=0), 1)


@pytest.mark.parametrize("init", list(INITIALISATIONS))
@given(m=st.integers(1, 6), seed=st.integers(0, 10**6))
def test_non_negative_starts_reach_all_samples(init, m, seed):
    rng = np.random.default_rng(seed)
    X = positive(rng, 200, m)
    A = start_mixing(init, X, 4 * m, rng, True)
    assert not unreached(A, X).any()


def test_orthogonal_columns_as_far_as_they_go():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((10, 6))
    A = start_mixing("orthogonal", X, 4, rng, False)
    np.testing.assert_allclose(A.T @ A, np.eye(4), atol=1e-12)


def test_low_coherence_is_lower():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((10, 8))

    def coherence(A):
        return np.abs(A.T @ A - np.eye(A.shape[1])).max()

    low = [coherence(start_mixing("low_coherence", X, 16, rng, False)) for _ in range(5)]
    plain = [coherence(start_mixing("orthogonal", X, 16, rng, False)) for _ in range(5)]
    assert max(low) < 0.7 * min(plain)
    welch = np.sqrt(8 / (8 * 15))
    assert min(low) >= welch


def test_data_starts_are_directions_of_samples():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 4))
    X[:10] = 0
    A = start_mixing("data", X, 12, rng, False)
    unit = X[10:] / np.linalg.norm(X[10:], axis=1, keepdims=True)
    np.testing.assert_allclose((unit @ A).max(axis=0), 1)
    more = start_mixing("data", X, 25, rng, False)
    assert np.isfinite(more).all()
    assert more.shape == (4, 25)


def test_unreached():
    A = np.array([[1.0], [0.0]])
    X = np.array([[1.0, 5.0], [-1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
    np.testing.assert_array_equal(unreached(A, X), [False, True, False, True])


def bad(n_features, n_components):
    A = np.random.default_rng(0).standard_normal((n_features, n_components))
    zero, nan, double, opposite = A.copy(), A.copy(), A.copy(), A.copy()
    zero[:, 1] = 0
    nan[0, 0] = np.nan
    double[:, 2] = 3 * A[:, 0]
    opposite[:, 2] = -A[:, 0]
    return [
        (A.T, False, r"must have shape .*\(3, 4\), got \(4, 3\)"),
        (A[:, :3], False, r"must have shape .*\(3, 4\), got \(3, 3\)"),
        (A.ravel(), False, r"must have shape"),
        (zero, False, "must have no zero column, got zero at column 1"),
        (nan, False, "must be finite"),
        (double, False, "must not repeat a direction.*columns 0 and 2"),
        (opposite, False, "must not repeat a direction.*columns 0 and 2"),
        (np.abs(A) * -1, True, "must reach all samples.*100 % of the energy"),
        ("random", False, "`init` must be .*'orthogonal'.*got 'random'"),
    ]


@pytest.mark.parametrize(("init", "nonnegative", "message"), bad(3, 4))
def test_bad_starts(init, nonnegative, message):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=message) as caught:
        start_mixing(init, rng.exponential(size=(20, 3)), 4, rng, nonnegative)
    assert "`init`" in str(caught.value)


def test_given_start_is_taken_as_it_is():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((3, 4))
    np.testing.assert_array_equal(start_mixing(A, rng.standard_normal((9, 3)), 4, rng, False), A)
    opposite = np.array([[1.0, -1.0], [0.5, -0.5]])
    X = np.array([[1.0, 1.0], [-1.0, -1.0]])
    np.testing.assert_array_equal(start_mixing(opposite, X, 2, rng, True), opposite)
