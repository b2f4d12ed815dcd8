"""The whole way from a mixture to its sources, and what it says of sound that it cannot separate."""

import warnings

import numpy as np
import pytest

from overica.datasets import make_talkers
from overica.metrics import match_components
from overica.separation import METHODS, SeparationWarning, separate, sound_chunks
from overica.separation.separator import Piece
from overica.separation.sound_chunks import Scaled, in_chunks
from overica.separation.stft import Transform

COLUMNS = sorted(name for name, method in METHODS.items() if method.model.columns)


def sdr(sources, estimates):
    """Decibels of the part along the source against the rest, by source; pairs in the given order."""
    along = (sources * estimates).sum(axis=0) / (sources**2).sum(axis=0) * sources
    return 10 * np.log10((along**2).sum(axis=0) / ((estimates - along) ** 2).sum(axis=0))


def paired_sdr(data, found):
    matching = match_components(found.mixing, data.mixing)
    return sdr(data.sources[:, matching.true_index], found.sources[:, matching.learned_index])


@pytest.fixture(scope="module")
def data():
    return make_talkers(3, n_seconds=2.0)


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def found(data, told):
    return separate(data.x, data.sample_rate, 3, random_state=0, progress=told.append)


def test_sources_and_directions(data, found):
    assert found.method == "gaussian"
    assert found.n_sources == 3
    assert found.sources.shape == data.sources.shape
    assert found.sources.dtype == data.x.dtype
    assert np.abs(found.mixing.T @ data.mixing).max(axis=0).min() > 0.9995
    power = (found.sources**2).sum(axis=0)
    assert (np.diff(power) <= 0).all()
    codes = separate(data.x, data.sample_rate, method="l1", mixing=found.mixing)
    assert paired_sdr(data, found).mean() > paired_sdr(data, codes).mean() + 0.5


def test_images_sum_to_the_mixture(data, found):
    assert found.images.shape == (3, *data.x.shape)
    error = found.images.sum(axis=0) - data.x
    assert np.abs(error).max() < 0.02 * np.abs(data.x).max()


def test_the_likelihood_rises_in_every_run(found):
    history = {name: np.array(values) for name, values in found.history.items()}
    same_run = np.diff(history["run"]) == 0
    assert same_run.sum() > 100
    assert np.diff(history["log_likelihood"])[same_run].min() > -1e-4


def test_progress_goes_from_nothing_to_all(found, told):
    assert told[0] == 0.0
    assert told[-1] == 1.0
    assert (np.diff(told) >= 0).all()
    assert len(told) > 10


def test_an_offset_is_no_source(data):
    mixed = separate(data.x, data.sample_rate, 3, method="binary", random_state=0)
    moved = separate(
        data.x + np.array([2.0, -3.0]), data.sample_rate, 3, method="binary", random_state=0
    )
    np.testing.assert_allclose(moved.mixing, mixed.mixing, atol=1e-3)
    assert sdr(mixed.sources, moved.sources).min() > 25
    assert np.abs(moved.sources.mean(axis=0)).max() < 0.01


def test_number_found_and_same_seed_same_answer(data):
    first = separate(data.x, data.sample_rate, method="binary", random_state=3)
    again = separate(data.x, data.sample_rate, "auto", method="binary", random_state=3)
    assert first.n_sources == 3
    np.testing.assert_array_equal(first.sources, again.sources)
    np.testing.assert_array_equal(first.mixing, again.mixing)


@pytest.mark.parametrize("method", COLUMNS)
def test_units_and_precision(method, data):
    x = data.x[:4000]
    one = separate(x, data.sample_rate, method=method, mixing=data.mixing, random_state=0)
    loud = separate(
        (1e4 * x).astype(np.float32), data.sample_rate, method=method, mixing=-3 * data.mixing, random_state=0
    )  # fmt: skip
    assert loud.sources.dtype == np.float32
    scale = np.abs(one.sources).max()
    # Chance coincidences in single precision may part runs a little.
    assert np.abs(loud.sources / 1e4 - one.sources).max() < 0.02 * scale
    np.testing.assert_allclose(loud.mixing, one.mixing, atol=1e-6)


def test_as_many_sources_as_channels_are_exact():
    data = make_talkers(2, n_seconds=1.0)
    found = separate(data.x, data.sample_rate, 2, random_state=0)
    assert paired_sdr(data, found).min() > 25


def test_more_channels():
    data = make_talkers(4, 3, n_seconds=2.0, random_state=1)
    found = separate(data.x, data.sample_rate, 4, method="l1", random_state=0)
    assert found.mixing.shape == (3, 4)
    assert paired_sdr(data, found).mean() > 10


def test_chunks_are_seamless(data, monkeypatch):
    transform = Transform(data.sample_rate)
    rng = np.random.default_rng(0)
    sound, told = Scaled(data.x, np.zeros(2), 1.0), []
    whole, _ = in_chunks(METHODS["l1"], sound, data.mixing, transform, rng, told.append)
    monkeypatch.setattr(sound_chunks, "_CHUNK_COEFFICIENTS", 30 * transform.n_frequencies)
    pieces = []
    way = METHODS["l1"]

    class Counting(type(way)):
        def sources(self, piece: Piece) -> np.ndarray:
            pieces.append(len(piece.x))
            return super().sources(piece)

    parts, _ = in_chunks(Counting(), sound, data.mixing, transform, rng, told.append)
    assert len(pieces) > 2
    assert max(pieces) <= 30 * transform.hop + transform.hop
    assert sdr(whole, parts).min() > 25


