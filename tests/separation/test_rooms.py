"""Rooms: the full-rank model, its clusters and their order, and the method that is made of them."""

import itertools
import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import fftconvolve

from overica.cli import main
from overica.datasets import load_talkers, make_talkers
from overica.separation import RoomSeparation, SeparationWarning, separate, sound_chunks
from overica.separation.factors import start_factors
from overica.separation.gaussian import ROUNDING
from overica.separation.noise import Noise
from overica.separation.quality import INSTANTANEOUS
from overica.separation.rooms.convolutive import fit_room, measured
from overica.separation.rooms.full_rank import better_covariances, images, look
from overica.separation.rooms.source_order import in_one_order
from overica.separation.rooms.spatial_clusters import above_noise, find_clusters, source_powers
from overica.separation.stft import Transform
from tests.separation.sounds import write

RATE = 8000
DELAYS = ((0, 3), (2, 0), (0, 1))
"""Of the sources at two microphones, frames."""


def heard(n_sources=2, n_channels=2, seconds=4.0, seed=0):
    """Talkers through filters of delays and decaying echoes, (n_sources, n_frames, n_channels)."""
    rng = np.random.default_rng(seed)
    n_frames = int(seconds * RATE)
    sources = load_talkers().signals[:n_sources, 8000 : 8000 + n_frames]
    found = np.empty((n_sources, n_frames, n_channels))
    for j, c in itertools.product(range(n_sources), range(n_channels)):
        late = np.exp(-np.arange(500) / 80) * rng.standard_normal(500)
        response = 0.05 * np.concatenate([np.zeros(10), late])
        response[DELAYS[j][c % 2] + 2 * (c // 2) * j] += 1
        found[j, :, c] = fftconvolve(sources[j], response)[:n_frames]
    return found


def image_sdr(truth, estimates):
    """Mean over the sources under the best order, decibels."""
    return max(
        np.mean(
            [
                10 * np.log10((truth[j] ** 2).sum() / ((estimates[k] - truth[j]) ** 2).sum())
                for j, k in enumerate(order)
            ]
        )
        for order in itertools.permutations(range(len(truth)))
    )


@pytest.fixture(scope="module")
def room():
    return heard()


@pytest.fixture(scope="module")
def found(room):
    return separate(room.sum(axis=0), RATE, 2, method="convolutive", random_state=0)


def problem(n_sources, m, seed=0, n_frequencies=3, n_windows=7):
    rng = np.random.default_rng(seed)

    def normal(*shape):
        return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)

    half = normal(n_sources, n_frequencies, m, m)
    R = half @ half.conj().swapaxes(-1, -2)
    V = rng.gamma(1.0, size=(n_sources, n_frequencies, n_windows))
    return normal(m, n_frequencies, n_windows), R, V


of_any_size = given(n_sources=st.integers(1, 4), m=st.integers(1, 4), seed=st.integers(0, 99))


def log_likelihood(Z, R, V, noise_variance):
    noise = np.broadcast_to(noise_variance, (*Z.shape[:2], 1))[:, :, 0].T
    sigma = np.einsum("jft,jfcd->ftcd", V, R) + (noise[:, :, None] * np.eye(len(Z)))[:, None]
    x = Z.transpose(1, 2, 0)[..., None]
    quadratic = (x.conj().swapaxes(-1, -2) @ np.linalg.solve(sigma, x)).real[..., 0, 0]
    return -(quadratic + np.linalg.slogdet(sigma)[1] + len(Z) * np.log(np.pi)).mean()


@of_any_size
@settings(max_examples=20, deadline=None)
def test_likelihood_and_its_gradient_are_those_of_dense_matrices(n_sources, m, seed):
    Z, R, V = problem(n_sources, m, seed)
    looks = look(Z, R, V, 0.1)
    assert looks.log_likelihood / Z[0].size == pytest.approx(log_likelihood(Z, R, V, 0.1))
    step = 1e-6 * np.random.default_rng(seed).standard_normal(V.shape)
    ends = [log_likelihood(Z, R, V + sign * step, 0.1) for sign in (-1, 1)]
    slope = ((looks.attraction - looks.precision) * step).sum() / Z[0].size
    assert ends[1] - ends[0] == pytest.approx(2 * slope, rel=1e-4, abs=1e-13)
    sigma = np.random.default_rng(seed).gamma(2.0, size=(m, 3, 1))
    looks = look(Z, R, V, sigma)
    attraction, precision = looks.noise_terms()
    step = 1e-6 * np.random.default_rng(seed).standard_normal(sigma.shape)
    ends = [log_likelihood(Z, R, V, sigma + sign * step) for sign in (-1, 1)]
    slope = ((attraction - precision) * step[..., 0]).sum() / Z[0].size
    assert ends[1] - ends[0] == pytest.approx(2 * slope, rel=1e-4, abs=1e-13)
    total = images(Z, R, V, 1e-9).sum(axis=0)
    np.testing.assert_allclose(total, Z, atol=1e-4 * np.abs(Z).max())


@of_any_size
@settings(max_examples=20, deadline=None)
def test_no_step_of_covariances_lowers_the_likelihood(n_sources, m, seed):
    Z, R, V = problem(n_sources, m, seed)
    better = better_covariances(Z, R, V, 0.1)
    np.testing.assert_allclose(better, better.conj().swapaxes(-1, -2))
    assert np.linalg.eigvalsh(better).min() > -1e-9
    assert log_likelihood(Z, better, V, 0.1) >= log_likelihood(Z, R, V, 0.1) - 1e-9


@of_any_size
@settings(max_examples=20, deadline=None)
def test_no_step_of_the_noise_lowers_the_likelihood(n_sources, m, seed):
    Z, R, V = problem(n_sources, m, seed)
    noise = Noise(np.random.default_rng(seed).gamma(1.0, size=(m, 2)))
    before, after = (
        log_likelihood(Z, R, V, each.variances(3)[:, :, None])
        for each in (noise, noise.stepped(look(Z, R, V, noise.variances(3)[:, :, None])))
    )
    assert after >= before - 1e-9


@pytest.mark.parametrize("level", [0.0, 0.01])
def test_no_step_of_a_fit_lowers_the_likelihood(room, level):
    Z = Transform(RATE).forward(room.sum(axis=0).astype(np.float32))
    Z /= np.sqrt(np.mean(np.abs(Z) ** 2))
    rng, history = np.random.default_rng(0), {}
    shapes = find_clusters(Z, 2, above_noise(Z, level), rng).shapes
    sigma = np.full((2, Z.shape[1], 1), max(level, ROUNDING), np.float32)
    powers = source_powers(Z, shapes, sigma) + np.float32(1e-7)
    V, R = fit_room(Z, shapes, start_factors(powers, 8, rng), sigma, 10, history)
    values = [*history["log_likelihood"], look(Z, R, V, sigma).log_likelihood / Z[0].size]
    assert len(values) == 21
    assert np.diff(values).min() > -1e-4
    np.testing.assert_allclose(np.trace(R, axis1=-2, axis2=-1), 2, rtol=1e-4)


def test_covariances_of_known_images_are_found():
    rng = np.random.default_rng(0)
    _, R, V = problem(2, 3, n_windows=4000)
    R *= (3 / np.trace(R, axis1=-2, axis2=-1).real)[..., None, None]
    L = np.linalg.cholesky(R)
    white = rng.standard_normal((2, 3, 3, 4000, 2)) @ [1, 1j] / np.sqrt(2)
    C = (np.sqrt(V)[:, :, None] * (L @ white)).transpose(0, 2, 1, 3)
    powers, covariances = measured(C)
    assert powers.shape == V.shape
    # Normalised by their own powers, images of high rank are rounder than their covariance.
    cosine = np.abs(np.einsum("jfcd,jfdc->jf", covariances, R)) / (
        np.linalg.norm(covariances, axis=(2, 3)) * np.linalg.norm(R, axis=(2, 3))
    )
    assert cosine.min() > 0.98


@given(n=st.integers(1, 5), seed=st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_one_order_is_found_whatever_the_orders_were(n, seed):
    rng = np.random.default_rng(seed)
    talks = rng.random((n, 200)) < 0.4
    shares = np.stack([talks[rng.permutation(n)] for _ in range(30)]).astype(float)
    shares += 0.3 * rng.standard_normal(shares.shape)
    order, agreement = in_one_order(shares, rng)
    ordered = np.take_along_axis(shares, order[:, :, None], axis=1)
    assert all(sorted(row) == list(range(n)) for row in order)
    likeness = [np.corrcoef(each.mean(axis=0), talks) for each in ordered.swapaxes(0, 1)]
    assert min(np.abs(matrix[0, 1:]).max() for matrix in likeness) > 0.9
    assert 0.5 < agreement <= 1


def test_sources_of_a_room(room, found):
    x = room.sum(axis=0)
    assert isinstance(found, RoomSeparation)
    assert found.images.shape == room.shape
    assert found.images.dtype == found.sources.dtype == x.dtype
    assert image_sdr(room, found.images) > 10 + image_sdr(room, np.stack([x / 2] * 2))
    power = (found.images**2).sum(axis=(1, 2))
    assert power[0] >= power[1]
    rest = found.residual(x)
    np.testing.assert_allclose(found.images.sum(axis=0) + rest, x, atol=1e-12 * np.abs(x).max())
    assert np.abs(rest).max() < 0.01 * np.abs(x).max()
    assert found.mixing is None
    assert found.fit_quality < INSTANTANEOUS
    masks = found.masks()
    assert masks.shape == (2, *found.transform.forward(x).shape[1:])
    np.testing.assert_allclose(masks.sum(axis=0), 1, atol=1e-6)


def test_noise_of_the_channels_is_learned_and_left_in_the_residual(room, found):
    x = room.sum(axis=0)
    # The second channel has four times the noise.
    true = 0.05 * np.array([0.4, 1.6]) * x.var()
    loud = x + np.sqrt(true) * np.random.default_rng(0).standard_normal(x.shape)
    given = {"method": "convolutive", "random_state": 0}
    noisy = separate(loud, RATE, 2, **given)
    assert noisy.noise_variance.shape == (2, noisy.transform.n_frequencies)
    np.testing.assert_allclose(noisy.noise_variance.mean(axis=1), true, rtol=0.35)
    assert noisy.facts()["noise_variance"] == noisy.noise_variance.mean(axis=1).tolist()
    # Under a loud source the two cannot be told apart: that part of the noise stays in the images.
    left = noisy.residual(loud).var(axis=0) / true
    assert left.min() > 0.3
    assert left.max() < 1.2
    assert image_sdr(room, noisy.images) > 5 + image_sdr(room, np.stack([loud / 2] * 2))
    assert found.noise_variance.mean() < 1e-3 * x.var()
    steps = np.diff(noisy.history["noise_log_likelihood"])
    assert steps.min() > -1e-4
    assert steps.sum() > 0.01
    # A power of two changes no digit.
    louder = separate(4096 * loud, RATE, 2, **given)
    np.testing.assert_array_equal(louder.images, 4096 * noisy.images)
    np.testing.assert_array_equal(louder.noise_variance, 4096**2 * noisy.noise_variance)


def test_delays_are_those_of_the_filters(found):
    frames = sorted(RATE * found.delays[:, 1])
    np.testing.assert_allclose(frames, [-2, 3], atol=0.3)
    assert (found.delays[:, 0] == 0).all()
    assert found.facts()["delays_ms"] == (1000 * found.delays).round(3).tolist()


def test_more_sources_than_channels():
    room = heard(3)
    found = separate(room.sum(axis=0), RATE, 3, method="convolutive", random_state=0)
    assert image_sdr(room, found.images) > 5 + image_sdr(room, np.stack([room.sum(axis=0) / 3] * 3))


def test_more_channels_units_precision_and_a_window_of_the_user_s():
    room = heard(2, 3, seconds=2.0)
    x = (1e4 * room.sum(axis=0)).astype(np.float32)
    given = {"method": "convolutive", "random_state": 0}
    found = separate(x, RATE, 2, window=0.096, **given)
    same = separate(x, RATE, 2, window=0.096, **given)
    assert found.images.dtype == np.float32
    assert found.transform == Transform(RATE, 0.096)
    np.testing.assert_array_equal(found.images, same.images)
    assert image_sdr(1e4 * room, found.images) > 8


def test_chunks_keep_the_order_of_the_sources(monkeypatch):
    room = heard(2, 2, seconds=8.0)
    monkeypatch.setattr(sound_chunks, "_CHUNK_COEFFICIENTS", 80 * Transform(RATE).n_frequencies)
    found = separate(room.sum(axis=0), RATE, 2, method="convolutive", random_state=0)
    halves = [
        image_sdr(room[:, part], found.images[:, part])
        for part in (slice(0, 32_000), slice(32_000, None))
    ]
    # Eight runs of sixteen steps of two kinds a chunk.
    assert len(found.history["run"]) >= 3 * 8 * 32
    assert min(halves) > 8
    assert image_sdr(room, found.images) > min(halves)


def test_a_silent_channel_has_no_delay_and_hears_nothing(room):
    x = np.column_stack([room.sum(axis=0)[:8000], np.zeros(8000)])
    with pytest.warns(SeparationWarning, match="channel 3 is silent"):
        found = separate(x, RATE, 2, method="convolutive", random_state=0)
    assert (found.delays[:, 2] == 0).all()
    assert np.isfinite(found.images).all()
    np.testing.assert_allclose(found.noise_variance[2], 0, atol=1e-12)
    assert np.abs(found.images[..., 2]).max() < 1e-3 * np.abs(found.images).max()


def noise(*shape):
    return np.random.default_rng(0).standard_normal(shape)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "`n_sources` must be a number with method 'convolutive', got 'auto'"),
        ({"n_sources": 0}, "`n_sources` must be"),
        ({"n_sources": 2, "mixing": np.ones((2, 2))}, "`mixing` must not be given"),
        ({"n_sources": 2, "x": noise(8000, 1)}, "at least two different channels, got one"),
        ({"n_sources": 2, "x": noise(800, 2)}, "at least 0.5 s"),
    ],
)
def test_what_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        separate(
            **({"x": noise(8000, 2), "sample_rate": RATE, "method": "convolutive"} | arguments)
        )


