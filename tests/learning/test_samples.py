"""Samples of a fit: normalisation, the split, and draws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overica.learning.samples import Samples


def rng():
    return np.random.default_rng(0)


@given(exponent=st.integers(-150, 150), offset=st.sampled_from([0.0, 3.0, -1e3]))
def test_normalised_samples_have_unit_variance(exponent, offset):
    X = (rng().laplace(size=(300, 3)) + offset) * 10.0**exponent
    samples = Samples(X, center=True, rng=rng())
    Z = samples.normalise(X)
    np.testing.assert_allclose(Z.mean(axis=0), 0, atol=1e-9)
    assert (Z**2).mean() == pytest.approx(1, rel=1e-9)
    np.testing.assert_allclose(
        Z * samples.unit + samples.mean, X, rtol=1e-9, atol=1e-9 * samples.unit
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("exponent", [-30, 30])
def test_scales_in_either_precision(dtype, exponent):
    X = (rng().laplace(size=(300, 3)) * 10.0**exponent).astype(dtype)
    samples = Samples(X, center=True, rng=rng())
    assert samples.normalise(X).std() == pytest.approx(1, rel=1e-5)


def test_without_centring_the_mean_stays():
    X = rng().exponential(size=(400, 2)) + 5
    samples = Samples(X, center=False, rng=rng())
    assert (samples.mean == 0).all()
    assert (samples.normalise(X) > 0).all()
    assert samples.unit == pytest.approx(np.sqrt((X**2).mean()))


@pytest.mark.parametrize("value", [0.0, 1.0, -0.1, 1e30, 1e-30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_constant_samples_are_refused(value, dtype):
    with pytest.raises(ValueError, match="`X` must vary"):
        Samples(np.full((1000, 3), value, dtype), center=True, rng=rng())


def test_large_offset_is_not_taken_for_constant():
    X = 1e6 + rng().standard_normal((500, 2))
    assert Samples(X, center=True, rng=rng()).unit == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize(
    ("n_samples", "held_out"), [(499, 499), (500, 50), (2000, 200), (50_000, 3000)]
)
def test_split(n_samples, held_out):
    X = np.arange(n_samples, dtype=float)[:, None]
    samples = Samples(X, center=True, rng=rng())
    assert len(samples.held_out) == held_out
    learned = samples.draw(10**6, rng())
    assert len(learned) == samples.n_rows
    apart = np.setdiff1d(samples.held_out, learned)
    if n_samples >= 500:
        assert apart.size == held_out
        assert samples.n_rows + held_out == n_samples
    else:
        assert samples.n_rows == n_samples


def test_draws_are_of_the_rows_learned_from():
    X = np.arange(5000, dtype=float)[:, None]
    samples = Samples(X, center=True, rng=rng())
    generator = rng()
    first, second = samples.draw(100, generator), samples.draw(100, generator)
    assert first.shape == (100, 1)
    assert not np.array_equal(first, second)
    assert np.intersect1d(first, samples.held_out).size == 0
    np.testing.assert_array_equal(first, samples.draw(100, rng()))
