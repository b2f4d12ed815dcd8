"""What a column is worth, against coding without it; and which ones are dropped."""

import numpy as np
import pytest

from overica import OvercompleteICA
from overica.datasets import make_three_features
from overica.inference import MAPProblem, solve
from overica.learning import Model
from overica.learning.worth import drop_least_worth, worth
from overica.metrics import share_recovered
from overica.priors import get_prior


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def energy(A, X, prior, penalty):
    codes = solve(MAPProblem(A, X, prior, penalty), "interior_point").codes
    return (
        ((X - codes @ A.T) ** 2).sum(axis=1) / 2 + penalty * prior.cost(codes).sum(axis=1)
    ).mean()


@pytest.mark.parametrize("name", ["laplace", "exponential"])
def test_worth_is_the_rise_of_the_energy(name, rng):
    A, X = rng.standard_normal((4, 7)), rng.standard_normal((60, 4))
    prior = get_prior(name)
    whole = energy(A, X, prior, 0.3)
    rise = [energy(np.delete(A, j, axis=1), X, prior, 0.3) - whole for j in range(7)]
    np.testing.assert_allclose(worth(Model(A, prior, 0.3), X), rise, atol=1e-6)


def test_fewer_columns_near_can_only_take_over_less(rng):
    model = Model(rng.standard_normal((4, 9)), get_prior("laplace"), 0.3)
    X = rng.standard_normal((100, 4))
    assert (worth(model, X, near=3) >= worth(model, X) - 1e-9).all()


def test_a_column_alone_is_worth_all_that_it_explains():
    model = Model(np.ones((1, 1)), get_prior("laplace"), 0.5)
    # Codes 1.5, 0, -2.5: energies .125 + .75, .045, .125 + 1.25 instead of 2, .045, 4.5.
    np.testing.assert_allclose(worth(model, np.array([[2.0], [0.3], [-3.0]])), (1.125 + 3.125) / 3)


def test_a_rare_column_stays_and_a_much_used_sum_goes(rng):
    A = np.eye(3)[:, [0, 1, 0, 2]]
    A[:2, 2] = np.sqrt(0.5)
    S = rng.exponential(size=(2000, 4)) * (rng.random((2000, 4)) < [0.4, 0.4, 0.4, 0.05])
    kept = drop_least_worth(Model(A, get_prior("exponential"), 0.05), S @ A.T, 3)
    np.testing.assert_array_equal(kept.mixing, np.eye(3))


def test_smooth_costs_drop_what_is_used_least(rng):
    model = Model(np.diag([3.0, 1.0, 2.0]), get_prior("smooth_laplace"), 0.1)
    X = rng.standard_normal((50, 3)) * [3.0, 0.1, 2.0]
    assert drop_least_worth(model, X, 2).mixing.shape == (3, 2)


def test_the_rare_feature_is_found_beside_a_frequent_pair():
    """By usage the sum of the pair would stay: it is active in five times as many samples."""
    data = make_three_features(10_000, random_state=2)
    ica = OvercompleteICA(3, prior="exponential", n_restarts=1, random_state=2).fit(data.X)
    assert share_recovered(ica.mixing_, data.mixing) == 1.0


def test_some_columns_are_worth_what_they_are_among_all(rng):
    model = Model(rng.standard_normal((4, 9)), get_prior("laplace"), 0.3)
    X = rng.standard_normal((100, 4))
    np.testing.assert_array_equal(worth(model, X, 3, np.array([2, 5])), worth(model, X, 3)[[2, 5]])
