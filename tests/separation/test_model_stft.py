"""The transform loses nothing, whatever the sample rate, the length and the precision."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overica.separation.stft import Transform


@settings(max_examples=20, deadline=None)
@given(st.integers(4100, 9000), st.sampled_from([8000, 11025, 16000, 22050]), st.booleans())
def test_round_trip(n_frames, sample_rate, single):
    dtype = np.float32 if single else np.float64
    x = np.random.default_rng(0).standard_normal((n_frames, 2)).astype(dtype)
    transform = Transform(sample_rate)
    back = transform.inverse(transform.forward(x), n_frames)
    assert back.dtype == dtype
    np.testing.assert_allclose(back, x, atol=1e-4 if single else 1e-10)


@pytest.mark.parametrize("sample_rate", [8000, 16000, 44100, 48000])
def test_the_window_lasts_the_same_at_all_rates(sample_rate):
    transform = Transform(sample_rate)
    assert transform.window_length / sample_rate == pytest.approx(0.128, rel=0.03)
    assert transform.window_length == 4 * transform.hop


def test_the_inverse_is_the_nearest_sound():
    # Coefficients of no sound: the transform of the inverse is their projection.
    rng = np.random.default_rng(0)
    transform = Transform(8000, 0.016)
    Z = transform.forward(rng.standard_normal((3000, 1)))
    W = Z + rng.standard_normal(Z.shape)
    W[:, [0, -1]] = Z[:, [0, -1]]
    nearest = transform.forward(transform.inverse(W, 3000))
    again = transform.forward(transform.inverse(nearest, 3000))
    np.testing.assert_allclose(again, nearest, atol=1e-10)
    assert np.linalg.norm(W - nearest) < np.linalg.norm(W - Z)


@pytest.mark.parametrize("overlap", [2, 3, 8])
@pytest.mark.parametrize("shape", ["hann", "hamming", "blackman"])
def test_other_windows_lose_nothing(overlap, shape):
    x = np.random.default_rng(0).standard_normal((3000, 2))
    transform = Transform(8000, 0.032, overlap, shape)
    assert transform.window_length == overlap * transform.hop
    np.testing.assert_allclose(transform.inverse(transform.forward(x), 3000), x, atol=1e-9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seconds": 0.0005}, "`seconds` must make a window of 8 frames at least"),
        ({"seconds": -1.0}, "`seconds`"),
        ({"overlap": 1}, "`overlap`"),
        ({"overlap": 2.5}, "`overlap`"),
        ({"shape": "magic"}, "`shape` must name a window .* got 'magic'"),
    ],
)
def test_windows_that_are_none(arguments, message):
    with pytest.raises(ValueError, match=message):
        Transform(8000, **arguments)
