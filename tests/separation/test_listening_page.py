"""The page to listen: one file, whole, honest about what it leaves out; and in a browser."""

import base64
import io
import os
import re

import numpy as np
import pytest
import soundfile

from overica.separation import listening_page
from overica.separation.listening_page import write_listening_page
from overica.separation.result import Separation
from tests.report.chromium import DARK, LIGHT, ask_page, find_browser
from tests.separation.sounds import RATE, bursts, mixing

S, A = bursts(3, 1.0).astype(np.float32), mixing(3).astype(np.float32)
X = S @ A.T + np.float32(1e-3) * np.random.default_rng(0).standard_normal((len(S), 2)).astype("f")
# One pixel.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
EVIL = "<script>alert(1)</script> & a_very_long_name_without_any_space_to_break_the_line_at.wav"


def write(path, x=X, sources=S, mixing=A, name=EVIL, notices=()):
    found = Separation(sources, mixing, RATE, "gaussian", 1.0, 1.0, {}, {})
    return write_listening_page(path / "listen.html", name, x, found, PNG, notices)


def sounds(page):
    encoded = re.findall(r'src="data:audio/flac;base64,([^"]*)"', page.read_text(encoding="utf-8"))
    return [soundfile.read(io.BytesIO(base64.b64decode(text)))[0] for text in encoded]


def test_what_is_heard_sums_to_the_mixture(tmp_path):
    page = write(tmp_path, notices=["<b>channel 1 is clipped"])
    mixture, *parts = sounds(page)
    assert len(parts) == 4
    assert np.abs(mixture - X).max() <= 2**-15
    for image, expected in zip(
        parts, Separation(S, A, RATE, "", 1, 1, {}, {}).images, strict=False
    ):
        assert np.abs(image - expected).max() <= 2**-15
    assert np.abs(sum(parts) - mixture).max() <= 5 * 2**-15
    text = page.read_text(encoding="utf-8")
    assert "<script>" not in text
    assert "&lt;b&gt;channel 1 is clipped" in text
    assert "90.0°" in text
    assert "−30.0°" in text
    power = 10 * np.log10((X**2).sum() / ((X - S @ A.T) ** 2).sum())
    assert f"{power:.0f} dB below the mixture" in text


def test_of_a_long_recording_the_loudest_stretch_is_heard_and_that_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(listening_page, "_BYTES", 60_000)
    loud = np.where(np.arange(len(X)) // 1000 == 5, 1.0, 0.01)[:, None].astype("f")
    page = write(tmp_path, loud * X, loud * S)
    text = page.read_text(encoding="utf-8")
    found = re.search(r"loudest (\d) s of 1 s", text)
    assert found, text[-2000:]
    assert sum(map(len, re.findall(r"data:audio/flac;base64,[^\"]*", text))) < 60_000
    mixture = sounds(page)[0]
    assert 1000 < len(mixture) < 2500
    # All of the loud second is among it.
    assert (mixture**2).sum() == pytest.approx((X[5000:6000] ** 2).sum(), rel=0.1)
    assert "loudest" not in write(tmp_path, X[:1000], S[:1000]).read_text(encoding="utf-8")


def test_more_channels_and_sounds_beyond_full_scale(tmp_path):
    B = np.vstack([A, A[:1]])
    text = write(tmp_path, 40 * S @ B.T, 40 * S, B).read_text(encoding="utf-8")
    assert "Channels 1 and 2 of 3 are played" in text
    assert "so that none is clipped" in text
    assert np.abs(sounds(tmp_path / "listen.html")[0]).max() <= 1


def test_silence_and_names_that_are_no_text_are_no_error(tmp_path):
    write(tmp_path, 0 * X, 0 * S, name=os.fsdecode(b"m\xff.wav"))


browser = pytest.mark.skipif(
    find_browser() is None and os.environ.get("OVERICA_REQUIRE_BROWSER") != "1",
    reason="no Chromium found; $CHROMIUM may name one",
)


@browser
@pytest.mark.parametrize(("width", "scheme"), [(360, DARK), (1280, LIGHT)])
def test_players_play_without_network(tmp_path, width, scheme):
    script = """[
      [...document.querySelectorAll("audio")].map(e => [e.error, e.duration, e.controls]),
      [...document.images].every(e => e.naturalWidth > 0),
      document.documentElement.scrollWidth
    ]"""
    answer, console = ask_page(write(tmp_path), script, width=width, scheme=scheme)
    assert answer["value"] == [[[None, 1, True]] * 5, True, width]
    assert (answer["violations"], answer["errors"], answer["requests"]) == ([], [], [])
    assert console == []
