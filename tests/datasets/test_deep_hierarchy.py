"""Trees of depth 3: four features on a path, rarer the deeper, and enough samples to find them."""

import numpy as np
import pytest

from overica.datasets import make_deep_hierarchy
from overica.datasets.trees import Forest

FOREST = Forest.grow(160, n_trees=3, branching=3, depth=3)


@pytest.fixture(scope="module")
def data():
    return make_deep_hierarchy(random_state=0)


def levels():
    level = np.zeros(160, dtype=int)
    for i in np.flatnonzero(FOREST.parent >= 0):
        level[i] = level[FOREST.parent[i]] + 1
    return level


def test_leaves_never_fire_without_three_others(data):
    fires, level = data.codes > 0, levels()
    assert np.bincount(level[:120]).tolist() == [3, 9, 27, 81]
    leaves = np.flatnonzero(level == 3)
    path = leaves
    for _ in range(3):
        path = FOREST.parent[path]
        assert not (fires[:, leaves] & ~fires[:, path]).any()
    assert (fires[:, FOREST.trees() == 0].sum(axis=1) <= 4).all()


def test_features_are_rarer_the_deeper_they_lie(data):
    frequency, level = (data.codes > 0).mean(axis=0), levels()[:120]
    for tree in range(3):
        own = FOREST.trees()[:120] == tree
        means = [frequency[:120][own & (level == depth)].mean() for depth in range(4)]
        assert (np.diff(means) < 0).all()
    assert 0.008 < frequency[:120][level == 3].mean() < 0.013


def test_who_knows_the_presences_finds_the_directions(data):
    fires = (data.codes > 0).astype(float)
    centred = data.X - data.X.mean(axis=0)
    means = np.linalg.lstsq(fires - fires.mean(axis=0), centred, rcond=None)[0]
    cosines = (means * data.mixing.T).sum(axis=1) / np.linalg.norm(means, axis=1)
    assert (cosines > 0.9).mean() > 0.9


def test_bad_sizes_are_refused():
    with pytest.raises(ValueError, match="`n_trees`"):
        make_deep_hierarchy(n_trees=-1, random_state=0)
