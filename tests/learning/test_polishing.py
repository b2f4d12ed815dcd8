"""Least squares on supports, and columns that are missing put in."""

import numpy as np
import pytest

from overica.datasets import make_compositional
from overica.learning import Model
from overica.learning.calibration import enough_rows, rescale
from overica.learning.polishing import polish, reseed
from overica.metrics import match_components
from overica.priors import get_prior


@pytest.fixture(scope="module")
def data():
    return make_compositional(100, 5, 3000, random_state=0)


def sized(A, X, penalty):
    return rescale(Model(A, get_prior("exponential"), penalty), X)


def cosines(model, data):
    return np.sort(match_components(model.mixing, data.mixing, nonnegative=True).cosines)


def test_polishing_comes_to_rest_at_the_truth(data):
    rng = np.random.default_rng(1)
    m = data.X.shape[1]
    near = data.mixing + 0.15 / np.sqrt(m) * rng.standard_normal(data.mixing.shape)
    model = sized(near, data.X, 0.02)
    before, after = cosines(model, data), cosines(polish(model, data.X), data)
    assert before.mean() < 0.995
    assert after.mean() > 0.999
    assert after[0] > before[0]


@pytest.mark.parametrize("column", [3, 17, 42])
def test_what_is_missing_takes_the_place_of_a_column_that_is_never_active(data, column):
    A = data.mixing.copy()
    # Codes are not negative: away from all samples.
    A[:, column] = -data.X.sum(axis=0) / np.linalg.norm(data.X.sum(axis=0))
    model = sized(A, data.X, 0.1)
    assert cosines(model, data)[0] < 0.8
    assert cosines(reseed(model, data.X), data)[0] > 0.98


def test_nothing_is_replaced_where_all_columns_are_worth_something(data):
    model = sized(data.mixing, data.X, 0.02)
    assert reseed(model, data.X) is model


def test_a_column_active_in_few_samples_keeps_its_length():
    # Five samples in which it happens to be small do not say that its scale is small.
    A = np.eye(4)
    X = np.zeros((405, 4))
    X[np.arange(400), np.arange(400) % 3] = 1.1
    X[400:, 3] = 0.2
    found = np.linalg.norm(rescale(Model(A, get_prior("exponential"), 0.1), X).mixing, axis=0)
    assert found[:3] == pytest.approx(np.ones(3), abs=0.05)
    assert found[3] > 0.6


def test_scales_are_fitted_to_samples_in_which_every_column_is_active():
    wide = Model(np.ones((4, 600)), get_prior("laplace"), 0.1)
    assert enough_rows(300, wide) == 2400
    assert enough_rows(1500, wide) == 3000
