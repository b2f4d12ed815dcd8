"""Histograms against random directions, and agreement of several dictionaries."""

import numpy as np
import pytest

from overica.metrics import chance_level, max_cosine_histogram, mean_cosine, stability


@pytest.fixture
def truth():
    return np.random.default_rng(0).standard_normal((16, 24))


@pytest.mark.parametrize("nonnegative", [False, True])
@pytest.mark.parametrize("within", [False, True])
def test_every_column_is_counted_once(truth, nonnegative, within):
    learned = np.random.default_rng(1).standard_normal((16, 30))
    histogram = max_cosine_histogram(
        learned, None if within else truth, nonnegative, random_state=0
    )
    assert histogram.learned.sum() == 30
    assert histogram.random.sum() == pytest.approx(30)
    assert len(histogram.edges) == len(histogram.learned) + 1 == len(histogram.random) + 1
    assert histogram.edges[0] == (-1 if nonnegative else 0)


def test_truth_is_in_the_last_bin(truth):
    histogram = max_cosine_histogram(-3 * truth[:, ::-1], truth, random_state=0)
    assert histogram.learned[-1] == 24
    assert histogram.random[-1] < 0.1


def test_random_columns_are_not_the_truth_of_the_same_seed(truth):
    assert max_cosine_histogram(truth, truth, n_draws=1, random_state=0).random[-1] == 0


def test_random_columns_lie_where_random_columns_are_expected(truth):
    learned = np.random.default_rng(1).standard_normal((16, 4000))
    histogram = max_cosine_histogram(learned, truth, n_bins=8, n_draws=5, random_state=0)
    error = np.sqrt(np.maximum(histogram.random, 1.0) * (1 + 1 / 5))
    assert (np.abs(histogram.learned - histogram.random) < 4.5 * error).all()


def test_split_features_lie_to_the_right_of_random_ones(truth):
    """Two columns near each true one are close to each other, which random ones are not."""
    noise = np.random.default_rng(1).standard_normal((16, 48))
    split = np.column_stack([truth, truth]) + 0.1 * noise
    histogram = max_cosine_histogram(split, n_bins=10, random_state=0)
    assert histogram.learned[-1] == 48
    assert histogram.random[-1] < 0.5


def test_a_column_is_not_its_own_neighbour():
    histogram = max_cosine_histogram(np.eye(3), n_bins=2, random_state=0)
    assert histogram.learned.tolist() == [3, 0]


def test_opposite_columns_are_neighbours_unless_signs_count():
    antipodal = np.array([[1.0, -1.0], [0.0, 0.0]])
    assert max_cosine_histogram(antipodal, n_bins=4).learned.tolist() == [0, 0, 0, 2]
    assert max_cosine_histogram(antipodal, nonnegative=True, n_bins=4).learned.tolist() == [
        2,
        0,
        0,
        0,
    ]


def test_ranks_are_those_of_the_sorted_cosines():
    rng = np.random.default_rng(0)
    A, B = rng.standard_normal((3, 5)), rng.standard_normal((3, 7))
    cosines = np.sort(np.abs((A / np.linalg.norm(A, axis=0)).T @ (B / np.linalg.norm(B, axis=0))))
    for rank in (1, 2, 7):
        expected = np.histogram(cosines[:, -rank], np.linspace(0, 1, 9))[0]
        got = max_cosine_histogram(A, B, rank=rank, n_bins=8, n_draws=2, random_state=0)
        np.testing.assert_array_equal(got.learned, expected)
    # Within a dictionary a column is not compared with itself.
    assert max_cosine_histogram(np.eye(3), rank=2, n_bins=2).learned.tolist() == [3, 0]
    with pytest.raises(ValueError, match="`rank` must be at most 2"):
        max_cosine_histogram(np.eye(3), rank=3)


def test_histogram_is_reproducible(truth):
    first, again, other = (max_cosine_histogram(truth, random_state=s).random for s in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.ones((2, 1)),), "`mixing_a` must have at least 2 columns"),
        ((np.ones((2, 3)), np.ones((3, 3))), "`mixing_a` must have shape"),
    ],
)
def test_bad_histogram(arguments, message):
    with pytest.raises(ValueError, match=message):
        max_cosine_histogram(*arguments)


def test_the_same_dictionary_is_stable(truth):
    rng = np.random.default_rng(1)
    copies = [
        (truth * rng.choice([-1.0, 1.0], 24) * rng.lognormal(size=24))[:, rng.permutation(24)]
        for _ in range(3)
    ]
    assert stability(copies).value == pytest.approx(1.0)
    assert stability(copies, nonnegative=True).value < 0.9


def test_two_dictionaries_are_scored_by_their_matched_cosine(truth):
    other = np.random.default_rng(1).standard_normal(truth.shape)
    figure = stability([truth, other])
    assert figure.value == pytest.approx(mean_cosine(other, truth), abs=1e-12)


def test_random_dictionaries_reach_chance():
    rng = np.random.default_rng(1)
    figure = stability([rng.standard_normal((16, 24)) for _ in range(5)])
    level = chance_level("mean_cosine", 16, 24, 24, n_draws=20, random_state=0)
    assert figure.chance == pytest.approx(level.mean, rel=1e-12)
    assert abs(figure.value - figure.chance) < 4 * level.std
    assert figure.best == 1.0


def test_surplus_columns_are_unstable_in_either_order(truth):
    small = truth[:, :12]
    assert stability([small, truth]).value == pytest.approx(0.5)
    assert stability([truth, small]) == pytest.approx(stability([small, truth]))


def test_a_single_dictionary_has_no_stability(truth):
    with pytest.raises(ValueError, match="`mixings` must hold at least 2 matrices, got 1"):
        stability([truth])
