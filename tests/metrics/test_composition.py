"""Sums of true features are told from single ones; pairs against every least-squares fit."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import nnls

from overica.metrics import (
    COMPOSITION_METRICS,
    chance_level,
    composed_share,
    composition_index,
)

every_metric = pytest.mark.parametrize("name", sorted(COMPOSITION_METRICS))


@pytest.fixture
def truth():
    B = np.random.default_rng(0).standard_normal((24, 40))
    return B / np.linalg.norm(B, axis=0)


@pytest.mark.parametrize("nonnegative", [False, True])
def test_truth_is_not_composed(truth, nonnegative):
    learned = truth[:, ::-1] * np.random.default_rng(1).lognormal(size=40)
    assert composition_index(learned, truth, nonnegative) == pytest.approx(1.0)
    assert composed_share(learned, truth, nonnegative) == 0.0


@pytest.mark.parametrize("nonnegative", [False, True])
def test_inaccurate_directions_are_not_composed(truth, nonnegative):
    noise = np.random.default_rng(1).standard_normal(truth.shape) / np.sqrt(24)
    assert composition_index(truth + 0.2 * noise, truth, nonnegative) < 1.2
    assert composed_share(truth + 0.5 * noise, truth, nonnegative) == 0.0


def test_sums_of_orthogonal_features_are_counted():
    E = np.eye(5)
    for k in range(1, 5):
        assert composition_index(E[:, :k].sum(axis=1, keepdims=True), E) == pytest.approx(k)
    three_to_one = 3 * E[:, [0]] + E[:, [1]]
    assert composition_index(three_to_one, E) == pytest.approx(100 / 82)


def test_sums_in_an_overcomplete_dictionary(truth):
    pairs = truth[:, :20] + truth[:, 20:]
    mixed = np.column_stack([pairs, truth[:, :20]])
    assert composition_index(pairs, truth) == pytest.approx(2.0, abs=0.1)
    assert composition_index(mixed, truth) == pytest.approx(1.5, abs=0.05)
    assert composed_share(mixed, truth) == 0.5
    assert composed_share(mixed, truth, nonnegative=True) == 0.5


def test_differences_are_sums_only_where_signs_do_not_count(truth):
    learned = truth[:, :20] - truth[:, 20:]
    assert composed_share(learned, truth) == 1.0
    assert composed_share(learned, truth, nonnegative=True) == 0.0


def test_antipodal_pairs_of_the_plane():
    """The composed features of the two sets of two features that a toy model stores."""
    truth = np.array([[1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 1.0, -1.0]])
    learned = np.array([[1.0, 1.0, -1.0, -1.0], [1.0, -1.0, 1.0, -1.0]])
    for nonnegative in (False, True):
        assert composition_index(learned, truth, nonnegative) == pytest.approx(2.0)
        assert composed_share(learned, truth, nonnegative) == 1.0


@given(seed=st.integers(0, 2**32 - 1), nonnegative=st.booleans(), explained=st.floats(0.3, 1.0))
def test_pairs_against_every_fit(seed, nonnegative, explained):
    rng = np.random.default_rng(seed)
    A, B = rng.standard_normal((4, 6)), rng.standard_normal((4, 5))

    def share(a, columns):
        D = B[:, columns]
        weights = nnls(D, a)[0] if nonnegative else np.linalg.lstsq(D, a, rcond=None)[0]
        return 1 - np.square(a - D @ weights).sum() / np.square(a).sum()

    composed = []
    for a in A.T:
        single = max(share(a, [j]) for j in range(5))
        pair = max(share(a, list(pair)) for pair in combinations(range(5), 2))
        composed.append(pair >= explained and pair - single >= 0.05)
    found = composed_share(A, B, nonnegative, explained=explained, margin=0.05)
    assert found == pytest.approx(np.mean(composed))


def test_more_true_columns_than_candidates():
    rng = np.random.default_rng(0)
    B = rng.standard_normal((40, 300))
    B /= np.linalg.norm(B, axis=0)
    assert composed_share(B[:, :10] + B[:, 100:110], B) == 1.0


@every_metric
@given(seed=st.integers(0, 2**32 - 1), nonnegative=st.booleans())
def test_order_and_length_do_not_count(name, seed, nonnegative):
    rng = np.random.default_rng(seed)
    A, B = rng.standard_normal((4, 6)), rng.standard_normal((4, 7))
    score = COMPOSITION_METRICS[name]
    moved = (A * rng.lognormal(size=6))[:, rng.permutation(6)]
    other = (B * rng.lognormal(size=7))[:, rng.permutation(7)]
    assert score(moved, other, nonnegative) == pytest.approx(score(A, B, nonnegative), abs=1e-9)


@given(seed=st.integers(0, 2**32 - 1), nonnegative=st.booleans(), n_terms=st.integers(1, 5))
def test_index_is_between_one_and_the_number_of_terms(seed, nonnegative, n_terms):
    rng = np.random.default_rng(seed)
    A, B = rng.standard_normal((4, 6)), rng.standard_normal((4, 7))
    index = composition_index(A, B, nonnegative, n_terms=n_terms)
    assert 1 - 1e-12 <= index <= n_terms + 1e-12


def test_random_directions_reach_chance():
    rng = np.random.default_rng(5)
    level = chance_level("composition_index", 16, 200, 24, n_draws=20, random_state=0)
    found = composition_index(rng.standard_normal((16, 200)), rng.standard_normal((16, 24)))
    assert abs(found - level.mean) < 5 * level.std
    assert level.mean > 2
    assert chance_level("composed_share", 16, 24, 24, n_draws=20, random_state=0).mean < 0.05


def test_dead_columns_are_nothing(truth):
    learned = np.column_stack([truth[:, 0] + truth[:, 1], np.zeros(24)])
    assert composition_index(learned, truth) == pytest.approx(2.0, abs=0.3)
    assert composed_share(learned, truth) == 0.5
    assert np.isnan(composition_index(np.zeros((24, 3)), truth))


@pytest.mark.parametrize("arguments", [{"explained": 0.0}, {"margin": 1.5}, {"margin": np.nan}])
def test_bad_thresholds(truth, arguments):
    with pytest.raises(ValueError, match=rf"`{next(iter(arguments))}` must be in \(0, 1\]"):
        composed_share(truth, truth, **arguments)


def test_bad_number_of_terms(truth):
    with pytest.raises(ValueError, match="`n_terms` must be an integer >= 1, got 0"):
        composition_index(truth, truth, n_terms=0)
