"""``overica separate``, from outside: what it writes and says, and what it refuses."""

import errno
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from overica.cli import main
from overica.cli._known import SEPARATION_METHODS
from overica.separation import METHODS, Separation
from overica.separation import separate as separate_arrays
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
        monkeypatch.setattr("overica.separation.picture.draw_separation", lambda *_: Blank())


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
    result = separate(path, "--sources", 3, "-o", tmp_path / "o", "--seed", 1, *QUICKLY)
    assert result.exit_code == 0, result.output
    facts = json.loads((tmp_path / "o" / "mixing.json").read_text())
    learned = np.array(facts["mixing"])
    assert np.abs(learned.T @ A).max(axis=0).min() > 0.999
    sources = [soundfile.read(tmp_path / "o" / name)[0] for name in facts["sources"]]
    scores = evaluate_separation(S, np.stack(sources, axis=1))
    assert scores.sdr.min() > 5
    # The same pairs by direction as by sound.
    assert np.abs(learned.T @ A).argmax(axis=0).tolist() == scores.pairing.tolist()
    parts = [
        soundfile.read(tmp_path / "o" / name)[0] for name in (*facts["images"], facts["residual"])
    ]
    np.testing.assert_array_equal(sum(parts).astype(np.float32), soundfile.read(path)[0])
    assert (
        f"residual ({-facts['residual_db']:.0f} dB below it) sum to the recording exactly"
        in result.output
    )
    assert (tmp_path / "o" / "listen.html").read_text().count("<audio") == 5
    assert (tmp_path / "o" / "separation.png").read_bytes().startswith(b"\x89PNG")
    assert facts["settings"]["seed"] == 1
    assert (
        "wrote source-1.wav, source-2.wav, source-3.wav, image-1.wav, image-2.wav, image-3.wav, residual"
        in result.output
    )


def test_same_seed_same_files(tmp_path):
    path = write(tmp_path / "mix.wav", X)
    for folder in "ab":
        assert separate(path, "--sources", 2, "-o", tmp_path / folder, *QUICKLY).exit_code == 0
    for name in ("source-1.wav", "source-2.wav", "mixing.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_auto_says_who_chose(tmp_path, quick):
    path = write(tmp_path / "mix.flac", X)
    result = separate(path, "--sources", "auto", "-o", tmp_path / "o")
    assert "3 sources, chosen by evidence" in result.output
    facts = json.loads((tmp_path / "o" / "mixing.json").read_text())
    assert facts["n_sources"] == 3
    assert facts["n_sources_chosen_by"] == "evidence"


def test_how_sure_the_number_is_is_told(tmp_path, monkeypatch):
    unsure = Separation(
        S.astype("float32"), A, RATE, "l1", 1.0, 1.0, {3: 0.5, 4: 0.52}, {},
        n_sources_probabilities={3: 0.6, 4: 0.4},
    )  # fmt: skip
    monkeypatch.setattr("overica.separation.separate_file.separate", lambda *_, **__: unsure)
    path = write(tmp_path / "mix.wav", X)
    result = separate(path, "--sources", "auto", "-o", tmp_path / "o")
    assert "how many are heard: 3, perhaps 4 (60 % and 40 %)" in result.output
    assert "3: 0.50, 4: 0.52" in result.output
    facts = json.loads((tmp_path / "o" / "mixing.json").read_text())
    assert facts["n_sources_probabilities"] == {"3": 0.6, "4": 0.4}
    assert facts["n_sources_sure"] is False


def test_a_gain_is_told(tmp_path, quick, monkeypatch):
    loud = Separation(4 * S.astype("float32"), A, RATE, "l1", 1.0, 1.0, {}, {})
    monkeypatch.setattr("overica.separation.separate_file.separate", lambda *_, **__: loud)
    path = write(tmp_path / "mix.wav", X)
    monkeypatch.setattr("overica.separation.sound_files._FULL_SCALE", 0.5)
    result = separate(path, "--sources", 3, "-o", tmp_path / "o")
    assert "so that none is clipped; images are not" in result.output
    assert json.loads((tmp_path / "o" / "mixing.json").read_text())["gain"] < 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: p, "no audio files in this folder"),
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
    result = separate(tmp_path / "absent.wav", "--sources", 3, "-o", tmp_path / "o")
    assert result.exit_code == 2
    assert "absent.wav' does not exist" in result.stderr
    for sources in ("0", "-1", "many", "2.5"):
        result = separate(path, "--sources", sources, "-o", tmp_path / "o")
        assert result.exit_code == 2
        assert "neither a positive number nor 'auto'" in result.stderr
    assert separate(path, "-o", tmp_path / "o").exit_code == 2
    assert separate(path, "--sources", 3).exit_code == 2
    assert separate(path, "--sources", 3, "-o", path).exit_code == 2
    result = separate(path, "--sources", 3, "--method", "magic", "-o", tmp_path / "o")
    assert result.exit_code == 2
    assert "'magic' is not one of 'gaussian', 'l1', 'binary'" in result.stderr
    assert not (tmp_path / "o").exists()


