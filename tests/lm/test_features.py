"""Clusters, agreement, densities and the description of single features, against brute force and known answers."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse, stats
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from overica.lm import agreement, feature_clusters, fit_densities
from overica.lm.features.agreement import clustered_share, nearest, partners, random_directions
from overica.lm.features.densities import FAMILIES
from overica.lm.features.describe import describe_features

SAMPLERS = {
    "exponential": lambda rng, n: rng.exponential(2.0, n),
    "half_normal": lambda rng, n: np.abs(rng.normal(0, 2.0, n)),
    "gamma": lambda rng, n: rng.gamma(3.0, 0.5, n),
    "log_normal": lambda rng, n: rng.lognormal(0.0, 0.8, n),
    "shifted_exponential": lambda rng, n: 1.0 + rng.exponential(0.5, n),
}


@given(st.integers(2, 12), st.floats(0.3, 0.95), st.booleans(), st.integers(0, 99))
@settings(max_examples=40)
def test_clusters_are_those_of_single_linkage(n, threshold, nonnegative, seed):
    rows = np.random.default_rng(seed).standard_normal((n, 3))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = rows @ rows.T
    distances = 1 - (cosines if nonnegative else np.abs(cosines))
    np.fill_diagonal(distances, 0)
    tree = linkage(squareform(np.maximum(distances, 0), checks=False), "single")
    expected = fcluster(tree, 1 - threshold, "distance")
    found = feature_clusters(rows, threshold, nonnegative=nonnegative)
    for i, j in combinations(range(n), 2):
        assert (found[i] == found[j]) == (expected[i] == expected[j])
    sizes = np.bincount(found)
    assert (np.diff(sizes) <= 0).all()


def test_dead_features_are_alone():
    rows = np.vstack([np.eye(2), np.eye(2), np.zeros((3, 2))])
    assert np.bincount(feature_clusters(rows)).tolist() == [2, 2, 1, 1, 1]
    assert clustered_share(rows, 0.9) == 4 / 7


def test_agreement_counts_each_feature_once():
    rng = np.random.default_rng(0)
    first = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    second = np.vstack([first[0], -first[0], first[1]])
    found = agreement(first, second)
    assert found["above_0.9"] == pytest.approx(2 / 6)
    level = agreement(first, first, random_directions(np.eye(6), 6, rng))
    assert level["mean"] == pytest.approx(1)
    assert 0.2 < level["chance_mean"] < 0.9


def test_partners_and_nearest():
    first = np.eye(4)
    found = partners({"a": first, "b": -first[[2, 0]]}, "a")
    assert found == {"b": {"index": [1, -1, 0, -1], "cosine": [-1.0, 0.0, -1.0, 0.0]}}
    order, cosines = nearest(np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]]), 5)
    assert order.tolist()[0] == [1, 2]
    assert cosines[2].tolist() == pytest.approx([0.6, 0.0])


def test_random_directions_follow_the_covariance():
    rows = random_directions(np.diag([100.0, 1.0, 1.0]), 500, np.random.default_rng(0))
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1)
    assert np.abs(rows[:, 0]).mean() > 0.9


@pytest.mark.parametrize("name", FAMILIES)
def test_the_density_that_made_the_sizes_is_found(name):
    sizes = SAMPLERS[name](np.random.default_rng(0), 3000)
    fits = fit_densities(sizes)
    best = max(fits, key=lambda family: fits[family].log_likelihood)
    # An exponential is a gamma of shape one too.
    assert best == name or fits[best].log_likelihood - fits[name].log_likelihood < 1e-3
    assert fits[name].distance < 0.03


@pytest.mark.parametrize("name", FAMILIES)
def test_distance_is_that_of_kolmogorov_and_smirnov(name):
    sizes = SAMPLERS["gamma"](np.random.default_rng(1), 200)
    fit = fit_densities(sizes)[name]
    frozen = FAMILIES[name].distribution(*fit.parameters)
    assert fit.distance == pytest.approx(stats.kstest(sizes, frozen.cdf).statistic)


def test_likelihoods_in_closed_form():
    sizes = SAMPLERS["gamma"](np.random.default_rng(1), 300)
    fits = fit_densities(sizes)
    logs, theta, beyond = np.log(sizes), sizes.mean(), sizes.mean() - sizes.min()
    expected = {
        "exponential": -np.log(theta) - 1 - 1 / 300,
        "half_normal": -0.5 * np.log(np.pi / 2 * (sizes**2).mean()) - 0.5 - 1 / 300,
        "log_normal": -logs.mean() - 0.5 * np.log(2 * np.pi * logs.var()) - 0.5 - 2 / 300,
        "shifted_exponential": -np.log(beyond) - 1 - 2 / 300,
    }
    assert {n: fits[n].log_likelihood for n in expected} == pytest.approx(expected)


@pytest.mark.parametrize("name", ["exponential", "half_normal", "gamma", "log_normal"])
def test_parameters_are_of_maximum_likelihood(name):
    sizes = SAMPLERS["gamma"](np.random.default_rng(2), 300)
    distribution = FAMILIES[name].distribution
    best = fit_densities(sizes)[name].parameters
    peak = distribution.logpdf(sizes, *best).sum()
    for i in range(len(best)):
        for factor in (0.99, 1.01):
            moved = [p * factor if j == i else p for j, p in enumerate(best)]
            assert distribution.logpdf(sizes, *moved).sum() <= peak + 1e-6


@given(st.integers(20, 60), st.floats(-12, 6), st.integers(0, 99))
def test_no_spread_of_sizes_breaks_a_fit(n, exponent, seed):
    sizes = 1 + 10**exponent * np.random.default_rng(seed).random(n)
    for fit in fit_densities(sizes).values():
        assert np.isfinite([*fit.parameters, fit.log_likelihood]).all()
        assert 0 <= fit.distance <= 1


def test_too_little_to_judge():
    assert fit_densities([]) == {}
    assert fit_densities(np.ones(100)) == {}
    assert fit_densities(np.arange(1.0, 10.0)) == {}
    with pytest.raises(ValueError, match="must not be negative"):
        fit_densities([-1.0, 2.0])


def test_contexts_are_of_different_documents():
    codes = np.zeros((9, 2))
    codes[:, 0] = [9, 8, 7, 1, 2, 3, 0, 0, 5]
    documents = np.repeat([4, 5, 6], 3)
    first, dead = describe_features(sparse.csc_matrix(codes), documents)
    places = first["examples"][0]["places"]
    assert [(row, code) for row, code, _ in places] == [(0, 9.0), (8, 5.0), (5, 3.0)]
    assert places[1][2] == [(8, 5.0)]
    assert first["density"] == pytest.approx(7 / 9)
    assert (dead["firings"], dead["contribution"], dead["examples"]) == (0, 0.0, [])
    with pytest.raises(ValueError, match="`documents` must have shape"):
        describe_features(codes, documents[:4])


@pytest.mark.parametrize("nonnegative", [False, True])
def test_contribution_is_the_fall_of_the_evidence_without_the_feature(nonnegative):
    """Brute force: the log posterior ratio of each firing from squared errors with and without it."""
    rng = np.random.default_rng(0)
    n, d = 300, 4
    rows = np.linalg.qr(rng.standard_normal((d, d)))[0]
    codes = rng.exponential(2.0, (n, d)) * (rng.random((n, d)) < 0.2)
    codes *= 1 if nonnegative else rng.choice([-1, 1], codes.shape)
    X = codes @ rows + 0.3 * rng.standard_normal((n, d))
    residual = X - codes @ rows
    found = describe_features(codes, np.arange(n), residual, rows, nonnegative=nonnegative)
    noise = (residual**2).mean()
    for j, feature in enumerate(found):
        without = codes.copy()
        without[:, j] = 0
        active = codes[:, j] != 0
        rise = ((X - without @ rows) ** 2).sum() - (residual**2).sum()
        theta, rho = np.abs(codes[active, j]).mean(), active.mean()
        density = -np.abs(codes[active, j]) / theta - np.log(theta * (1 if nonnegative else 2))
        price = np.log(rho / (1 - rho)) + 0.5 * np.log(2 * np.pi * noise)
        expected = (rise / (2 * noise) + (density + price).sum()) / n
        assert feature["contribution"] == pytest.approx(expected)


def test_histograms_of_both_signs_have_two_sides():
    codes = np.array([[-2.0], [1.0], [0.0]])
    (feature,) = describe_features(codes, np.arange(3), nonnegative=False)
    histogram = feature["histogram"]
    assert (histogram["low"], histogram["high"], sum(histogram["counts"])) == (-2.0, 2.0, 2)
    assert feature["positive_share"] == 0.5
