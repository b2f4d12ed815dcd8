"""The noise of the channels: learned as it is, by steps that never lower the likelihood, and kept from the sources."""

import numpy as np
import pytest

from overica.datasets import make_talkers
from overica.metrics import match_components
from overica.separation import METHODS, separate
from overica.separation.complex_codes import complex_l1, neighbourly_codes
from overica.separation.gaussian import ROUNDING, posterior
from overica.separation.instantaneous import columns_noise
from overica.separation.mixture_sets import MIXTURES
from overica.separation.noise import Noise, hats
from overica.separation.stft import Transform


def gaussian(rng, *shape):
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / np.sqrt(2)


def mixed(levels, seed=0, n_frequencies=240, n_windows=240):
    """Three sources of white sound, each silent most of the time, and noise of given levels."""
    rng = np.random.default_rng(seed)
    A = make_talkers(3, n_seconds=0.1).mixing
    loud = np.repeat(rng.random((3, 1, n_windows // 10)) < 0.3, 10, axis=2)
    S = gaussian(rng, 3, n_frequencies, n_windows) * loud
    sigma = np.sqrt(Noise(levels).variances(n_frequencies))[:, :, None]
    noise = sigma * gaussian(rng, 2, n_frequencies, n_windows)
    return (np.tensordot(A, S, 1) + noise).astype(np.complex64), A


def sdr(mixture, found):
    pairs = match_components(found.mixing, mixture.mixing)
    estimates = found.sources[:, pairs.learned_index]
    sources = mixture.sources[:, pairs.true_index]
    along = (sources * estimates).sum(axis=0) / (sources**2).sum(axis=0) * sources
    left = ((estimates - along) ** 2).sum(axis=0)
    return (10 * np.log10((along**2).sum(axis=0) / left)).mean()


@pytest.mark.parametrize("unit", [1.0, 1e-3])
def test_the_noise_of_every_channel_is_found(unit):
    levels = np.outer([0.01, 0.04], [1.0, 1.0, 0.5, 0.2])
    Z, A = mixed(levels)
    noise = columns_noise(np.float32(unit) * Z, A, np.random.default_rng(0), {})
    np.testing.assert_allclose(
        noise.variances(240) * np.mean(np.abs(Z) ** 2),
        Noise(levels).variances(240),
        rtol=0.3,
        atol=0.005,
    )
    mean = noise.variances(240).mean(axis=1) * np.mean(np.abs(Z) ** 2)
    np.testing.assert_allclose(mean, Noise(levels).variances(240).mean(axis=1), rtol=0.2)


def test_no_noise_is_hardly_any():
    Z, A = mixed(np.zeros((2, 1)))
    assert columns_noise(Z, A, np.random.default_rng(0), {}).levels.max() < 1e-3


def test_steps_of_the_noise_never_lower_the_likelihood():
    Z, A = mixed(np.full((2, 1), 0.05))
    history: dict[str, list[float]] = {}
    columns_noise(Z, A, np.random.default_rng(0), history)
    steps = np.diff(history["noise_log_likelihood"])
    assert len(steps) > 50
    assert steps.min() > -1e-4
    assert steps.sum() > 0.01


def test_the_step_is_along_the_gradient():
    Z, A = mixed(np.full((2, 1), 0.05), n_frequencies=6, n_windows=20)
    Z, V = Z.astype(complex), np.random.default_rng(1).exponential(size=(3, 6, 20))
    levels = np.array([[0.02, 0.5, 0.1], [0.3, 0.05, 0.05]])

    def likelihood(levels):
        return posterior(Z, A, V, Noise(levels).variances(6)[:, :, None]).log_likelihood

    moved = Noise(levels).stepped(posterior(Z, A, V, Noise(levels).variances(6)[:, :, None]))
    for index in np.ndindex(levels.shape):
        step = np.zeros_like(levels)
        step[index] = 1e-6
        gradient = (likelihood(levels + step) - likelihood(levels - step)) / 2e-6
        assert np.sign(gradient) == np.sign(moved.levels[index] - levels[index])


def test_triangles_sum_to_one():
    for shape in ((5, 2), (513, 8), (8, 8)):
        assert hats(*shape).shape == shape
        np.testing.assert_allclose(hats(*shape).sum(axis=1), 1, rtol=1e-6)


def test_of_a_loud_stretch_the_noise_is_a_smaller_share():
    noise = Noise(np.full((2, 3), 0.2))
    np.testing.assert_allclose(noise.within(7, 4.0), np.full((2, 7, 1), 0.05), rtol=1e-6)
    assert noise.within(7, 1e9).min() == np.float32(ROUNDING)


def test_codes_in_noise_are_the_most_probable_ones():
    Z, A = mixed(np.full((2, 1), 0.05), n_frequencies=5, n_windows=40)
    sigma, theta = np.array([0.1, 0.3])[:, None, None], 0.4
    S = complex_l1(Z.astype(complex), A, sigma, scale=theta, rounds=2000)
    pull = np.tensordot(A.T, 2 * (Z - np.tensordot(A, S, 1)) / sigma, 1)
    there = np.abs(S) > 0.05
    assert 0.1 < there.mean() < 0.9
    np.testing.assert_allclose(pull[there], (S / np.abs(S))[there] / theta, atol=0.02 / theta)
    assert np.abs(pull).max() < 1.02 / theta


def test_neighbours_tell_which_sources_are_there():
    mixture = MIXTURES["talkers"](0, 4, n_seconds=3.0)
    transform = Transform(mixture.sample_rate, 0.096)
    Z, S = transform.forward(mixture.x), transform.forward(mixture.sources)
    unit = np.sqrt(np.mean(np.abs(Z) ** 2))
    l1 = complex_l1(Z / unit, mixture.mixing, 1e-6, rounds=20)
    near = neighbourly_codes(Z / unit, mixture.mixing, 1e-6, rounds=20)
    np.testing.assert_allclose(np.tensordot(mixture.mixing, near, 1), Z / unit, atol=0.01)
    left = [np.sum(np.abs(codes - S / unit) ** 2) for codes in (near, l1)]
    assert left[0] < 0.95 * left[1]


def test_what_is_learned_of_a_noisy_mixture_and_nothing_lost():
    mixture = MIXTURES["talkers"](0, 3, n_seconds=4.0, noise=10.0)
    x = 100.0 * mixture.x
    found = separate(x, mixture.sample_rate, 3, method="l1", mixing=mixture.mixing)
    true = (x - 100.0 * mixture.sources @ mixture.mixing.T).var(axis=0)
    assert found.noise_variance.shape == (2, found.transform.n_frequencies)
    np.testing.assert_allclose(found.noise_variance.mean(axis=1), true, rtol=0.2)
    assert found.facts()["noise_variance"] == pytest.approx(true, rel=0.2)
    left = found.images.sum(axis=0) + found.residual(x) - x
    assert np.abs(left).max() < 1e-12 * np.abs(x).max()
    assert found.residual(x).var(axis=0) == pytest.approx(true, rel=0.5)
    none = separate(x, mixture.sample_rate, 3, method="binary", mixing=mixture.mixing)
    assert none.noise_variance is None
    assert none.facts()["noise_variance"] is None


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:in .* of the coefficients:UserWarning")
@pytest.mark.parametrize("noise", [0.0, 10.0, 20.0, None])
def test_never_below_the_plain_mask(noise):
    mixture = MIXTURES["talkers"](0, 3, n_seconds=8.0, noise=noise)
    given = {"mixing": mixture.mixing, "random_state": 0}
    found = {
        name: sdr(mixture, separate(mixture.x, mixture.sample_rate, 3, method=name, **given))
        for name, method in METHODS.items()
        if method.model.columns
    }
    assert found["l1"] > found["binary"] + 0.3
    assert found["gaussian"] > found["l1"] + 0.5