def test_help_names_methods_and_defaults():
    text = " ".join(separate("--help").output.split())
    assert "--method [gaussian|l1|binary|convolutive]" in text
    assert "[default: gaussian]" in text
    assert "--window SECONDS" in text
    assert "default: 0.128" in text
    assert list(METHODS) == list(SEPARATION_METHODS)


def test_the_window_is_used_and_kept(tmp_path):
    path = write(tmp_path / "mix.wav", X)
    sounds = []
    for name, window in (("a", ()), ("b", ("--window", 0.128)), ("c", ("--window", 0.032))):
        options = ("--no-images", "--no-page", "--method", "binary", *window)
        result = separate(path, "--sources", 3, "-o", tmp_path / name, *options)
        assert result.exit_code == 0, result.output
        assert {file.name for file in (tmp_path / name).iterdir()} == {
            "source-1.wav", "source-2.wav", "source-3.wav", "mixing.json", "separation.png"
        }  # fmt: skip
        sounds.append(soundfile.read(tmp_path / name / "source-1.wav")[0])
    np.testing.assert_array_equal(sounds[0], sounds[1])
    assert np.abs(sounds[2] - sounds[0]).max() > 0.01
    assert json.loads((tmp_path / "c" / "mixing.json").read_text())["settings"]["window"] == 0.032
    for window, message in (
        (1e-5, "--window must make a window"),
        (1.0, "--window must be at most half"),
    ):
        result = separate(path, "--sources", 3, "-o", tmp_path / "d", "--window", window)
        assert result.exit_code == 1
        assert message in result.stderr, result.stderr
    assert separate(path, "--sources", 3, "-o", tmp_path / "d", "--window", -1).exit_code == 2


def test_the_images_of_a_loud_centre_are_scored_as_they_are(tmp_path):
    """A centre near full scale: its mono file cannot hold it, and its image can."""
    B = np.array([[0.7, 1.0, 0.0], [0.7, 0.0, 1.0]])
    truth = S * [1.2, 0.5, 0.5]
    truth *= 0.95 / np.abs(truth @ B.T).max()
    path = write(tmp_path / "mix.wav", truth @ B.T, subtype="PCM_24")
    images = np.einsum("tj,cj->jtc", truth, B)
    for j in range(3):
        write(tmp_path / "refs" / f"{j}.wav", images[j], subtype="FLOAT")
        write(tmp_path / "mono" / f"{j}.wav", truth[:, j] * np.hypot(*B[:, j]), subtype="FLOAT")
    assert separate(path, "--sources", 3, "-o", tmp_path / "o", *QUICKLY).exit_code == 0
    assert json.loads((tmp_path / "o" / "mixing.json").read_text())["gain"] < 1
    found = separate_arrays(soundfile.read(path)[0], RATE, 3, method="l1", random_state=0)
    for references, expected in (
        ("refs", evaluate_separation(images, found.images)),
        ("mono", evaluate_separation(truth * np.hypot(*B), found.sources)),
    ):
        figures = tmp_path / f"{references}.json"
        arguments = ["evaluate", tmp_path / references, tmp_path / "o", "--json", figures]
        assert CliRunner().invoke(main, list(map(str, arguments))).exit_code == 0
        rows = json.loads(figures.read_text())["sources"]
        for name in ("sdr", "isr", "sir", "sar"):
            got = [row[name] for row in rows]
            np.testing.assert_allclose(got, getattr(expected, name), atol=0.1, err_msg=name)


