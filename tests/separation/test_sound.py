"""What is wrong with a sound is called what it is."""

import warnings

import numpy as np
import pytest

from overica.separation.sound import SeparationWarning, check_sound, warn_of_samples
from tests.separation.sounds import RATE, bursts, mixing

S = bursts(3, 1.0)
X = S @ mixing(3).T


def remarks(function, *arguments):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function(*arguments)
    assert all(issubclass(warning.category, SeparationWarning) for warning in caught)
    return [str(warning.message) for warning in caught]


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (X * [1, 0], "channel 2 is silent"),
        (X * [0, 1] + [0.3, 0], "channel 1 is silent"),
        (X[:, [0, 0]], "channels 1 and 2 are identical"),
        (X[:, [0, 0]] * [1, -1], "channels 1 and 2 are of opposite polarity"),
        (X[:, [0, 0]] * [1, -0.25], "channels 1 and 2 are the same but for a factor of -0.25"),
        (X[:, [0, 0, 0]] * [1, 0, 1], "channel 2 is silent; channels 1 and 3 are identical"),
    ],
)  # fmt: skip
def test_channels_that_do_not_differ(x, message):
    with pytest.raises(ValueError, match=f"at least two different channels.*: {message}$"):
        check_sound(x, RATE)


def test_enough_channels_are_left():
    assert remarks(check_sound, np.c_[X, 0 * X[:, 0]], RATE) == [
        "channel 3 is silent: the others decide"
    ]
    assert remarks(check_sound, np.c_[X, X[:, 1]], RATE) == [
        "channels 2 and 3 are identical: the others decide"
    ]
    assert remarks(check_sound, X, RATE) == []
    panned = np.round(S[:, :1] * [1, -0.3] * 2**15) / 2**15
    (told,) = remarks(check_sound, panned, RATE)
    assert "one source, or a mono recording with noise" in told


@pytest.mark.parametrize("bits", [3, 5, 8])
def test_coarse_steps_are_called_that_and_not_clipping(bits):
    x = 0.1 * np.random.default_rng(0).laplace(size=(RATE, 2))
    coarse = np.round(x * 2 ** (bits - 1)) / 2 ** (bits - 1)
    (told,) = remarks(warn_of_samples, coarse)
    assert "coarsely quantised" in told
    decibels = float(told.split("noise ")[1].split(" dB")[0])
    expected = 10 * np.log10((coarse**2).mean() / ((coarse - x) ** 2).mean())
    assert decibels == pytest.approx(expected, abs=3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fine_steps_are_not_told(dtype):
    for x in (X, np.round(X * 2**15) / 2**15, 1e-3 * X):
        assert remarks(warn_of_samples, x.astype(dtype)) == []


def test_coarse_and_clipped_is_told_as_both():
    x = np.clip(np.round(40 * X / np.abs(X).max()), -8, 8)
    told = " ".join(remarks(warn_of_samples, x))
    assert "coarsely quantised" in told
    assert "is clipped" in told
