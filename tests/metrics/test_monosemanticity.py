"""Monosemanticity of featurisers whose responses are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overica.metrics import feature_responses, monosemanticity, monosemanticity_chance


class Linear:
    """ReLU of projections on unit directions, less a threshold."""

    def __init__(self, directions, threshold=0.0):
        self.directions = directions
        self.threshold = threshold

    def transform(self, X):
        return np.maximum(X @ self.directions - self.threshold, 0.0)


# Two sets of two features, stored as antipodal pairs in the plane.
ANTIPODAL = np.array([[1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 1.0, -1.0]])
DIAGONAL = np.array([[1.0, 1.0, -1.0, -1.0], [1.0, -1.0, 1.0, -1.0]]) / np.sqrt(2)


def test_true_directions_against_composed_ones():
    true, composed = (
        monosemanticity(feature_responses(Linear(W), ANTIPODAL)) for W in (ANTIPODAL, DIAGONAL)
    )
    assert true == pytest.approx(1.0)
    assert composed == pytest.approx(0.5)


def test_dead_components_count_zero():
    assert monosemanticity([[1.0, 0.0], [0.0, 0.0]]) == pytest.approx(0.5)
    assert monosemanticity(np.zeros((3, 2))) == 0.0


@given(k=st.integers(1, 6))
def test_k_equal_responses_count_one_in_k(k):
    assert monosemanticity((np.arange(6) < k)[:, None].astype(float)) == pytest.approx(1 / k)


@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(0.1, 100.0))
def test_order_and_sizes_of_components_do_not_count(seed, scale):
    rng = np.random.default_rng(seed)
    a = rng.exponential(size=(5, 7))
    moved = scale * a[rng.permutation(5)][:, rng.permutation(7)] * rng.lognormal(size=7)
    figure = monosemanticity(a)
    assert monosemanticity(moved) == pytest.approx(figure, rel=1e-6)
    assert 1 / 5 - 1e-9 <= figure <= 1


def test_magnitude_lifts_features_over_a_threshold():
    featuriser = Linear(ANTIPODAL, threshold=1.5)
    assert not feature_responses(featuriser, ANTIPODAL).any()
    responses = feature_responses(featuriser, ANTIPODAL, [2.0, 2.0, 1.0, 3.0])
    np.testing.assert_allclose(responses.diagonal(), [0.5, 0.5, 0.0, 1.5])


def test_signed_codes_count_by_their_size():
    class Identity:
        def transform(self, X):
            return X

    assert monosemanticity(feature_responses(Identity(), np.diag([1.0, -2.0]))) == pytest.approx(1)


def test_chance_is_the_expectation_over_shuffled_responses():
    """Two features, two components, one response each: together half of the time."""
    level = monosemanticity_chance(np.eye(2), n_shuffles=4000, random_state=0)
    # Apart: both components count 1. Together: one counts 1/2, the other is dead.
    expected = 0.5 * 1.0 + 0.5 * 0.25
    assert level == pytest.approx(expected, abs=4 * 0.375 / np.sqrt(4000))


def test_random_responses_reach_chance():
    rng = np.random.default_rng(0)
    a = rng.exponential(size=(40, 60)) * (rng.random((40, 60)) < 0.1)
    levels = [monosemanticity_chance(a, n_shuffles=1, random_state=seed) for seed in range(50)]
    assert abs(monosemanticity(a) - np.mean(levels)) < 4 * np.std(levels)
    assert monosemanticity_chance(a, random_state=0) == monosemanticity_chance(a, random_state=0)


def test_bad_input():
    with pytest.raises(ValueError, match="`responses` must not be negative, got -1"):
        monosemanticity([[1.0, -1.0]])
    with pytest.raises(ValueError, match="`codes` must be finite"):
        feature_responses(Linear(np.full((2, 3), np.nan)), ANTIPODAL)
    with pytest.raises(ValueError, match="`n_shuffles` must be an integer >= 1"):
        monosemanticity_chance(np.eye(2), n_shuffles=0)