def test_the_instantaneous_methods_name_this_one(room):
    x = room.sum(axis=0)
    with pytest.warns(
        SeparationWarning, match="--method convolutive.*number is not known: give it"
    ):
        found = separate(x, RATE, method="binary", random_state=0)
    assert not found.sure
    assert found.count_in_words() == "not known: the mixture is not instantaneous"
    with pytest.warns(SeparationWarning, match=r"\(--method convolutive\)$"):
        separate(x, RATE, mixing=np.eye(2), method="binary", random_state=0)


def test_microphones_four_centimetres_apart_are_noticed():
    """A frame of delay at most: at the frequencies of vowels next to nothing."""
    data = make_talkers(2, n_seconds=4.0)
    late = np.fft.irfft(
        np.fft.rfft(data.sources, axis=0)
        * np.exp(-2j * np.pi * np.fft.rfftfreq(len(data.x))[:, None] * [1.0, -0.8]),
        len(data.x),
        axis=0,
    )
    x = np.column_stack([data.sources.sum(axis=1), late.sum(axis=1)])
    with pytest.warns(SeparationWarning, match="--method convolutive"):
        separate(x, RATE, 2, method="binary", random_state=0)


def test_noise_that_no_order_brings_together_is_told():
    with pytest.warns(SeparationWarning, match="hardly comes and goes together"):
        separate(noise(8000, 2), RATE, 2, method="convolutive", random_state=0)


