"""The test for tails lighter than Gaussian: it finds them, and is silent where there are none."""

import warnings
from functools import partial

import numpy as np
import pytest
from scipy import stats

from overica.datasets import DATASETS, load_patches, make_mixture
from overica.learning.sub_gaussian import (
    lighter_than_gaussian,
    lightest_direction,
    warn_if_sub_gaussian,
)

SPLIT = 3000


def said(X, seed=0):
    """Whether there is a warning for samples."""
    rng = np.random.default_rng(seed)
    X = np.asarray(X, float)[rng.permutation(len(X))]
    X = X - X.mean(axis=0)
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        warn_if_sub_gaussian(X[SPLIT // 2 :], X[: SPLIT // 2], rng)
    return bool(raised)


def test_false_alarms_are_rare_on_gaussian_values():
    S = np.random.default_rng(0).standard_normal((2000, 2000))
    # Four standard errors on one side: three in a hundred thousand.
    assert lighter_than_gaussian(S).sum() <= 1


@pytest.mark.parametrize(
    ("law", "light"),
    [
        (stats.uniform(), True),
        (stats.arcsine(), True),
        (stats.beta(3, 3), True),
        (stats.laplace(), False),
        (stats.t(3), False),
        (stats.expon(), False),
        (stats.logistic(), False),
    ],
)
def test_tails(law, light):
    S = law.rvs(size=(3000, 5), random_state=0)
    assert (lighter_than_gaussian(S) == light).all()


def test_the_lightest_direction_is_that_of_the_uniform_source():
    rng = np.random.default_rng(0)
    S = rng.laplace(size=(8000, 5))
    S[:, 2] = 2 * rng.uniform(-1, 1, 8000)
    A = rng.standard_normal((5, 5))
    found = lightest_direction(S @ A.T, rng) @ A
    assert abs(found[2]) / np.linalg.norm(found * S.std(axis=0)) * S[:, 2].std() > 0.99


@pytest.mark.parametrize(("n_features", "n_components"), [(2, 3), (8, 12)])
def test_more_uniform_sources_than_features_are_noticed(n_features, n_components):
    rng = np.random.default_rng(0)
    S = rng.uniform(-1, 1, (10_000, n_components))
    assert said(S @ rng.standard_normal((n_features, n_components)).T)


SIGNED = {
    **{name: DATASETS[name] for name in ("mixture", "laplace", "laplace_2x4")},
    "8x16": partial(make_mixture, 10_000, 8, 16, "sparse_laplace", n_active=3),
    "4x9": partial(make_mixture, 10_000, 4, 9, "bernoulli_laplace"),
    "16x32": partial(make_mixture, 10_000, 16, 32, "laplace"),
    "64x128": partial(make_mixture, 10_000, 64, 128, "sparse_laplace", n_active=6),
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", SIGNED)
def test_silence_on_sets_of_signed_sparse_sources(name, seed):
    data = SIGNED[name](random_state=seed)
    assert not data.nonnegative
    assert not said(data.X, seed)


def test_silence_on_photographs():
    assert not said(load_patches(10_000, (6, 6), whiten=True, random_state=0))


@pytest.mark.parametrize("law", ["laplace", "sparse", "student", "gaussian"])
def test_silence_on_mixtures_of_heavy_tails(law):
    rng = np.random.default_rng(0)
    S = {
        "laplace": lambda size: rng.laplace(size=size),
        "sparse": lambda size: rng.laplace(size=size) * (rng.random(size) < 0.1),
        "student": lambda size: rng.standard_t(3, size=size),
        "gaussian": lambda size: rng.standard_normal(size),
    }[law]((8000, 12))
    for seed in range(5):
        X = S @ np.random.default_rng(seed).standard_normal((6, 12)).T
        assert not said(X + 0.1 * rng.standard_normal(X.shape), seed)
