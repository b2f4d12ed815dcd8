"""A dictionary of a dictionary's directions: sums of features share parts, features do not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overica.datasets import make_hierarchy
from overica.datasets.trees import Forest
from overica.metrics import meta_dictionary
from overica.ranges import unit_rows

SHAPE = {"n_trees": 8, "branching": 4, "depth": 2}


@pytest.fixture(scope="module")
def truth():
    return make_hierarchy(500, 64, 128, **SHAPE, random_state=0).mixing.T


def with_ancestors(D):
    """Each feature with all above it in its tree: the columns in which children absorb their parents."""
    parent, sums = Forest.grow(len(D), *SHAPE.values()).parent, D.copy()
    for j in range(len(D)):
        above = parent[j]
        while above >= 0:
            sums[j] += D[above]
            above = parent[above]
    return unit_rows(sums)[0], parent >= 0


@pytest.mark.parametrize(("n_components", "n_active"), [(16, 2), (24, 4)])
def test_sums_in_a_hierarchy_decompose_and_true_features_do_not(truth, n_components, n_active):
    sums, child = with_ancestors(truth)
    of_features, of_sums = (
        meta_dictionary(D, n_components, n_active=n_active, random_state=0) for D in (truth, sums)
    )
    spread = of_features.chance.std / np.sqrt(len(truth))
    assert abs(of_features.mean_share - of_features.chance.mean) < 5 * spread
    assert of_features.shared().mean() < 0.05
    assert of_sums.shares[child].mean() > of_sums.chance.mean + 0.35
    assert of_sums.shared()[child].mean() > 0.9


def test_sums_among_features_are_told_from_them(truth):
    sums, _ = with_ancestors(truth)
    # Children of three roots hold these; nothing else in the dictionary holds anything.
    parent = Forest.grow(128, *SHAPE.values()).parent
    held = np.isin(parent, [0, 1, 2])
    mixed = np.where(held[:, None], sums, truth)
    meta = meta_dictionary(mixed, 8, n_active=2, random_state=0)
    alone = ~held & ~np.isin(np.arange(128), [0, 1, 2])
    assert meta.shares[held].mean() > meta.shares[alone].mean() + 0.2
    assert meta.shared()[held].mean() > 0.5
    assert meta.shared()[alone].mean() < 0.1


def test_atoms_are_the_parts_and_codes_say_which():
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.standard_normal((80, 80)))[0]
    which = np.repeat([0, 1, 2], 20)
    D = 3.0 * (axes[which] + axes[3:63])
    meta = meta_dictionary(D, 3, n_active=1, random_state=0)
    cosines = meta.components @ axes[:3].T
    assert np.sort(cosines.max(axis=1)) == pytest.approx(1, abs=0.05)
    assert sorted(cosines.argmax(axis=1)) == [0, 1, 2]
    assert (cosines.argmax(axis=1)[meta.codes.argmax(axis=1)] == which).all()
    assert (meta.codes >= 0).all()
    assert (np.count_nonzero(meta.codes, axis=1) <= 1).all()
    # Half of each is its own, and nothing that was learned without it explains that.
    np.testing.assert_allclose(meta.shares, 0.5, atol=0.05)
    np.testing.assert_allclose(np.linalg.norm(meta.components, axis=1), 1)


@settings(max_examples=4)
@given(seed=st.integers(0, 50), scale=st.floats(1e-3, 1e3))
def test_lengths_do_not_matter_and_shares_are_shares(seed, scale):
    rng = np.random.default_rng(seed)
    D = rng.standard_normal((12, 5))
    plain, scaled = (meta_dictionary(X, 3, n_draws=1, random_state=0) for X in (D, scale * D))
    np.testing.assert_allclose(scaled.shares, plain.shares, atol=1e-9)
    assert ((plain.shares >= -1e-12) & (plain.shares <= 1 + 1e-12)).all()


def test_random_directions_are_at_chance():
    rng = np.random.default_rng(1)
    meta = meta_dictionary(rng.standard_normal((200, 20)), 10, random_state=0)
    assert meta.mean_share == pytest.approx(meta.chance.mean, abs=4 * meta.chance.std / 200**0.5)
    assert meta.shared().mean() < 0.05


def test_dead_directions_are_left_out():
    rng = np.random.default_rng(0)
    D = rng.standard_normal((20, 6))
    D[3] = 0
    meta = meta_dictionary(D, 4, random_state=0)
    assert np.flatnonzero(np.isnan(meta.shares)).tolist() == [3]
    assert not meta.codes[3].any()
    assert not meta.shared()[3]
    assert np.isfinite(meta.mean_share)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_components": 0}, "`n_components` must be an integer >= 1"),
        ({"n_components": 9}, "`n_components` must be at most 8, the directions that are left"),
        ({"n_components": 2, "n_active": 0}, "`n_active` must be an integer >= 1"),
        ({"n_components": 2, "n_folds": 1}, "`n_folds` must be an integer >= 2"),
        ({"n_components": 2, "n_draws": 0}, "`n_draws` must be an integer >= 1"),
    ],
)
def test_bad_parameters_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        meta_dictionary(np.eye(10), **parameters)


@pytest.mark.slow
def test_an_autoencoder_with_an_l1_penalty_has_more_in_common_than_a_matryoshka():
    from overica.sae import MatryoshkaSAE, ReLUSAE

    data = make_hierarchy(20_000, 64, 128, **SHAPE, random_state=0)
    settings = {"n_active": 4.5, "n_steps": 1000, "batch_size": 512, "random_state": 0}
    relu, matryoshka = (
        meta_dictionary(
            kind(128, **settings).fit(data.X).components_, 16, random_state=0
        ).mean_share
        for kind in (ReLUSAE, MatryoshkaSAE)
    )
    assert relu > matryoshka + 0.2
