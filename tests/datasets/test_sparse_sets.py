"""Laws of the plain sets: planar toys, exactly k active, three features, held-out pairs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overica.datasets import (
    make_archetypes,
    make_compositional,
    make_exponential,
    make_laplace,
    make_sparse_random,
    make_three_features,
)
from overica.datasets.sparse_random import random_subsets


@pytest.mark.parametrize(
    ("make", "turn", "excess"), [(make_exponential, 2 * np.pi, 6), (make_laplace, np.pi, 3)]
)
@pytest.mark.parametrize("n", [3, 4])
def test_planar_toys(make, turn, excess, n):
    data = make(100_000, n, jitter=0.0, random_state=0)
    angles = np.sort(np.mod(np.arctan2(data.mixing[1], data.mixing[0]), turn))
    np.testing.assert_allclose(np.diff(angles), turn / n)
    assert (data.codes != 0).all()
    assert data.X.std() == pytest.approx(1.0)
    Z = (data.codes - data.codes.mean(axis=0)) / data.codes.std(axis=0)
    np.testing.assert_allclose((Z**4).mean(axis=0) - 3, excess, rtol=0.15)
    irregular = make(10, n, random_state=0).mixing
    angles = np.sort(np.mod(np.arctan2(irregular[1], irregular[0]), turn))
    gaps = np.diff(np.append(angles, angles[0] + turn))
    assert gaps.min() >= 0.5 * turn / n
    assert gaps.std() > 0.01


def test_archetypes_are_columns_and_neighbouring_pairs():
    data = make_archetypes(20_000, random_state=0)
    active = data.codes > 0
    assert active.sum(axis=1).max() == 2
    assert (active.sum(axis=1) == 2).mean() == pytest.approx(0.25, abs=0.015)
    singles = active[active.sum(axis=1) == 1].mean(axis=0)
    np.testing.assert_allclose(singles, 0.25, atol=0.015)
    pairs = data.codes[active.sum(axis=1) == 2]
    shapes = np.unique((pairs / pairs.sum(axis=1, keepdims=True)).round(9), axis=0)
    assert len(shapes) == 2
    neighbours = {frozenset(np.flatnonzero(shape)) for shape in shapes}
    assert neighbours <= {frozenset({j, (j + 1) % 4}) for j in range(4)}
    # Without spread and noise the samples are a few points.
    points = make_archetypes(500, amplitude_spread=0.0, noise=0.0, random_state=0)
    assert len(np.unique(points.X.round(9), axis=0)) == 6


@given(st.integers(0, 6), st.integers(6, 9), st.integers(0, 1000))
def test_random_subsets_are_subsets(k, n, seed):
    subsets = random_subsets(np.random.default_rng(seed), 20, n, k)
    assert subsets.shape == (20, k)
    assert all(len(set(row)) == k for row in subsets)
    assert ((subsets >= 0) & (subsets < n)).all()


@pytest.mark.parametrize("sources", ["exponential", "laplace"])
def test_exactly_k_active(sources):
    data = make_sparse_random(20_000, 8, 12, 3, sources=sources, random_state=0)
    np.testing.assert_array_equal((data.codes != 0).sum(axis=1), 3)
    np.testing.assert_allclose((data.codes != 0).mean(axis=0), 0.25, atol=0.02)
    assert data.nonnegative == (sources == "exponential")
    assert data.X.std() == pytest.approx(1.0)
    clean = data.codes @ data.mixing.T
    assert (data.X - clean).std() / clean.std() == pytest.approx(0.01, rel=0.02)


def test_three_features_frequencies_and_proportions():
    data = make_three_features(100_000, random_state=0)
    active = data.codes > 0
    np.testing.assert_allclose(active.mean(axis=0), [0.4, 0.4, 0.05], atol=0.008)
    both = active[:, 0] & active[:, 1]
    assert both.mean() == pytest.approx(0.25, abs=0.008)
    assert (both & active[:, 2]).mean() == pytest.approx(0.25 * 0.05, abs=0.002)
    ratio = np.log(data.codes[both, 1] / data.codes[both, 0])
    assert ratio.std() == pytest.approx(0.1, rel=0.03)
    assert ratio.mean() == pytest.approx(0.0, abs=0.003)
    alone = data.codes[active[:, 0] & ~both, 0]
    assert alone.max() / alone.min() == pytest.approx(3.0, rel=0.01)


def test_three_features_cosines():
    data = make_three_features(100, 5, cosines=(0.5, -0.2, 0.1), random_state=0)
    expected = [[1, 0.5, -0.2], [0.5, 1, 0.1], [-0.2, 0.1, 1]]
    np.testing.assert_allclose(data.mixing.T @ data.mixing, expected, atol=1e-12)


@pytest.mark.parametrize("n_components", [30, 31])
def test_held_out_pairs_are_new(n_components):
    data = make_compositional(n_components, 4, 4000, n_held_out=1000, random_state=0)
    seen, novel = ((part.codes > 0).astype(float) for part in (data, data.held_out))
    np.testing.assert_array_equal(seen.sum(axis=1), 4)
    np.testing.assert_array_equal(novel.sum(axis=1), 4)
    known_pairs, new_pairs = seen.T @ seen, novel.T @ novel
    # Direction 0 is in every held-out sample, with companions it never had.
    assert (novel[:, 0] == 1).all()
    companions = np.flatnonzero(new_pairs[0, 1:]) + 1
    assert len(companions) == n_components // 2
    assert (known_pairs[0, companions] == 0).all()
    # Every direction is known, and 0 is in half of the samples.
    assert seen.mean(axis=0).min() > 0.02
    assert seen[:, 0].mean() == 0.5
    # Mixed, so that a split by rows has both kinds in both parts.
    assert 0.3 < seen[:400, 0].mean() < 0.7


def test_plain_compositional_set_has_nothing_held_out():
    assert make_compositional(30, 4, 20, random_state=0).held_out is None


@pytest.mark.parametrize(
    ("make", "arguments", "message"),
    [
        (make_sparse_random, {"n_active": 33}, "`n_active` must be at most 32, got 33"),
        (make_sparse_random, {"sources": "cauchy"}, "`sources` must be one of"),
        (make_exponential, {"n_components": 2}, "`n_components` must be an integer >= 3, got 2"),
        (make_laplace, {"jitter": 1.0}, r"`jitter` must be in \[0, 1\), got 1.0"),
        (make_archetypes, {"n_combinations": 5}, "`n_combinations` must be at most 4, got 5"),
        (make_archetypes, {"combined": 1.5}, r"`combined` must be in \[0, 1\], got 1.5"),
        (make_three_features, {"together": 0.5}, r"`together` must be in \[0, 0.4\]"),
        (make_three_features, {"frequencies": (0.9, 0.4, 0.1)}, r"in \[0.3, 0.4\]"),
        (make_three_features, {"n_features": 2}, "span 3 dimensions, got `n_features`=2"),
        (make_compositional, {"n_active": 60, "n_held_out": 5}, "at most half of `n_components`"),
        (make_compositional, {"n_held_out": -1}, "`n_held_out` must be an integer >= 0, got -1"),
    ],
)
def test_bad_arguments(make, arguments, message):
    with pytest.raises(ValueError, match=message):
        make(**arguments)