def test_a_folder_of_recordings(tmp_path, quick):
    for name in ("one.wav", "two.wav", "two.flac"):
        write(tmp_path / "in" / name, X)
    broken = write(tmp_path / "in" / "nan.wav", X * np.nan, subtype="FLOAT")
    (tmp_path / "in" / "torn.wav").write_bytes(b"RIFF")
    (tmp_path / "in" / "notes.txt").write_text("mine")
    (tmp_path / "in" / "deeper").mkdir()
    write(tmp_path / "out" / "one" / "source-1.wav", X)
    result = separate(tmp_path / "in", "--sources", 3, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "2 of 5 recordings are separated" in result.stdout
    _, error = result.stderr.splitlines()
    assert error.startswith("Error: 3 of 5 recordings could not be separated: ")
    for reason in (
        f"{broken}: samples are NaN", "one: already holds source-1.wav", "torn.wav: not audio",
    ):  # fmt: skip
        assert reason in error
        assert f"failed: {tmp_path}" in result.stdout
    folders = {path.name for path in (tmp_path / "out").iterdir()}
    assert folders == {"one", "two.wav", "two.flac"}
    assert (tmp_path / "out" / "two.flac" / "listen.html").exists()
    for name in ("nan.wav", "torn.wav"):
        (tmp_path / "in" / name).unlink()
    again = separate(tmp_path / "in", "--sources", 3, "-o", tmp_path / "out", "--overwrite")
    assert again.exit_code == 0, again.output
    assert "3 of 3 recordings are separated" in again.output
    empty = separate(tmp_path / "in" / "deeper", "--sources", 3, "-o", tmp_path / "out")
    assert empty.exit_code == 1
    assert "no audio files" in empty.stderr


def test_a_full_drive_ends_a_folder(tmp_path, quick, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("overica.separation.writing.write_source", full)
    for name in ("one.wav", "two.wav"):
        write(tmp_path / "in" / name, X)
    result = separate(tmp_path / "in", "--sources", 3, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "No space left" in result.stderr
    assert "two.wav" not in result.stdout


@pytest.mark.skipif(os.name == "nt", reason="signals of another kind")
def test_off_a_terminal_quarters_are_told(tmp_path):
    write(tmp_path / "mix.wav", X[:8000])
    args = [str(tmp_path / "mix.wav"), "--sources", "3", "--method", "binary", "--no-page"]
    done = CliRunner().invoke(main, ["separate", *args, "-o", str(tmp_path / "out")])
    told = [line for line in done.stderr.splitlines() if line.startswith("separating")]
    assert told[-1] == "separating: 100 %"
    assert len(told) == len(set(told)) <= 4


def test_a_process_that_is_told_to_end_leaves_no_hidden_folder(tmp_path):
    """While results are written, which is when there is one."""
    code = """
import sys, time
import overica.separation.picture as picture
from overica.cli import main

def slow(*_):
    print("drawing", flush=True)
    time.sleep(60)

picture.draw_separation = slow
main(["separate", *sys.argv[1:], "--sources", "3", "--method", "binary"])
"""
    write(tmp_path / "in" / "mix.wav", X[:8000])
    arguments = [str(tmp_path / "in"), "-o", str(tmp_path / "new" / "out")]
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert any(line == "drawing\n" for line in process.stdout)
        assert (tmp_path / "new" / "out" / "mix" / ".part").is_dir()
        process.terminate()
        assert process.wait(60) == 128 + signal.SIGTERM
        assert process.stderr.read().splitlines()[-1] == "Stopped."
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


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

    monkeypatch.setattr("overica.separation.picture.draw_separation", interrupted)
    path = write(tmp_path / "mix.wav", X)
    result = separate(path, "--sources", 3, "-o", tmp_path / "o")
    assert result.exit_code == 130
    assert "Stopped" in result.stderr
    assert not (tmp_path / "o").exists()


def test_a_missing_extra_says_what_to_install(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "soundfile", None)
    path = tmp_path / "mix.wav"
    path.touch()
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
