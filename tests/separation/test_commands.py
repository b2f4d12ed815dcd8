"""``overica separate``, from outside: what it writes and says, and what it refuses."""

import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from overica.cli import main
from overica.separation import Separation
from overica.separation.separation_scores import evaluate_separation
from tests.separation.sounds import RATE, bursts, mixing, write

S = bursts(3, 1.5)
A = mixing(3)
X = S @ A.T


def separate(*args):
    return CliRunner().invoke(main, ["separate", *map(str, args)])


# The quickest method: what the command does around it is tested here.
QUICKLY = ("--method", "l1")


@pytest.fixture(autouse=True)
def small_picture(request, monkeypatch):
    """Drawing takes a second; one test looks at the real picture."""

    class Blank:
        def savefig(self, path):
            path.write_bytes(b"blank")

    if "picture" not in request.node.name:
        monkeypatch.setattr("overica.separation.writing.draw_separation", lambda *_: Blank())


@pytest.fixture
def quick(monkeypatch):
    """The command around a separation that takes no time and returns the true sources."""

    def separation(x, sample_rate, n_sources, **_):
        n = 3 if n_sources == "auto" else n_sources
        sounds = bursts(n, len(x) / sample_rate + 0.1, sample_rate)[: len(x)]
        return Separation(
            sounds.astype("float32"), mixing(n), sample_rate, "l1", 1.0, 1.0, {3: 0.5}, {}
        )

    monkeypatch.setattr("overica.separation.separate_file.separate", separation)


def test_sources_mixing_and_picture(tmp_path):
    path = write(tmp_path / "mix.wav", X, subtype="FLOAT")
    result = separate(path, "--sources", 3, "-o", tmp_path / "o", "--images", "--seed", 1, *QUICKLY)
    assert result.exit_code == 0, result.output
    facts = json.loads((tmp_path / "o" / "mixing.json").read_text())
    learned = np.array(facts["mixing"])
    assert np.abs(learned.T @ A).max(axis=0).min() > 0.999
    sources = [soundfile.read(tmp_path / "o" / name)[0] for name in facts["sources"]]
    scores = evaluate_separation(S, np.stack(sources, axis=1))
    assert scores.sdr.min() > 5
    # The same pairs by direction as by sound.
    assert np.abs(learned.T @ A).argmax(axis=0).tolist() == scores.pairing.tolist()
    images = [soundfile.read(tmp_path / "o" / name)[0] for name in facts["images"]]
    assert np.abs(sum(images) - X).max() < 0.2 * np.abs(X).max()
    assert (tmp_path / "o" / "separation.png").read_bytes().startswith(b"\x89PNG")
    assert facts["settings"]["seed"] == 1
    assert "wrote source-1.wav, source-2.wav, source-3.wav, image-1.wav" in result.output


def test_same_seed_same_files(tmp_path):
    path = write(tmp_path / "mix.wav", X)
    for folder in "ab":
        assert separate(path, "--sources", 2, "-o", tmp_path / folder, *QUICKLY).exit_code == 0
    for name in ("source-1.wav", "source-2.wav", "mixing.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_auto_says_who_chose(tmp_path, quick):
    path = write(tmp_path / "mix.flac", X)
    result = separate(path, "--sources", "auto", "-o", tmp_path / "o")
    assert "3 sources, chosen by held-out evidence" in result.output
    facts = json.loads((tmp_path / "o" / "mixing.json").read_text())
    assert facts["n_sources"] == 3
    assert facts["n_sources_chosen_by"] == "held-out evidence"


def test_a_gain_is_told(tmp_path, quick, monkeypatch):
    loud = Separation(4 * S.astype("float32"), A, RATE, "l1", 1.0, 1.0, {}, {})
    monkeypatch.setattr("overica.separation.separate_file.separate", lambda *_, **__: loud)
    path = write(tmp_path / "mix.wav", X)
    monkeypatch.setattr("overica.separation.writing._FULL_SCALE", 0.5)
    result = separate(path, "--sources", 3, "-o", tmp_path / "o")
    assert "so that none is clipped" in result.output
    assert json.loads((tmp_path / "o" / "mixing.json").read_text())["gain"] < 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: p / "absent.wav", "absent.wav: no such file"),
        (lambda p: p, "not a file"),
        (lambda p: (p / "t.wav").write_text("x") and p / "t.wav", "t.wav: not audio"),
        (lambda p: write(p / "e.wav", X[:0]), "e.wav: holds no samples"),
        (lambda p: write(p / "mono.wav", X[:, 0]), "mono.wav: needs at least two"),
        (lambda p: write(p / "same.wav", X[:, [0, 0]]), "same.wav: needs at least two different"),
        (lambda p: write(p / "zero.wav", 0 * X), "zero.wav: must hold sound, got silence"),
        (lambda p: write(p / "blip.wav", X[:800]), "blip.wav: must last at least"),
        (lambda p: write(p / "nan.wav", X * np.nan, RATE, "FLOAT"), "nan.wav: samples are NaN"),
    ],
)
def test_bad_recordings_are_one_line(tmp_path, make, message):
    result = separate(make(tmp_path), "--sources", 3, "-o", tmp_path / "o")
    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stderr.splitlines()[-1].startswith("Error: ")
    assert sum(line.startswith("Error") for line in result.stderr.splitlines()) == 1
    assert not (tmp_path / "o").exists()


