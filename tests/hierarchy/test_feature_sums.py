"""What columns of a first pass add, and which of them are copies, corrections or kin."""

import numpy as np
import pytest

from overica.datasets import make_mixture
from overica.hierarchy import Start, Sums
from overica.hierarchy.families import families


def made(vectors, presences):
    """Sums of given vectors (rows) with given presences, (n_samples, n_sums)."""
    P = np.asarray(presences, float)
    return Sums(np.asarray(vectors, float).T, P.T @ P, len(P))


def test_presences_and_means_of_independent_sources():
    data = make_mixture(20_000, 32, 16, "sparse_exponential", n_active=3, random_state=0)
    rng = np.random.default_rng(0)
    present = rng.random((20_000, 16)) < 0.15
    S = present * rng.normal(5.0, 0.5, (20_000, 16))
    X = S @ data.mixing.T
    unit = np.sqrt(X.var(axis=0).mean())

    def draw(size):
        return X[rng.integers(0, len(X), size)] / unit

    sums = Sums.of(data.mixing, draw, 20_000)
    assert len(sums) == 16
    assert sums.n_samples >= 20_000
    assert sums.counts / sums.n_samples == pytest.approx(np.full(16, 0.15), abs=0.02)
    assert sums.lengths * unit == pytest.approx(np.full(16, 5.0), abs=0.15)
    cosines = (sums.vectors / sums.lengths * data.mixing).sum(axis=0)
    assert cosines.min() > 0.99


def test_copies_become_one():
    rng = np.random.default_rng(0)
    which = rng.integers(0, 3, 3000)
    present = np.eye(3)[which]
    V = np.array([[3.0, 0, 0, 0], [3.0, 0.3, 0, 0], [0, 0, 2.0, 0]])
    sums = made(V, present).without_copies()
    assert len(sums) == 2
    assert sorted(sums.counts) == sorted([(which < 2).sum(), (which == 2).sum()])


def test_corrections_go_and_weak_strangers_stay():
    rng = np.random.default_rng(0)
    long = rng.random(20_000) < 0.05
    correction = long & (rng.random(20_000) < 0.4)
    weak = rng.random(20_000) < 0.02
    V = np.array([[6.0, 0, 0], [0, 2.0, 0], [0, 0, 2.0]])
    sums = made(V, np.stack([long, correction, weak], axis=1)).without_corrections()
    assert sums.vectors.T.tolist() == [[6.0, 0, 0], [0, 0, 2.0]]


def test_kin_must_avoid_each_other():
    rng = np.random.default_rng(0)
    V = np.array([[1.0, 1, 0, 0], [1.0, 0, 1, 0], [0, 0, 0, 1.0]]) + 0.01
    apart = np.eye(3)[rng.integers(0, 3, 4000)] * (rng.random((4000, 1)) < 0.5)
    free = rng.random((4000, 3)) < 0.2
    kin = {tuple(family.members) for family in families(made(V, apart))}
    strangers = {tuple(family.members) for family in families(made(0.45 * V + 0.1, free))}
    assert kin == {(0, 1), (2,)}
    assert (0, 1) in kin
    assert all(len(members) == 1 for members in strangers) or (0, 1) not in {
        m for m in strangers if len(m) == 3
    }


def test_start_of_a_tree():
    rng = np.random.default_rng(1)
    root, *children = rng.standard_normal((5, 80))
    lone = rng.standard_normal(80)
    which = rng.integers(0, 8, 6000)
    present = np.stack([which == j for j in range(4)] + [rng.random(6000) < 0.1], axis=1)
    V = np.stack([root + child for child in children] + [lone])
    start = Start.of(made(V, present))
    assert start.vectors.shape == (80, 6)
    assert start.n_shared == 1
    U = start.vectors / np.linalg.norm(start.vectors, axis=0)
    T = np.stack([root, *children, lone]).T
    best = (T / np.linalg.norm(T, axis=0)).T @ U
    assert best.max(axis=1).min() > 0.75
    shared = best[0].argmax()
    # The root is present wherever one of its sums is, and nothing else is as often.
    assert start.together[shared, shared] == present[:, :4].sum()
    child = best[1].argmax()
    assert start.together[shared, child] == present[:, 0].sum()