def run(*arguments):
    return CliRunner().invoke(main, ["separate", *map(str, arguments)])


def test_the_command(tmp_path, room):
    room = 0.1 * room[:, :16_000] / np.abs(room.sum(axis=0)).max()
    x = room.sum(axis=0)
    path = write(tmp_path / "mix.wav", x)
    result = run(path, "--sources", 2, "--method", "convolutive", "-o", tmp_path / "o")
    assert result.exit_code == 0, result.output
    assert "Warning" not in result.stderr
    facts = json.loads((tmp_path / "o" / "mixing.json").read_text())
    assert facts["mixing"] is None
    assert np.shape(facts["delays_ms"]) == (2, 2)
    parts = [
        soundfile.read(tmp_path / "o" / name, dtype="int16")[0].astype(int)
        for name in (*facts["images"], facts["residual"])
    ]
    np.testing.assert_array_equal(sum(parts), soundfile.read(path, dtype="int16")[0])
    for name, channel, part in zip(facts["sources"], facts["source_channels"], parts, strict=False):
        mono = soundfile.read(tmp_path / "o" / name, dtype="int16")[0]
        np.testing.assert_allclose(mono, facts["gain"] * part[:, channel - 1], atol=1)
    page = (tmp_path / "o" / "listen.html").read_text(encoding="utf-8")
    assert page.count("<audio") == 4
    assert " ms" in page
    assert (tmp_path / "o" / "separation.png").read_bytes().startswith(b"\x89PNG")
    # True images are compared with images, as those of any separation.
    for j, image in enumerate(room):
        write(tmp_path / "true" / f"talker-{j}.wav", image)
    scores = CliRunner().invoke(main, ["evaluate", str(tmp_path / "true"), str(tmp_path / "o")])
    assert scores.exit_code == 0, scores.output
    mean = next(line for line in scores.output.splitlines() if line.startswith("mean"))
    assert float(mean.split()[1]) > 8


def test_the_command_wants_a_number_before_it_reads_anything(tmp_path):
    (tmp_path / "no.wav").write_bytes(b"no sound")
    result = run(
        tmp_path / "no.wav", "--sources", "auto", "--method", "convolutive", "-o", tmp_path / "o"
    )
    assert result.exit_code == 1
    assert "--sources must be a number with method 'convolutive'" in result.stderr
    assert not (tmp_path / "o").exists()
