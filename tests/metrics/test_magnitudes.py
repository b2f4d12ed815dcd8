"""Correlation, shrinkage and error of codes of known sizes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overica.metrics import (
    Matching,
    code_correlation,
    magnitude_error,
    match_components,
    recall,
    shrinkage,
)


def sparse(rng, n_samples, n_columns):
    return rng.exponential(size=(n_samples, n_columns)) * (rng.random((n_samples, n_columns)) < 0.3)


@pytest.fixture
def S():
    return sparse(np.random.default_rng(0), 400, 5)


def test_correlation_is_pearsons(S):
    S_hat = S + 0.3 * np.random.default_rng(1).standard_normal(S.shape) + 7.0
    expected = np.mean([np.corrcoef(S_hat[:, j], S[:, j])[0, 1] for j in range(5)])
    assert code_correlation(S_hat, S, Matching.identity(5)) == pytest.approx(expected, abs=1e-12)


@given(slope=st.floats(0.01, 100.0), offset=st.floats(-100.0, 100.0))
def test_correlation_sees_neither_slope_nor_offset(slope, offset):
    S = sparse(np.random.default_rng(0), 50, 3)
    assert code_correlation(slope * S + offset, S, Matching.identity(3)) == pytest.approx(1.0)


def test_constant_codes_have_no_correlation(S):
    constant = S.copy()
    constant[:, 0] = 0.1
    assert code_correlation(constant, S, Matching.identity(5)) == pytest.approx(0.8)
    assert code_correlation(S, constant, Matching.identity(5)) == pytest.approx(1.0)
    assert np.isnan(code_correlation(S, np.ones_like(S), Matching.identity(5)))


def test_opposite_codes_correlate_negatively(S):
    """Where flipping is not allowed, a column of the wrong sign is no success."""
    A = np.eye(5)
    flipped = -A
    assert code_correlation(-S, S, match_components(flipped, A)) == pytest.approx(1.0)
    nonnegative = match_components(flipped, A, nonnegative=True)
    assert code_correlation(-S, S[:, :], nonnegative) < 0.2


@given(factor=st.floats(0.05, 20.0))
def test_shrinkage_and_error_of_a_common_factor(factor):
    S = sparse(np.random.default_rng(0), 60, 3)
    assert shrinkage(factor * S, S, Matching.identity(3)) == pytest.approx(factor)
    error = magnitude_error(factor * S, S, Matching.identity(3))
    assert error == pytest.approx((1 - factor) ** 2, abs=1e-12)


def test_misses_and_false_alarms_are_not_shrinkage(S):
    rng = np.random.default_rng(1)
    S_hat = 0.9 * S * (rng.random(S.shape) < 0.5) + (S == 0) * (rng.random(S.shape) < 0.2)
    assert recall(S_hat, S, Matching.identity(5)) < 0.7
    assert shrinkage(S_hat, S, Matching.identity(5)) == pytest.approx(0.9)
    assert magnitude_error(S_hat, S, Matching.identity(5)) == pytest.approx(0.01)


def test_scatter_is_error_without_shrinkage():
    S = np.array([[1.0], [1.0]])
    S_hat = np.array([[0.5], [1.5]])
    assert shrinkage(S_hat, S, Matching.identity(1)) == pytest.approx(1.0)
    assert magnitude_error(S_hat, S, Matching.identity(1)) == pytest.approx(0.25)


@pytest.mark.parametrize("score", [shrinkage, magnitude_error])
def test_without_hits_there_is_nothing_to_say(score, S):
    assert np.isnan(score((S == 0).astype(float), S, Matching.identity(5)))


def test_long_columns_are_not_shrunk_codes(S):
    A = np.random.default_rng(2).standard_normal((8, 5))
    lengths = np.array([0.1, 1.0, 3.0, 10.0, 100.0])
    matching = match_components(A * lengths, A)
    assert shrinkage(S / lengths, S, matching) == pytest.approx(1.0)
    assert magnitude_error(S / lengths, S, matching) == pytest.approx(0.0, abs=1e-20)
