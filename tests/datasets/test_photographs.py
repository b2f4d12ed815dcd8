"""Patches come from where they should, and the whitening filter flattens the spectrum."""

import numpy as np
import pytest

from overica.datasets import load_patches, whiten_image


def test_shape_mean_and_seed():
    X = load_patches(300, (6, 4), random_state=0)
    assert X.shape == (300, 24)
    np.testing.assert_allclose(X.mean(axis=1), 0.0, atol=1e-12)
    assert 0.05 < X.std() < 1.0
    np.testing.assert_array_equal(X, load_patches(300, (6, 4), random_state=0))
    assert not np.array_equal(X, load_patches(300, (6, 4), random_state=1))


@pytest.mark.parametrize("log_intensity", [False, True])
def test_every_patch_is_a_window_of_the_picture(log_intensity):
    image = np.random.default_rng(0).uniform(0, 255, (7, 9))
    X = load_patches(50, (3, 2), images=[image], log_intensity=log_intensity, random_state=0)
    prepared = np.log1p(image) if log_intensity else image
    windows = np.lib.stride_tricks.sliding_window_view(prepared / prepared.std(), (3, 2))
    windows = windows.reshape(-1, 6)
    windows = windows - windows.mean(axis=1, keepdims=True)
    distance = np.abs(X[:, None] - windows[None]).max(axis=2)
    assert distance.min(axis=1).max() < 1e-12
    # All over the picture, not in one corner.
    assert len(set(distance.argmin(axis=1))) > 25


def test_larger_pictures_give_more_patches():
    ramp = np.arange(12.0)
    small, large = np.tile(ramp[:6], (6, 1)), np.tile(ramp[:, None], (1, 12))
    X = load_patches(
        2000, (2, 2), images=[small, large], log_intensity=False, random_state=0
    ).reshape(-1, 2, 2)
    from_large = (np.abs(X[:, 0, 0] - X[:, 1, 0]) > 1e-9).mean()
    assert abs(from_large - 121 / (121 + 25)) < 0.04


def test_colour_becomes_luminance():
    grey = np.random.default_rng(0).uniform(0, 255, (10, 10))
    colour = np.repeat(grey[:, :, None], 3, axis=2)
    one, three = (load_patches(20, (3, 3), images=[i], random_state=0) for i in (grey, colour))
    np.testing.assert_allclose(one, three, atol=1e-10)


def test_whitening_flattens_photographs():
    """No principal component carries more than a small multiple of its even share, 1/63."""

    def largest_share(X):
        variances = np.linalg.eigvalsh(np.cov(X.T))
        return 63 * variances[-1] / variances.sum()

    plain, white = (load_patches(5000, whiten=w, random_state=0) for w in (False, True))
    assert largest_share(plain) > 9
    assert largest_share(white) < 5


@pytest.mark.parametrize("cycles", [2, 8, 24])
def test_whitening_gain_at_one_frequency(cycles):
    size = 64
    # A cosine at half-sample positions is even under mirroring: an eigenfunction of the filter.
    frequency = cycles / (2 * size)
    wave = np.cos(2 * np.pi * frequency * (np.arange(size) + 0.5))
    image = np.tile(wave, (size, 1))
    gain = frequency * np.exp(-((frequency / 0.4) ** 4))
    np.testing.assert_allclose(whiten_image(image), gain * image, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_patches": 0}, "`n_patches` must be an integer >= 1, got 0"),
        ({"patch_size": (0, 4)}, "`patch_height` must be an integer >= 1, got 0"),
        ({"images": []}, "`images` must hold at least one picture"),
        ({"images": [np.ones((5, 5))]}, r"`images\[0\]` must not be constant"),
        ({"images": [np.eye(2)]}, r"`images\[0\]` must have shape .*got \(2, 2\)"),
        ({"images": [np.ones((5, 5, 4))]}, r"`images\[0\]` must have shape"),
        ({"images": [-np.eye(5)], "log_intensity": True}, "must be >= 0 for log intensity, got -1"),
        ({"images": [np.full((5, 5), np.nan)]}, "must be finite"),
    ],
)
def test_bad_input(change, message):
    with pytest.raises(ValueError, match=message):
        load_patches(**({"n_patches": 5, "patch_size": (3, 3)} | change))


def test_bad_image_for_whitening():
    with pytest.raises(ValueError, match="`image` must be a finite"):
        whiten_image(np.ones(4))
