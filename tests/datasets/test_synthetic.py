"""Every synthetic set is what it says: the equation, the sparsity, the noise, the seed."""

import inspect
import json

import numpy as np
import pytest

from overica.datasets import DATASETS, SOURCES, make_compositional, make_mixture

# One small call per set; a new set gets a line here and inherits the battery below.
SMALL = {
    "mixture": {"n_samples": 2000, "n_features": 5, "n_components": 8, "noise": 0.1},
    "exponential": {"n_samples": 2000},
    "exponential_2x4": {"n_samples": 2000},
    "laplace": {"n_samples": 2000},
    "laplace_2x4": {"n_samples": 2000},
    "archetypes": {"n_samples": 2000},
    "three_features": {"n_samples": 2000},
    "composed": {"n_samples": 2000, "n_steps": 50},
    "composed_correlated": {"n_samples": 2000, "n_steps": 50},
    "composed_one_hot": {"n_samples": 2000, "n_steps": 50},
    "sparse_random": {"n_samples": 2000, "n_features": 6, "n_components": 10},
    "hierarchy": {"n_samples": 2000, "n_features": 8, "n_components": 20, "n_trees": 2},
    "deep_hierarchy": {"n_samples": 2000, "n_features": 8, "n_components": 44, "n_trees": 1},
    "sparse_but_wrong": {"n_samples": 2000, "n_features": 12, "n_components": 10},
    "compositional": {"n_components": 30, "n_active": 4, "n_samples": 2000},
    "compositional_held_out": {"n_components": 30, "n_active": 4, "n_held_out": 500},
}
every_set = pytest.mark.parametrize("name", sorted(DATASETS))


def test_every_set_is_covered():
    assert SMALL.keys() == DATASETS.keys()


@pytest.fixture(scope="module")
def small():
    """One small draw of every set, made once."""
    return {name: make(**SMALL[name], random_state=0) for name, make in DATASETS.items()}


def check_equation(data):
    n_samples, n_components = data.codes.shape
    assert data.X.shape == (n_samples, data.mixing.shape[0])
    assert data.X.dtype == data.codes.dtype == data.mixing.dtype == np.float64
    assert data.mixing.shape[1] == n_components
    np.testing.assert_allclose(np.linalg.norm(data.mixing, axis=0), 1.0)
    offset = 0.0 if data.offset is None else data.offset
    noise = data.X - data.codes @ data.mixing.T - offset
    assert noise.var() == pytest.approx(data.noise_variance, rel=0.06, abs=1e-25)
    assert data.nonnegative == bool((data.codes >= 0).all())
    assert data.description


@every_set
def test_model_equation(name, small):
    data = small[name]
    check_equation(data)
    assert data.name == name
    if data.held_out is not None:
        check_equation(data.held_out)
        np.testing.assert_array_equal(data.held_out.mixing, data.mixing)


@every_set
def test_defaults_need_a_seed_alone(name):
    parameters = inspect.signature(DATASETS[name]).parameters
    assert parameters["random_state"].default is None
    assert all(p.default is not inspect.Parameter.empty for p in parameters.values())


@every_set
def test_description_is_true_of_the_data(name, small):
    data = small[name]
    described = data.describe()
    assert (described.n_samples, described.n_features) == data.X.shape
    assert described.true_l0 == pytest.approx((data.codes != 0).mean() * data.codes.shape[1])
    cosines = np.abs(data.mixing.T @ data.mixing) - np.eye(data.mixing.shape[1])
    assert described.max_cosine == pytest.approx(cosines.max())
    assert described.mean_nearest_cosine == pytest.approx(cosines.max(axis=0).mean())
    assert described.identifiable in (True, False, None)
    assert described.reason
    assert 0 < described.chance["mean_cosine"] < 1
    text = str(described)
    assert name in text
    assert described.reason in text
    assert json.loads(json.dumps(described.to_dict()))["true_l0"] == described.true_l0


@every_set
def test_groups_are_independent(name, small):
    """What a set says of independence holds, to the error of the sample's correlations."""
    data = small[name]
    if data.groups is None:
        return
    apart = data.groups[:, None] != data.groups[None, :]
    for S in (data.codes, np.abs(data.codes), (data.codes != 0) + 0.01 * data.codes):
        assert np.abs(np.corrcoef(S.T)[apart]).max() < 5 / np.sqrt(len(S))


