"""``overica evaluate``, from outside: which files belong together, figures, and what is refused."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from overica.cli import main
from overica.separation.separation_scores import evaluate_separation
from tests.separation.sounds import RATE, bursts, mixing, write

S = bursts(3, 0.5)
ORDER = [1, 2, 0]
ESTIMATES = (S @ (np.eye(3) + 0.1))[:, ORDER]


def evaluate(*args):
    return CliRunner().invoke(main, ["evaluate", *map(str, args)])


def files(folder, samples, stem, subtype="FLOAT", suffix="wav", rate=RATE):
    return [
        write(folder / f"{stem}-{j + 1}.{suffix}", column, rate, subtype)
        for j, column in enumerate(samples.T)
    ]


@pytest.fixture
def references(tmp_path):
    return files(tmp_path / "refs", S, "talker")


@pytest.fixture
def estimates(tmp_path):
    return files(tmp_path / "ests", ESTIMATES, "source")


@pytest.mark.parametrize("way", ["halves", "separator", "folders"])
def test_table_and_json(tmp_path, references, estimates, way):
    arguments = {
        "halves": [*references, *estimates],
        "separator": [*references, "--", *estimates],
        "folders": [tmp_path / "refs", tmp_path / "ests"],
    }[way]
    result = evaluate(*arguments, "--json", tmp_path / "scores.json")
    assert result.exit_code == 0, result.output
    expected = evaluate_separation(S, ESTIMATES)
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["reference", "estimate", "SDR", "ISR", "SIR", "SAR"]
    for j in range(3):
        reference, estimate, *figures = lines[1 + j].split()
        assert reference == f"talker-{j + 1}.wav"
        assert estimate == f"source-{expected.pairing[j] + 1}.wav"
        assert float(figures[0]) == pytest.approx(expected.sdr[j], abs=0.01)
    assert lines[4].split()[0] == "mean"
    facts = json.loads((tmp_path / "scores.json").read_text())
    assert facts["mean"]["sir"] == pytest.approx(expected.mean()["sir"], abs=1e-3)
    assert [row["estimate"] for row in facts["sources"]] == [
        str(estimates[k]) for k in expected.pairing
    ]


def test_of_a_folder_of_ours_the_kind_that_fits_is_taken(tmp_path, references, estimates):
    folder = tmp_path / "ests"
    (folder / "mixing.json").write_text("{}")
    A = mixing(3)
    for j in range(3):
        write(
            folder / f"image-{j + 1}.wav", ESTIMATES[:, j : j + 1] * A[:, ORDER[j]], RATE, "FLOAT"
        )
        write(tmp_path / "images" / f"{j}.flac", S[:, j : j + 1] * A[:, j])
    mono = evaluate(tmp_path / "refs", folder)
    assert "talker-1.wav  source-3.wav" in mono.output
    assert "sources, filter length 1" in mono.output
    stereo = evaluate(tmp_path / "images", folder, "--filter-length", 2)
    assert stereo.exit_code == 0, stereo.output
    assert "0.flac     image-3.wav" in stereo.output
    assert "images, filter length 2" in stereo.output


def test_more_than_nine_estimates_are_in_the_order_of_their_numbers(tmp_path):
    sounds = bursts(11, 0.5)
    files(tmp_path / "a", sounds, "source", suffix="flac", subtype="PCM_24")
    files(tmp_path / "b", sounds, "source")
    (tmp_path / "b" / "mixing.json").write_text("{}")
    result = evaluate(tmp_path / "a", tmp_path / "b")
    assert "source-10.flac  source-10.wav" in result.output


def test_same_names_are_told_apart_by_their_folders(tmp_path):
    a, b = (
        files(tmp_path / folder, sounds, "t")[0] for folder, sounds in (("a", S), ("b", S[::-1]))
    )
    output = evaluate(a, b, b, a).output
    assert f"{a}  {a} " in output
    assert f"{b}  {b} " in output


def test_nothing_is_infinite(tmp_path, references):
    result = evaluate(*references, *references)
    assert result.exit_code == 0
    assert result.output.count("100.00") == 16
    silent = write(tmp_path / "silent.wav", 0 * S[:, 0])
    result = evaluate(*references, *references[:2], silent)
    assert result.exit_code == 0
    assert f"Warning: {silent} is silent" in result.stderr
    assert result.stdout.splitlines()[3].split()[2:] == ["-100.00"] * 4
    assert result.stdout.splitlines()[1].split()[2:] == ["100.00"] * 4


def test_lengths_that_differ_by_a_frame_of_a_transform_are_cut(tmp_path, references):
    short = files(tmp_path / "short", ESTIMATES[:-100], "source")
    result = evaluate(*references, *short)
    assert result.exit_code == 0
    assert result.stderr.count("Warning") == 1
    assert "all are cut to the shortest" in result.stderr
    far = evaluate(*references, *files(tmp_path / "far", ESTIMATES[:-900], "source"))
    assert far.exit_code == 1
    assert "they must be equally long" in far.output


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: p / "absent.wav", "absent.wav: no such file"),
        (lambda p: (p / "t.wav").write_text("x") and p / "t.wav", "t.wav: not audio"),
        (lambda p: write(p / "e.wav", S[:0, 0]), "e.wav: holds no samples"),
        (
            lambda p: write(p / "r.wav", S[:, 0], 44100),
            "r.wav must have the same sample rate, got 8000 and 44100",
        ),
        (
            lambda p: write(p / "c.wav", S[:, :2]),
            "c.wav must have the same number of channels, got 1 and 2",
        ),
        (lambda p: write(p / "n.wav", S[:, 0] * np.nan, RATE, "FLOAT"), "n.wav: samples are NaN"),
    ],
)
def test_a_bad_estimate_is_named(tmp_path, references, make, message):
    result = evaluate(*references, *references[:2], make(tmp_path))
    assert result.exit_code == 1
    assert message in result.stderr
    assert [line.split()[0] for line in result.stderr.splitlines()] == ["Measuring", "Error:"]


def test_bad_references_are_named(tmp_path, references, estimates):
    result = evaluate(*references[:2], references[0], *estimates)
    assert result.exit_code == 1
    assert "copies or sums" in result.stderr


def test_what_has_no_partner_is_named(tmp_path, references, estimates):
    result = evaluate(*references[:2], "--", *estimates, "--json", tmp_path / "two.json")
    assert result.exit_code == 0, result.output
    assert f"Warning: {estimates[1]} belongs to no reference: it is surplus" in result.stderr
    assert result.stdout.splitlines()[3].split()[0] == "mean"
    assert json.loads((tmp_path / "two.json").read_text())["surplus"] == [str(estimates[1])]
    silent = write(tmp_path / "silent.wav", 0 * S[:, 0])
    result = evaluate(*references[:2], silent, *estimates, "--json", tmp_path / "three.json")
    assert result.exit_code == 0, result.output
    assert f"Warning: {silent} is silent: nothing can be compared" in result.stderr
    assert result.stderr.count("surplus") == 1
    assert result.stdout.splitlines()[3].split() == ["silent.wav", "silent"]
    facts = json.loads((tmp_path / "three.json").read_text())
    assert facts["sources"][2]["sdr"] is None
    two = json.loads((tmp_path / "two.json").read_text())["mean"]
    assert facts["mean"] == pytest.approx(two)
    result = evaluate(silent, silent, "--", *estimates)
    assert result.exit_code == 1
    assert "all references are silent" in result.stderr


@pytest.mark.parametrize("image_gain", [None, 1.0, 0.5])
def test_the_gain_of_written_files_is_undone(tmp_path, references, image_gain):
    folder, A = tmp_path / "ests", mixing(3)
    names = {kind + "s": [f"{kind}-{j + 1}.wav" for j in range(3)] for kind in ("source", "image")}
    facts = {"format": "overica separation", "gain": 0.25, **names}
    gain = 0.25 if image_gain is None else image_gain
    if image_gain is not None:
        facts["image_gain"] = image_gain
    for j in range(3):
        write(folder / names["sources"][j], 0.25 * S[:, j], RATE, "FLOAT")
        write(folder / names["images"][j], gain * S[:, j : j + 1] * A[:, j], RATE, "FLOAT")
        write(tmp_path / "images" / f"{j}.wav", S[:, j : j + 1] * A[:, j], RATE, "FLOAT")
    (folder / "mixing.json").write_text(json.dumps(facts))
    for truth in (tmp_path / "refs", tmp_path / "images"):
        result = evaluate(truth, folder)
        assert result.exit_code == 0, result.output
        # The ISR of sources, and all figures of images, are of the gain too.
        assert result.output.count("100.00") == 16


def test_numbers_that_do_not_fit(tmp_path, references, estimates):
    for arguments, message in (
        (
            [*references, *estimates[:2]],
            'got 5 files, of which no half can be the references: put "--"',
        ),
        ([*references, "--", *estimates[:2]], "3 references and 2 estimates"),
        ([*references, "--"], "3 references and 0 estimates"),
        ([*references, "--", *estimates, "--"], "more than one separator"),
        ([tmp_path / "refs", *estimates], "1 folders among 4 arguments"),
        ([tmp_path / "refs"], "1 folders among 1 arguments"),
    ):
        result = evaluate(*arguments)
        assert result.exit_code == 1
        assert message in result.stderr, result.stderr
    (tmp_path / "empty").mkdir()
    assert "no audio files" in evaluate(tmp_path / "empty", tmp_path / "ests").stderr
    assert evaluate().exit_code == 2
    assert evaluate(*references, *estimates, "--filter-length", 0).exit_code == 2
