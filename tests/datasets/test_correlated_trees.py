"""The steps of the hierarchical set one by one: Zipf, copula, trees, magnitudes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm

from overica.datasets import make_hierarchy, make_sparse_but_wrong
from overica.datasets.correlated_firing import (
    copula_firing,
    low_rank_factor,
    random_correlation,
    zipf_probabilities,
)
from overica.datasets.trees import Forest


@pytest.fixture(scope="module")
def data():
    return make_hierarchy(random_state=0)


FOREST = Forest.grow(96, n_trees=6, branching=3, depth=2)


@given(st.integers(2, 200), st.floats(0.1, 2.0), st.floats(0.001, 0.2), st.floats(0.21, 1.0))
def test_zipf_law(n, exponent, smallest, largest):
    p = zipf_probabilities(n, exponent, largest, smallest)
    assert p[0] == pytest.approx(largest)
    assert p[-1] == pytest.approx(smallest)
    # An affine image of r^-a: ratios of differences are those of the powers.
    powers = np.arange(1.0, n + 1) ** -exponent
    expected = (powers - powers[-1]) / (powers[0] - powers[-1])
    np.testing.assert_allclose((p - p[-1]) / (p[0] - p[-1]), expected, atol=1e-12)


def test_copula_keeps_margins_and_correlates_as_gaussians_do():
    rng = np.random.default_rng(0)
    p = np.array([0.3, 0.2, 0.1, 0.5])
    C = np.array([[1, 0.7, -0.6, 0], [0.7, 1, -0.3, 0], [-0.6, -0.3, 1, 0], [0, 0, 0, 1]])
    n = 100_000
    fired = copula_firing(rng, n, p, correlation=C)
    np.testing.assert_allclose(fired.mean(axis=0), p, atol=5 * np.sqrt(0.25 / n))
    for i in range(4):
        for j in range(i):
            cut = norm.ppf([p[i], p[j]])
            joint = multivariate_normal([0, 0], [[1, C[i, j]], [C[i, j], 1]]).cdf(cut)
            assert (fired[:, i] & fired[:, j]).mean() == pytest.approx(joint, abs=0.006)


def test_low_rank_factor_correlates_as_its_product_says():
    rng = np.random.default_rng(0)
    F = low_rank_factor(rng, 6, 2, 0.5)
    assert (F**2).sum(axis=1).max() <= 0.99 + 1e-12
    fired = copula_firing(rng, 200_000, np.full(6, 0.5), factor=F)
    # At p = 1/2 the indicators' correlation is 2 / pi arcsin of the Gaussians'.
    expected = 2 / np.pi * np.arcsin(F @ F.T)
    off = ~np.eye(6, dtype=bool)
    np.testing.assert_allclose(np.corrcoef(fired.T)[off], expected[off], atol=0.012)


def test_random_correlation_is_one():
    C = random_correlation(np.random.default_rng(0), 50, 0.3, 0.9)
    np.testing.assert_allclose(np.diag(C), 1.0)
    np.testing.assert_allclose(C, C.T, atol=1e-12)
    assert np.linalg.eigvalsh(C).min() > 0
    off = C[np.triu_indices(50, 1)]
    assert abs((off > 0).mean() - 0.5) < 0.06
    # With two features nothing needs repair: the entry is in the range.
    pair = abs(random_correlation(np.random.default_rng(0), 2, 0.3, 0.9, uncorrelated=0.0)[0, 1])
    assert 0.3 <= pair <= 0.9


def test_sparse_but_wrong_frequencies_and_correlations():
    data = make_sparse_but_wrong(50_000, random_state=0)
    active = data.codes > 0
    expected = np.linspace(0.39, 0.05, 50)
    np.testing.assert_allclose(active.mean(axis=0), expected, atol=0.01)
    np.testing.assert_allclose(data.mixing.T @ data.mixing, np.eye(50), atol=1e-12)
    values = data.codes[active]
    assert values.mean() == pytest.approx(1.0, abs=0.002)
    assert values.std() == pytest.approx(0.15, abs=0.002)
    off = np.corrcoef(active.T)[np.triu_indices(50, 1)]
    # Clearly correlated, with both signs.
    assert (off > 0.1).mean() > 0.1
    assert (off < -0.1).mean() > 0.1
    # Independent features have none of it.
    free = make_sparse_but_wrong(50_000, correlations=(0.0, 0.0), random_state=0)
    assert np.abs(np.corrcoef((free.codes > 0).T) - np.eye(50)).max() < 0.03
    assert make_sparse_but_wrong(100, 20, 30, random_state=0).mixing.shape == (20, 30)


def test_forest_is_complete():
    parent = FOREST.parent
    assert (parent == -1).sum() == 6 + 18
    np.testing.assert_array_equal(np.bincount(parent[parent >= 0], minlength=24), [3] * 24)
    assert (parent[parent >= 0] < np.flatnonzero(parent >= 0)).all()
    assert Forest.grow(7, n_trees=2, branching=4, depth=3).parent.tolist() == [-1, -1] + [0] * 4 + [
        1
    ]
    assert (Forest.grow(5, n_trees=0, branching=2, depth=2).parent == -1).all()
    assert len(set(FOREST.trees())) == 24


def test_children_need_parents_and_exclude_siblings(data):
    active = data.codes > 0
    for owner, children in FOREST.families():
        assert active[:, children].any()
        assert not (active[:, children] & ~active[:, [owner]]).any()
        assert active[:, children].sum(axis=1).max() == 1


@given(st.integers(0, 10_000))
def test_pruning_keeps_what_it_may(seed):
    rng = np.random.default_rng(seed)
    forest = Forest.grow(13, n_trees=1, branching=3, depth=2)
    fired = rng.random((50, 13)) < 0.6
    kept = forest.prune(rng, fired)
    assert not (kept & ~fired).any()
    np.testing.assert_array_equal(kept[:, 0], fired[:, 0])
    for owner, children in forest.families():
        # Where the parent stays and a child had fired, exactly one child stays.
        expected = kept[:, owner] & fired[:, children].any(axis=1)
        np.testing.assert_array_equal(kept[:, children].sum(axis=1), expected)


def test_siblings_win_equally_often():
    rng = np.random.default_rng(0)
    kept = Forest(np.array([-1, 0, 0, 0])).prune(rng, np.ones((30_000, 4), dtype=bool))
    np.testing.assert_allclose(kept.mean(axis=0), [1, 1 / 3, 1 / 3, 1 / 3], atol=0.015)


def test_frequencies_follow_zipf(data):
    rate = (data.codes > 0).mean(axis=0)
    p = zipf_probabilities(96, 0.5, 0.4, 0.015)
    parentless = FOREST.parent == -1
    np.testing.assert_allclose(rate[parentless], p[parentless], atol=0.012)
    # Children fall behind where their parents are rare, and hardly ever go beyond.
    assert (rate[~parentless] < p[~parentless] + 0.012).all()
    assert rate[~parentless].sum() > 0.6 * p[~parentless].sum()
    # Zipf's slope on the roots of a forest without children.
    alone = make_hierarchy(60_000, 4, 40, n_trees=0, probabilities=(0.5, 0.08), random_state=0)
    rate = (alone.codes > 0).mean(axis=0)
    expected = zipf_probabilities(40, 0.5, 0.5, 0.08)
    np.testing.assert_allclose(rate, expected, atol=5 * np.sqrt(0.25 / 60_000))


def test_compensation_brings_children_to_their_frequency():
    settings = {"n_samples": 60_000, "n_features": 4, "n_components": 12, "n_trees": 4}
    settings |= {"branching": 2, "depth": 1, "probabilities": (0.5, 0.1), "correlation_scale": 0.0}
    p = zipf_probabilities(12, 0.5, 0.5, 0.1)
    wanted, plain = (
        (make_hierarchy(**settings, compensate=c, random_state=0).codes > 0).mean(axis=0)
        for c in (True, False)
    )
    np.testing.assert_allclose(wanted[4:], p[4:], rtol=0.15)
    assert (plain[4:] < 0.6 * p[4:]).all()


def test_magnitudes_fall_from_five_to_four(data):
    active = data.codes > 0
    mean = data.codes.sum(axis=0) / active.sum(axis=0)
    np.testing.assert_allclose(mean, np.linspace(5, 4, 96), atol=0.35)
    assert np.polyfit(np.arange(96), mean, 1)[0] == pytest.approx(-1 / 95, rel=0.15)
    assert make_hierarchy(200, magnitude_spread=0.0, random_state=0).free_magnitudes is False


def test_correlation_scale_correlates_roots():
    def spread(scale):
        data = make_hierarchy(
            20_000, 4, 30, n_trees=0, correlation_scale=scale, correlation_rank=3, random_state=0
        )
        off = np.corrcoef((data.codes > 0).T)[np.triu_indices(30, 1)]
        return off.std()

    assert spread(0.0) < 1.3 / np.sqrt(20_000)
    assert spread(0.5) > 0.05


def test_larger_call_of_the_docstring():
    data = make_hierarchy(
        4000, 64, 512, n_trees=16, branching=4, probabilities=(0.4, 0.003), random_state=0
    )
    assert 7 < (data.codes > 0).sum(axis=1).mean() < 9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_trees": -1}, "`n_trees` must be an integer >= 0, got -1"),
        ({"branching": 0}, "`branching` must be an integer >= 1, got 0"),
        ({"probabilities": (0.0, 0.1)}, "`probabilities` must be a finite number > 0, got 0.0"),
        ({"probabilities": (1.5, 0.1)}, r"`probabilities` must be in \(0, 1\], got 1.5"),
        ({"correlation_scale": -1.0}, "`correlation_scale` must be"),
        ({"noise": -1.0}, "`noise` must be"),
    ],
)
def test_bad_hierarchy(change, message):
    with pytest.raises(ValueError, match=message):
        make_hierarchy(**({"n_samples": 10, "random_state": 0} | change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"correlations": (0.5, 0.3)}, r"`correlations` must be \(smallest, largest\)"),
        ({"correlations": (0.5, 1.0)}, r"`correlations` must be \(smallest, largest\)"),
        ({"probabilities": (0.5, 2.0)}, "`probabilities` must be in"),
        ({"magnitude_spread": -0.1}, "`magnitude_spread` must be"),
    ],
)
def test_bad_sparse_but_wrong(change, message):
    with pytest.raises(ValueError, match=message):
        make_sparse_but_wrong(**({"n_samples": 10, "random_state": 0} | change))
