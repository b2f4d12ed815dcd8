"""Images and residual sum to the mixture in every sample, whatever they are."""

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from overica.separation.exact_sums import floating_shares, integer_shares
from overica.separation.recordings import open_recording
from overica.separation.result import Separation
from overica.separation.sound_files import write_images
from tests.separation.sounds import RATE, bursts, mixing, write

BITS = st.sampled_from([16, 24, 32])


@given(data=st.data(), bits=BITS, n_sources=st.integers(1, 4))
def test_integers_sum_exactly_and_stay_in_range(data, bits, n_sources):
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    mixture = data.draw(arrays(np.int64, (6, 2), elements=st.integers(low, high)))
    samples = st.floats(-3, 3, width=32)
    images = data.draw(arrays(np.float32, (n_sources, 6, 2), elements=samples))
    shares, residual = integer_shares(mixture, images, bits)
    np.testing.assert_array_equal(shares.sum(axis=0) + residual, mixture)
    for part in (shares, residual):
        assert low <= part.min()
        assert part.max() <= high
    # Where nothing is beyond the range, every image is what it is, rounded.
    plain = np.abs(images).sum(axis=0) < 0.4
    plain &= np.abs(mixture) < 0.4 * high
    rounded = np.rint(images.astype(np.float64) * 2.0 ** (bits - 1))
    np.testing.assert_array_equal(shares[:, plain], rounded[:, plain])


@given(data=st.data(), n_sources=st.integers(1, 4))
def test_floats_sum_exactly(data, n_sources):
    samples = st.floats(-3, 3, width=32)
    faint = samples.map(lambda value: value * 2.0**-40)
    elements = st.one_of(samples, faint.map(np.float32).map(float))
    mixture = data.draw(arrays(np.float32, (6, 2), elements=elements)).astype(np.float64)
    images = data.draw(arrays(np.float32, (n_sources, 6, 2), elements=samples))
    peak = float(np.abs(images).max())
    shares, residual = floating_shares(mixture, images, peak)
    np.testing.assert_array_equal(shares, shares.astype(np.float32))
    moved = np.abs(shares - images).max(axis=0)
    limit = np.where(
        np.abs(mixture) < n_sources * 2**-29 * peak, np.abs(images.sum(axis=0, dtype=np.float64)), 0
    )
    assert (
        moved <= limit + 2**-21 * np.abs(images).sum(axis=0) * (limit > 0) + 2**-36 * peak
    ).all()
    for images_in_order in (shares, shares[::-1]):
        np.testing.assert_array_equal(sum(images_in_order) + residual, mixture)


@pytest.mark.parametrize("loud", [1.0, 40.0])
@pytest.mark.parametrize(
    ("name", "subtype", "dtype"),
    [
        ("x.wav", "PCM_16", "int16"),
        ("x.wav", "PCM_24", "int32"),
        ("x.wav", "PCM_32", "int32"),
        ("x.wav", "PCM_U8", "int16"),
        ("x.flac", "PCM_24", "int32"),
        ("x.ogg", "VORBIS", "int16"),
        ("x.wav", "FLOAT", "float32"),
        ("x.wav", "DOUBLE", "float64"),
    ],
)
def test_files_sum_to_the_recording(tmp_path, name, subtype, dtype, loud):
    S, A = loud * bursts(3, 0.5).astype(np.float32), mixing(3)
    # A residual of noise and an offset; and images that are far beyond full scale.
    x = S @ A.T / loud + 0.01 * np.random.default_rng(0).standard_normal((len(S), 2)) + 0.05
    recording = open_recording(write(tmp_path / name, x, subtype=subtype))
    found = Separation(S, A, RATE, "l1", 1.0, 1.0, {}, {})
    paths = [tmp_path / f"image-{j}.wav" for j in range(3)]
    facts = write_images(paths, tmp_path / "residual.wav", recording, found)
    integer = dtype.startswith("int")
    read = dtype if integer else "float64"
    parts = [soundfile.read(path, dtype=read)[0] for path in (*paths, tmp_path / "residual.wav")]
    total = sum(part.astype(np.int64) if integer else part for part in parts)
    mixture = soundfile.read(recording.path, dtype=dtype)[0]
    if subtype == "DOUBLE":
        np.testing.assert_allclose(total, mixture, rtol=0, atol=2**-52 * loud)
    else:
        np.testing.assert_array_equal(total.astype(dtype), mixture)
    assert (facts["clipped_samples"] > 0) == (integer and loud > 1)
    if loud == 1:
        for path, image in zip(paths, found.images, strict=True):
            step = 2**-15 if dtype == "int16" else 2**-22
            assert np.abs(soundfile.read(path)[0] - image).max() <= step
        left = x - found.images.sum(axis=0)
        expected = 10 * np.log10((left**2).sum() / (x**2).sum())
        assert facts["residual_db"] == pytest.approx(
            expected, abs=0.3 if subtype != "VORBIS" else 9
        )
        assert soundfile.info(paths[0]).subtype == recording.written_subtype


def test_silent_sources_leave_all():
    mixture = np.array([[1.0, -0.5]])
    shares, residual = floating_shares(mixture, np.zeros((2, 1, 2), np.float32), 0.0)
    assert not shares.any()
    np.testing.assert_array_equal(residual, mixture)