def test_silence_inside_is_left_silent(data):
    x = data.x.copy()
    x[6000:12_000] = 0
    found = separate(x, data.sample_rate, method="l1", mixing=data.mixing)
    assert np.abs(found.sources[7500:10_500]).max() < 1e-4 * np.abs(found.sources).max()


@pytest.mark.parametrize("method", COLUMNS)
def test_a_window_of_the_user_s(data, method):
    x = data.x[:6000]
    given = {"method": method, "mixing": data.mixing, "random_state": 0}
    found = separate(x, data.sample_rate, window=0.032, **given)
    same = separate(x, data.sample_rate, window=Transform(data.sample_rate, 0.032), **given)
    other = Transform(data.sample_rate, 0.032, overlap=2, shape="hamming")
    shaped = separate(x, data.sample_rate, window=other, **given)
    assert found.transform == same.transform == Transform(data.sample_rate, 0.032)
    assert shaped.transform is other
    np.testing.assert_array_equal(found.sources, same.sources)
    default = separate(x, data.sample_rate, **given)
    scale = np.abs(default.sources).max()
    for different in (default, shaped):
        assert np.abs(found.sources - different.sources).max() > 0.01 * scale
    np.testing.assert_allclose(
        shaped.images.sum(axis=0) + shaped.residual(x), x, atol=1e-12 * scale
    )


def test_masks_are_shares_and_separate(data):
    found = separate(data.x, data.sample_rate, method="l1", mixing=data.mixing)
    masks = found.masks()
    Z = found.transform.forward(data.x)
    assert masks.shape == (3, *Z.shape[1:])
    assert masks.min() >= 0
    np.testing.assert_allclose(masks.sum(axis=0), 1, atol=1e-6)
    for j in range(3):
        image = found.transform.inverse(masks[j] * Z, len(data.x))
        along = image @ data.mixing[:, j]
        assert sdr(data.sources[:, [j]], along[:, None])[0] > 5


def noise(*shape):
    return np.random.default_rng(0).standard_normal(shape)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((8000, 2)), "silence"),
        (noise(8000, 1), "at least two different channels, got one"),
        (noise(8000), "must have shape"),
        (noise(8000, 1) * [1.0, 1.0], "two different channels, .*identical"),
        (noise(2, 8000), "transposed"),
        (noise(3000, 2), "at least 0.5 s, got 0.375 s"),
        (np.full((8000, 2), np.nan), "finite"),
    ],
)
def test_sound_that_cannot_be_separated(x, message):
    with pytest.raises(ValueError, match=message):
        separate(x, 8000, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_sources": 0}, "n_sources"),
        ({"n_sources": 2.5}, "n_sources"),
        ({"n_sources": "many"}, "`n_sources` must be an integer or \"auto\", got 'many'"),
        ({"method": "magic"}, "`method` must be one of 'gaussian', 'l1', 'binary'"),
        ({"mixing": np.ones((3, 3))}, "mixing"),
        ({"mixing": np.zeros((2, 3))}, "not zero"),
        ({"mixing": np.ones((2, 3)), "n_sources": 4}, "n_sources=4"),
        ({"sample_rate": -1}, "sample_rate"),
        ({"window": 0}, "window"),
        (
            {"window": 0.6},
            "`window` must be at most half as long as the sound, got 4800 of 8000 frames",
        ),
        ({"window": Transform(16000)}, "`window` must be a transform for 8000 frames per second"),
    ],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        separate(**({"x": noise(8000, 2), "sample_rate": 8000} | arguments))


def test_clipping_is_noticed(data):
    limit = 0.3 * np.abs(data.x).max()
    with pytest.warns(SeparationWarning, match="channel [12] of 2 is clipped"):
        separate(
            np.clip(data.x, -limit, limit), data.sample_rate, method="binary", mixing=data.mixing
        )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        separate(data.x, data.sample_rate, method="binary", mixing=data.mixing)


def test_more_sources_than_the_evidence_supports():
    data = make_talkers(3, n_seconds=4.0)
    with pytest.warns(SeparationWarning, match="4 sources are wanted, but the evidence supports 3"):
        separate(data.x, data.sample_rate, 4, method="binary", random_state=0)
    with pytest.raises(ValueError, match=r"`n_sources` must be at most [4-8]: .*, got 9"):
        separate(data.x, data.sample_rate, 9, method="binary", random_state=0)


def test_delays_are_noticed(data):
    late = data.mixing[1] * np.stack([np.roll(s, 3 * j) for j, s in enumerate(data.sources.T)]).T
    x = np.column_stack([data.x[:, 0], late.sum(axis=1)])
    with pytest.warns(SeparationWarning, match="delays or reverberation"):
        separate(x, data.sample_rate, 3, method="binary", mixing=data.mixing)


@pytest.mark.slow
@pytest.mark.parametrize(("n_talkers", "least"), [(3, 13.0), (4, 8.5)])
def test_decibels_of_whole_recordings(n_talkers, least):
    data = make_talkers(n_talkers)
    found = separate(data.x, data.sample_rate, "auto", random_state=0)
    assert found.n_sources == n_talkers
    assert paired_sdr(data, found).mean() > least