def test_bad_options(tmp_path):
    path = write(tmp_path / "mix.wav", X)
    for sources in ("0", "-1", "many", "2.5"):
        result = separate(path, "--sources", sources, "-o", tmp_path / "o")
        assert result.exit_code == 2
        assert "neither a positive number nor 'auto'" in result.stderr
    assert separate(path, "-o", tmp_path / "o").exit_code == 2
    assert separate(path, "--sources", 3).exit_code == 2
    assert separate(path, "--sources", 3, "-o", path).exit_code == 2
    result = separate(path, "--sources", 3, "--method", "magic", "-o", tmp_path / "o")
    assert result.exit_code == 1
    assert "'l1'" in result.stderr
    assert not (tmp_path / "o").exists()


def test_a_folder_with_other_people_s_files(tmp_path, quick):
    path = write(tmp_path / "mix.wav", X)
    mine = write(tmp_path / "o" / "source-1.wav", X)
    before = mine.read_bytes()
    result = separate(path, "--sources", 3, "-o", tmp_path / "o")
    assert result.exit_code == 1
    assert "not from an earlier separation" in result.stderr
    assert mine.read_bytes() == before
    assert separate(path, "--sources", 3, "-o", tmp_path / "o", "--overwrite").exit_code == 0
    assert mine.read_bytes() != before
    assert separate(path, "--sources", 2, "-o", tmp_path / "o").exit_code == 0
    assert not (tmp_path / "o" / "source-3.wav").exists()


def test_an_interruption_is_told_and_leaves_nothing(tmp_path, quick, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("overica.separation.writing.draw_separation", interrupted)
    path = write(tmp_path / "mix.wav", X)
    result = separate(path, "--sources", 3, "-o", tmp_path / "o")
    assert result.exit_code == 130
    assert "Stopped" in result.stderr
    assert not (tmp_path / "o").exists()


def test_a_missing_extra_says_what_to_install(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "soundfile", None)
    path = tmp_path / "mix.wav"
    for arguments in (
        ["separate", path, "--sources", 3, "-o", tmp_path / "o"],
        ["evaluate", path, path],
    ):
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        assert result.exit_code == 1
        assert "pip install 'overica[audio]'" in result.stderr


@pytest.mark.parametrize(
    ("rate", "subtype", "seconds"),
    [(11025, "PCM_U8", 1.0), (48000, "PCM_24", 1.0), (7919, "FLOAT", 3.0)],
)
def test_odd_formats_and_rates(tmp_path, rate, subtype, seconds):
    path = write(tmp_path / "mix.wav", bursts(3, seconds, rate) @ A.T, rate, subtype)
    result = separate(path, "--sources", 3, "-o", tmp_path / "o", *QUICKLY)
    assert result.exit_code == 0, result.output
    info = soundfile.info(tmp_path / "o" / "source-3.wav")
    assert info.samplerate == rate
    assert info.frames == round(seconds * rate)
    assert info.subtype == ("PCM_16" if subtype == "PCM_U8" else subtype)


def test_three_channels(tmp_path):
    B = np.array([[1.0, 0.5, 0.1], [0.1, 1.0, -0.5], [0.4, -0.2, 1.0]])
    path = write(tmp_path / "mix.wav", S @ B.T, subtype="FLOAT")
    result = separate(path, "--sources", 3, "-o", tmp_path / "o", *QUICKLY)
    assert result.exit_code == 0, result.output
    facts = json.loads((tmp_path / "o" / "mixing.json").read_text())
    assert "directions_degrees" not in facts
    cosines = np.array(facts["mixing"]).T @ (B / np.linalg.norm(B, axis=0))
    assert np.abs(cosines).max(axis=0).min() > 0.99


def test_warnings_reach_the_user_in_one_line_each(tmp_path):
    clipped = np.clip(100 * X, -0.999, 0.999)
    path = write(tmp_path / "mix.wav", clipped)
    result = separate(path, "--sources", 3, "-o", tmp_path / "o", *QUICKLY)
    assert result.exit_code == 0, result.output
    lines = [line for line in result.stderr.splitlines() if "is clipped" in line]
    assert len(lines) == 2
    assert all(line.startswith("Warning: ") for line in lines)
    told = json.loads((tmp_path / "o" / "mixing.json").read_text())["warnings"]
    assert sum("is clipped" in text for text in told) == 2
