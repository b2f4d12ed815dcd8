"""Sets of mixtures, the study of them, its report, and the commands that run it."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.io import wavfile

from overica.cli import main
from overica.datasets import load_talkers
from overica.separation import METHODS, SeparationResults, SeparationStudy
from overica.separation.mixture_sets import MIXTURES, talkers
from overica.separation.separation_page import QUESTION, answer
from overica.separation.separation_study import SeparationConfig
from overica.separation.ways import WAYS
from overica.studies import StudyError

pytest.importorskip("fast_bss_eval")

SHORT = {"name": "talkers", "label": "3 talkers", "n_seconds": 2}
TOLD = [name for name, method in METHODS.items() if method.model.columns]
QUICK = ["l1", "binary", "l1_true", "ideal_mask", "wiener", "mixture", "auto"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("study")


@pytest.fixture(scope="module")
def study(folder):
    return SeparationStudy(mixtures=[SHORT], methods=QUICK, n_seeds=2, n_jobs=1).run(
        folder, progress=False
    )


def test_ways_stand_in_the_order_that_is_known(study):
    assert not study.failed, study.failures.to_string()
    sdr = study.table().loc["3 talkers", "mean"]
    assert sdr["mixture"] < 0 < sdr["l1"]
    assert max(sdr["l1"], sdr["ideal_mask"]) < sdr["wiener"]
    # With directions as well learned as these, knowing them is worth next to nothing.
    assert sdr["l1_true"] == pytest.approx(sdr["l1"], abs=0.5)
    assert (study.table("angle_error")["mean"] < 2).all()
    assert set(study.table("count_found").index.get_level_values("method")) == {"auto"}


def test_every_method_of_separation_is_a_way():
    assert {*METHODS, *(f"{name}_true" for name in TOLD)} <= WAYS.keys()
    assert all(not WAYS[name].reference and WAYS[f"{name}_true"].reference for name in TOLD)


def test_a_second_run_goes_on(study, folder):
    again = SeparationStudy(mixtures=[SHORT], methods=QUICK, n_seeds=3, n_jobs=1).run(
        folder, progress=False
    )
    seconds = {r["cell"]: r["fit_seconds"] for r in again.records}
    assert len(seconds) == len(study.records) * 3 / 2
    assert {r["cell"]: r["fit_seconds"] for r in study.records}.items() <= seconds.items()
    assert len(SeparationResults.load(folder).records) == len(seconds)


@pytest.mark.parametrize("name", MIXTURES)
def test_mixtures_are_what_they_say_and_the_same_again(name):
    first, again, other = (MIXTURES[name](seed, 3, n_seconds=1) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.x, again.x)
    assert not np.array_equal(first.x, other.x)
    assert first.x.shape == (8000, 2)
    np.testing.assert_allclose(first.x, first.sources @ first.mixing.T)
    np.testing.assert_allclose(np.linalg.norm(first.mixing, axis=0), 1)


def test_every_set_of_talkers_has_its_turn():
    drawn = [talkers(seed, 2, n_seconds=0.1, mixings=2) for seed in range(24)]
    assert len({mixture.names for mixture in drawn}) == 6
    assert len({(mixture.names, mixture.seed) for mixture in drawn}) == 24


def test_talkers_of_a_folder(tmp_path):
    voices = load_talkers()
    for name, signal, n in zip("abc", voices.signals, (9000, 8000, 8500), strict=False):
        wavfile.write(tmp_path / f"{name}.wav", 8000, (3000 * signal[:n]).astype(np.int16))
    found = load_talkers(tmp_path)
    assert found.names == ("a", "b", "c")
    assert found.signals.shape == (3, 8000)
    np.testing.assert_allclose(found.signals.std(axis=1), 1)
    study = SeparationStudy(
        mixtures=[{"name": "talkers", "folder": str(tmp_path)}], methods=["mixture"], n_seeds=1
    )
    assert len(study.plan().cells) == 1
    wavfile.write(tmp_path / "d.wav", 16000, np.ones(8000, np.int16))
    with pytest.raises(ValueError, match=r"one sample rate, got .*'d\.wav', 16000"):
        load_talkers(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mixtures": ["talker"]}, r"`mixtures\[0\]`: unknown set of mixtures 'talker'.*'talkers'"),
        ({"mixtures": [{"name": "talkers", "n_talker": 3}]}, "unknown argument.*'n_talkers'"),
        ({"mixtures": ["talkers"], "methods": ["ica"]}, r"`methods\[0\]`: unknown method 'ica'"),
        ({"mixtures": ["talkers"], "sae": {"n_steps": 3}}, "`sae`: unknown key 'sae'"),
        ({}, "`mixtures` must list at least one set of mixtures"),
    ],
)
def test_bad_configuration(change, message):
    with pytest.raises(StudyError, match=message):
        SeparationConfig.from_keywords(**change)


def test_impossible_mixtures_are_refused_before_any_work():
    many = [{"name": "talkers", "label": "many", "n_talkers": 5}]
    with pytest.raises(
        StudyError, match=r"`mixtures\[0\]` \(many\): `n_talkers` must be at most 4"
    ):
        SeparationStudy(mixtures=many).plan()


def test_report_answers_first(study, tmp_path):
    kept = SeparationStudy(mixtures=[SHORT], methods=QUICK, n_seeds=1, n_jobs=1)
    page = kept.write_report(kept.run(tmp_path, progress=False)).read_text(encoding="utf-8")
    assert page.index(QUESTION) < page.index("dB on 3 talkers") < page.index("SDR, decibels")
    assert "Learned against true directions" in page
    assert page.count("learned directions among the true ones") == 3


FILE = """
kind = "separation"
n_seeds = 1
n_jobs = 1
mixtures = [{name = "talkers", label = "2 talkers", n_talkers = 2, n_seconds = 1}]
methods = ["l1", "mixture"]
"""


@pytest.fixture
def run(tmp_path):
    def command(text, *options):
        (tmp_path / "study.toml").write_text(text, encoding="utf-8")
        out = str(tmp_path / "out")
        return CliRunner().invoke(
            main, ["study", str(tmp_path / "study.toml"), "-o", out, *options]
        )

    return command


def test_command(run, tmp_path):
    result = run(FILE, "--fresh", "--jobs", "1")
    assert result.exit_code == 0, result.output
    assert "dB on 2 talkers" in result.output
    assert (tmp_path / "out" / "report.html").is_file()
    header = json.loads((tmp_path / "out" / "study.json").read_text(encoding="utf-8"))
    assert header["kind"] == header["study"]["kind"] == "separation"


def test_a_failure_ends_with_1(run, monkeypatch):
    def fail(mixture):
        raise RuntimeError("no sound")

    monkeypatch.setitem(WAYS, "l1", WAYS["l1"].__class__("l1", "l1", "ica", fail, sweeps=False))
    result = run(FILE)
    assert result.exit_code == 1
    assert "1 cells failed; the same command tries them again:" in result.output
    assert "2 talkers/l1/own/0: RuntimeError: no sound" in result.output
    assert "Traceback" not in result.output


def test_nothing_to_say():
    header = {"mixtures": {"3 talkers": {}}}
    assert answer(SeparationResults([], header)) == "Nothing can be said yet."
