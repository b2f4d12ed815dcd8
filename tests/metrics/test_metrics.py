"""Laws that every metric of the registry keeps, and the values of each."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overica.metrics import (
    METRICS,
    chance_level,
    get_metric,
    mean_cosine,
    mean_max_cosine,
    mean_max_cosine_recall,
    share_recovered,
)

every_metric = pytest.mark.parametrize("name", sorted(METRICS))


@pytest.fixture
def truth():
    return np.random.default_rng(7).standard_normal((8, 12))


@every_metric
@pytest.mark.parametrize("nonnegative", [False, True])
def test_truth_scores_one(name, truth, nonnegative):
    rng = np.random.default_rng(0)
    learned = (truth * rng.lognormal(size=12))[:, rng.permutation(12)]
    score = METRICS[name](learned, truth, nonnegative=nonnegative)
    assert isinstance(score, float)
    assert score == pytest.approx(1.0, abs=1e-12)


@every_metric
def test_signs_count_only_when_asked(name, truth):
    assert METRICS[name](-truth, truth) == pytest.approx(1.0, abs=1e-12)
    assert METRICS[name](-truth, truth, nonnegative=True) < 0.9


@every_metric
def test_dead_learned_columns_score_zero(name, truth):
    assert METRICS[name](np.zeros_like(truth), truth) == 0.0


@every_metric
def test_noise_lowers_the_score_towards_chance(name, truth):
    noise = np.random.default_rng(1).standard_normal(truth.shape)
    near, far = (METRICS[name](truth + a * noise, truth) for a in (0.2, 100.0))
    chance = chance_level(name, 8, 12, 12, random_state=0)
    assert near > far
    assert abs(far - chance.mean) < 5 * chance.std + 1e-12


@every_metric
def test_chance_is_reproducible_and_below_one(name):
    first, again, other = (chance_level(name, 3, 4, 5, random_state=s) for s in (0, 0, 1))
    assert first == again
    assert first.mean < 1
    assert first.std > 0
    assert name == "share_recovered" or first != other


def test_half_the_columns_found(truth):
    assert mean_cosine(truth[:, :6], truth) == pytest.approx(0.5)
    assert share_recovered(truth[:, :6], truth) == pytest.approx(0.5)
    assert mean_max_cosine(truth[:, :6], truth) == pytest.approx(1.0)
    assert 0.5 < mean_max_cosine_recall(truth[:, :6], truth) < 0.9


@given(seed=st.integers(0, 2**32 - 1), nonnegative=st.booleans(), n_learned=st.integers(1, 8))
def test_recall_of_nearest_columns_is_precision_exchanged(seed, nonnegative, n_learned):
    rng = np.random.default_rng(seed)
    A, B = rng.standard_normal((3, n_learned)), rng.standard_normal((3, 5))
    recall = mean_max_cosine_recall(A, B, nonnegative)
    assert recall == pytest.approx(mean_max_cosine(B, A, nonnegative), abs=1e-12)
    if n_learned >= 5:
        assert recall >= mean_cosine(A, B, nonnegative) - 1e-12


@every_metric
@given(seed=st.integers(0, 2**32 - 1), nonnegative=st.booleans(), n_learned=st.integers(1, 6))
def test_order_length_and_rotation_do_not_count(name, seed, nonnegative, n_learned):
    rng = np.random.default_rng(seed)
    A, B = rng.standard_normal((3, n_learned)), rng.standard_normal((3, 4))
    Q = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    moved = (Q @ A * rng.lognormal(size=n_learned))[:, rng.permutation(n_learned)]
    shuffled = (Q @ B)[:, rng.permutation(4)]
    score = METRICS[name](A, B, nonnegative)
    assert METRICS[name](moved, shuffled, nonnegative) == pytest.approx(score, abs=1e-12)
    assert (-1 if nonnegative else 0) <= score <= 1


def test_duplicates_are_credited_once():
    duplicated = np.array([[1.0, 1.0], [0.0, 0.0]])
    assert mean_cosine(duplicated, np.eye(2)) == pytest.approx(0.5)
    assert share_recovered(duplicated, np.eye(2)) == 0.5
    assert mean_max_cosine(duplicated, np.eye(2)) == 1.0


@pytest.mark.parametrize(("degrees", "recovered"), [(11.4, 1.0), (11.6, 0.0)])
def test_threshold_is_an_angle(degrees, recovered):
    angle = np.deg2rad(degrees)
    assert share_recovered([[np.cos(angle)], [np.sin(angle)]], [[1.0], [0.0]]) == recovered


def test_threshold_of_one_accepts_rounding(truth):
    assert share_recovered(3.3 * truth, truth, threshold=1.0) == 1.0


@pytest.mark.parametrize("threshold", [0.0, 1.1, np.nan])
def test_bad_threshold(truth, threshold):
    with pytest.raises(ValueError, match="`threshold` must be in"):
        share_recovered(truth, truth, threshold=threshold)


def test_chance_in_one_dimension_is_certain():
    assert chance_level("mean_cosine", 1, 2, 2, random_state=0) == (1.0, 0.0)


def test_chance_of_the_plane():
    """E|cos| of a uniform angle is 2/pi, and with one column each there is nothing to choose."""
    level = chance_level("mean_cosine", 2, 1, 1, n_draws=4000, random_state=0)
    assert abs(level.mean - 2 / np.pi) < 4 * level.std / np.sqrt(4000)


def test_chance_of_a_seed_is_drawn_once():
    calls = []

    def count(mixing_a, mixing_true, nonnegative=False):
        calls.append(mixing_a.shape)
        return 0.0

    for _ in range(3):
        chance_level(count, 2, 3, 4, n_draws=5, random_state=7)
    assert calls == [(2, 3)] * 5
    for _ in range(2):
        chance_level(count, 2, 3, 4, n_draws=5, random_state=np.random.default_rng(7))
    assert len(calls) == 15


def test_chance_takes_a_callable_and_a_generator():
    def constant(mixing_a, mixing_true, nonnegative=False):
        return 2.0 if nonnegative else 1.0

    rng = np.random.default_rng(0)
    assert (
        chance_level(constant, 2, 3, 3, nonnegative=True, n_draws=2, random_state=rng).mean == 2.0
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing", 2, 3, 3), "`metric` must be one of"),
        (("mean_cosine", 0, 3, 3), "`n_features` must be an integer >= 1, got 0"),
        (("mean_cosine", 2, 3, 2.5), "`n_components_true` must be an integer"),
    ],
)
def test_bad_chance(arguments, message):
    with pytest.raises(ValueError, match=message):
        chance_level(*arguments)


def test_get_metric_passes_callables_on():
    assert get_metric(mean_cosine) is mean_cosine