@every_set
def test_the_seed_decides_everything(name):
    first, again, other = (DATASETS[name](**SMALL[name], random_state=s) for s in (3, 3, 4))
    np.testing.assert_array_equal(first.X, again.X)
    assert not np.array_equal(first.mixing, other.mixing)
    generator = DATASETS[name](**SMALL[name], random_state=np.random.default_rng(3))
    np.testing.assert_array_equal(first.X, generator.X)


@pytest.mark.parametrize("sources", sorted(SOURCES))
def test_source_laws(sources):
    law = SOURCES[sources]
    rng = np.random.default_rng(0)
    S = law.sample(rng, (20_000, 3), probability=0.25)
    assert abs((S != 0).mean() - 0.25) < 0.01
    # Laplace and exponential of unit scale both have E|s| = 1 where active.
    assert abs(np.abs(S[S != 0]).mean() - 1) < 0.04
    assert (S.min() >= 0) == law.nonnegative
    if not law.nonnegative:
        assert abs(S.mean()) < 0.02


@pytest.mark.parametrize(
    ("sources", "activity", "expected"),
    [
        ("laplace", {}, 1.0),
        ("exponential", {}, 1.0),
        ("bernoulli_laplace", {}, 0.3),
        ("sparse_laplace", {"n_active": 4}, 0.25),
        ("sparse_exponential", {"probability": 0.5}, 0.5),
        ("laplace", {"probability": 0.5}, 0.5),
    ],
)
def test_activity(sources, activity, expected):
    data = make_mixture(5000, 8, 16, sources, random_state=0, **activity)
    assert (data.codes != 0).mean() == pytest.approx(expected, abs=0.01)


def test_mixture_has_unit_spread_and_the_asked_noise():
    data = make_mixture(50_000, 4, 6, "laplace", noise=0.5, random_state=0)
    assert data.X.std() == pytest.approx(1.0)
    clean = data.codes @ data.mixing.T
    noise = data.X - clean
    assert noise.std() / clean.std() == pytest.approx(0.5, rel=0.01)
    assert make_mixture(100, 4, 6, noise=0.0, random_state=0).noise_variance == 0.0


@pytest.mark.parametrize(("n", "d"), [(100, 47), (300, 69), (1000, 93)])
def test_compositional_dimensions(n, d):
    data = make_compositional(n, n_samples=20, random_state=0)
    assert data.X.shape == (20, d)
    np.testing.assert_array_equal((data.codes > 0).sum(axis=1), 10)
    assert data.codes.max() <= 1


def test_compositional_codes_are_uniform():
    data = make_compositional(20, n_active=5, n_samples=20_000, random_state=0)
    active = data.codes > 0
    np.testing.assert_allclose(active.mean(axis=0), 0.25, atol=0.02)
    values = data.codes[active]
    assert abs(values.mean() - 0.5) < 0.01
    assert abs(values.var() - 1 / 12) < 0.003


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_samples": 0}, "`n_samples` must be an integer >= 1, got 0"),
        ({"n_components": 2.5}, "`n_components` must be an integer >= 1, got 2.5"),
        ({"sources": "cauchy"}, "`sources` must be one of .*got 'cauchy'"),
        ({"sources": "sparse_laplace"}, "needs `n_active` or `probability`"),
        ({"n_active": 2, "probability": 0.5}, "not both"),
        ({"n_active": 0}, r"`n_active` must be in \(0, 3\], got 0"),
        ({"n_active": 4}, r"`n_active` must be in \(0, 3\], got 4"),
        ({"probability": 1.5}, r"`probability` must be in \(0, 1\], got 1.5"),
        ({"noise": -1.0}, "`noise` must be a finite number >= 0, got -1.0"),
        ({"noise": np.nan}, "`noise` must be a finite number"),
        ({"n_samples": 1, "n_features": 1, "probability": 0.5}, "too few"),
    ],
)
def test_bad_mixture(change, message):
    arguments = {"n_samples": 10, "n_features": 2, "n_components": 3, "random_state": 0}
    with pytest.raises(ValueError, match=message):
        make_mixture(**(arguments | change))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((10, 10), "`n_active` must be below `n_components`=10, got 10"),
        ((10, 0), "`n_active` must be an integer >= 1, got 0"),
        ((10, 2, 0), "`n_samples` must be an integer >= 1, got 0"),
    ],
)
def test_bad_compositional(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_compositional(*arguments)
