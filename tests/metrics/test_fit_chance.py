"""The chance of a fit is what random dictionaries reach with as many codes."""

import numpy as np
import pytest

from overica.metrics import FIT_METRICS, dead_share, explained_variance, fit_chance
from tests.metrics.pursued import pursued


@pytest.fixture
def samples():
    rng = np.random.default_rng(0)
    return rng.laplace(size=(600, 6)) @ rng.standard_normal((6, 6)) + 3.0


@pytest.mark.parametrize("nonnegative", [False, True])
def test_a_random_dictionary_reaches_it(samples, nonnegative):
    rng = np.random.default_rng(1)
    figures = []
    for _ in range(30):
        D = rng.standard_normal((6, 12))
        S = pursued(samples - samples.mean(axis=0), D, 2, nonnegative)
        X_hat = S @ D.T + samples.mean(axis=0)
        figures.append(explained_variance(samples, X_hat))
    chance = fit_chance(samples, S, nonnegative, random_state=2)
    spread = np.std(figures)
    assert abs(chance["explained_variance"] - np.mean(figures)) < 4 * spread * np.sqrt(
        1 / 8 + 1 / 30
    )
    assert chance["l0"] == pytest.approx(2.0, abs=0.05)
    assert set(chance) == set(FIT_METRICS)


def test_numbers_of_codes_are_kept_sample_by_sample(samples):
    S = np.zeros((600, 12))
    S[:150, :3] = 1.0
    chance = fit_chance(samples, S, random_state=0)
    assert chance["l0"] == pytest.approx(0.75)
    assert 0 < chance["explained_variance"] < 0.5


def test_anchors(samples):
    nothing = fit_chance(samples, np.zeros((600, 12)), random_state=0)
    assert nothing["explained_variance"] == pytest.approx(0.0, abs=1e-12)
    assert nothing["dead_share"] == 1.0
    everything = fit_chance(samples, np.ones((600, 12)), random_state=0)
    assert everything["explained_variance"] == pytest.approx(1.0)
    assert everything["l0"] == 6.0


def test_more_codes_and_more_columns_explain_more(samples):
    def level(n_active, n_components):
        S = np.zeros((600, n_components))
        S[:, :n_active] = 1.0
        return fit_chance(samples, S, random_state=0)["explained_variance"]

    assert level(1, 12) < level(2, 12) < level(3, 12)
    assert level(2, 6) < level(2, 24) < level(2, 96)


def test_non_negative_codes_explain_less(samples):
    S = np.zeros((600, 12))
    S[:, :1] = 1.0
    free, nonnegative = (fit_chance(samples, S, s, random_state=0) for s in (False, True))
    assert nonnegative["explained_variance"] < free["explained_variance"]


def test_a_part_of_many_samples_stands_for_all():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((1500, 64))
    S = np.zeros((1500, 256))
    S[:, :20] = 1.0
    some = fit_chance(X, S, n_draws=2, random_state=0)["explained_variance"]
    D = rng.standard_normal((64, 256))
    S = pursued(X, D, 20)
    assert some == pytest.approx(explained_variance(X, S @ D.T), abs=0.03)
    assert dead_share(X, X, S) == 0.0


def test_same_seed_same_answer(samples):
    S = np.eye(12)[np.arange(600) % 12]
    first, again, other = (fit_chance(samples, S, random_state=s) for s in (0, 0, 1))
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"codes": np.ones((5, 2))}, r"`codes` must have shape \(n_samples=600"),
        ({"codes": np.ones((600, 2)), "n_draws": 0}, "`n_draws` must be an integer >= 1"),
    ],
)
def test_bad_input(samples, arguments, message):
    with pytest.raises(ValueError, match=message):
        fit_chance(samples, **arguments)
