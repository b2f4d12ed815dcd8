"""The map to a model's units and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overica.learning.samples import Samples
from overica.learning.whitening import candidates, white_units


def samples(seed, n_features, rank, center):
    rng = np.random.default_rng(seed)
    B = rng.standard_normal((rank, n_features)) * 10.0 ** rng.uniform(-2, 2, (rank, 1))
    X = (
        rng.laplace(size=(2000, rank)) @ B
        + 5 * rng.standard_normal(n_features) @ np.linalg.pinv(B) @ B
    )
    return X, Samples(X, center=center, rng=np.random.default_rng(0))


@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.tuples(st.integers(1, 6), st.integers(1, 6)).map(sorted),
    center=st.booleans(),
)
def test_there_and_back(seed, sizes, center):
    rank, n_features = sizes
    X, given_ = samples(seed, n_features, rank, center)
    units = white_units(given_, X.dtype, 9)
    assert units.n_dimensions == rank
    Z = units.forward(X)
    np.testing.assert_allclose(Z.T @ Z / len(Z), np.eye(rank), atol=0.2)
    size = np.abs(X).max()
    np.testing.assert_allclose(units.columns(Z.T).T + units.mean, X, atol=1e-6 * size)
    np.testing.assert_allclose(units.own(units.columns(np.eye(rank))), np.eye(rank), atol=1e-6)
    np.testing.assert_allclose(units.coordinates(X), Z * units.unit, atol=1e-9 * size * 100)
    # The volume of a unit cube of z in the space of the samples.
    volume = np.linalg.slogdet(units.columns(np.eye(rank)).T @ units.columns(np.eye(rank)))[1] / 2
    assert units.log_det == pytest.approx(-volume)


def test_candidates_go_from_white_to_plain():
    rng = np.random.default_rng(0)
    X = rng.laplace(size=(5000, 6)) * [100, 10, 5, 1, 0.1, 0.01]
    given_ = Samples(X, center=True, rng=rng)
    found = candidates(given_, X.dtype, 12)
    assert [units.whitened for units in found] == [True, True, False]
    assert found[-1] is given_.units
    spread = [np.linalg.eigvalsh(np.cov(units.forward(X).T)) for units in found]
    ratios = [values[-1] / values[0] for values in spread]
    assert ratios == sorted(ratios)
    assert ratios[0] == pytest.approx(1, rel=0.3)
    for values in spread:
        assert values.mean() == pytest.approx(1, rel=0.1)
    # Fewer components than dimensions: what is beyond the last of them stays weak.
    few = candidates(given_, X.dtype, 3)[0]
    values = np.linalg.eigvalsh(np.cov(few.forward(X).T))
    np.testing.assert_allclose(values[-3:], values[-1], rtol=0.3)
    assert values[2] < 0.1 * values[-1]


def test_rare_directions_are_not_lost_in_large_data():
    """Second moments are taken over some of the rows, but a direction that is missing there is looked for in all."""
    X = np.zeros((200_000, 2), np.float32)
    X[:, 0] = np.random.default_rng(0).laplace(size=len(X))
    X[12_345, 1] = 1.0
    given_ = Samples(X, center=True, rng=np.random.default_rng(0))
    assert white_units(given_, X.dtype, 9).n_dimensions == 2


def test_features_that_do_not_vary_have_no_direction():
    X = np.random.default_rng(0).laplace(size=(1000, 4)).astype(np.float32)
    X[:, 2] = 1e4
    given_ = Samples(X, center=True, rng=np.random.default_rng(0))
    units = white_units(given_, X.dtype, 9)
    assert units.n_dimensions == 3
    assert (units.columns(np.eye(3))[2] == 0).all()


def test_rounding_is_no_variance():
    X = (1e6 + np.random.default_rng(0).laplace(size=(1000, 4))).astype(np.float32)
    given_ = Samples(X, center=True, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"rounding of float32, got .* means up to 1e\+06"):
        white_units(given_, X.dtype, 9)
