"""The warning that samples are as good as Gaussian: where they are, and never where sources are found."""

import warnings

import numpy as np
import pytest
from scipy import stats

from overica import OvercompleteICA
from overica.datasets import make_exponential, make_mixture
from overica.learning.gaussian_samples import gaussian_along, gaussian_log_density


def said(X, n_components, **parameters):
    """Whether a fit warns."""
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        OvercompleteICA(n_components, random_state=0, **parameters).fit(X)
    return any("cannot be told from Gaussian noise" in str(each.message) for each in raised)


@pytest.mark.parametrize(
    ("n_features", "n_components", "prior"),
    [(3, 6, "auto"), (4, 4, "auto"), (4, 8, "exponential"), (16, 32, "auto"), (4, "auto", "auto")],
)
def test_noise_has_no_sources(n_features, n_components, prior):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((3000, n_features)) @ rng.standard_normal((n_features, n_features))
    assert said(X, n_components, prior=prior, max_iter=40)


@pytest.mark.parametrize(
    ("X", "n_components", "prior"),
    [
        (make_mixture(3000, 2, 3, "laplace", random_state=0).X, 3, "auto"),
        (make_mixture(3000, 16, 32, "sparse_laplace", n_active=6, random_state=0).X, 32, "auto"),
        (make_exponential(3000, 4, random_state=0).X, 4, "exponential"),
        (np.random.default_rng(0).uniform(size=(3000, 3)), 3, "auto"),
    ],
    ids=["dense", "sparse", "skewed", "uniform"],
)
def test_sources_are_told_from_noise(X, n_components, prior):
    assert not said(X, n_components, prior=prior, max_iter=40)


@pytest.mark.parametrize(
    ("law", "gaussian"),
    [
        (stats.norm(), True), (stats.laplace(), False), (stats.uniform(), False),
        (stats.expon(), False), (stats.gamma(9), False),
    ],
)  # fmt: skip
def test_a_direction_is_told_by_tails_or_by_skewness(law, gaussian):
    S = np.random.default_rng(1).standard_normal((4000, 5))
    S[:, 3] = law.rvs(size=4000, random_state=0)
    assert gaussian_along(S, np.eye(5)) is gaussian


def test_false_alarms_are_as_rare_as_said():
    rng = np.random.default_rng(0)
    alarms = sum(not gaussian_along(rng.standard_normal((500, 20)), np.eye(20)) for _ in range(300))
    assert alarms <= 3


def test_the_density_is_that_of_the_gaussian_variable():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((500, 3)) @ rng.standard_normal((3, 3)) + 5
    expected = stats.multivariate_normal(X.mean(0), np.cov(X.T)).logpdf(X[:7])
    np.testing.assert_allclose(gaussian_log_density(X, X[:7]), expected)
    assert gaussian_log_density(np.c_[X, X], np.c_[X, X][:2]).tolist() == [-np.inf, -np.inf]
