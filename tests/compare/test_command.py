"""The command ``overica compare``, and the study that it runs without a file."""

import json

import pytest
from click.testing import CliRunner

from overica.baselines import PCABaseline
from overica.cli import main
from overica.compare import METHODS, Method, Study

STUDY = """
n_seeds = 2
n_jobs = 1
n_samples = 300
n_evaluated = 60
levels = [1]
methods = ["pca", "random", "oracle"]
datasets = [{name = "sparse_random", n_features = 4, n_components = 6, n_active = 2}]
"""


@pytest.fixture
def run(tmp_path):
    path = tmp_path / "study.toml"

    def command(text, *options):
        path.write_text(text, encoding="utf-8")
        return CliRunner().invoke(
            main, ["compare", str(path), "-o", str(tmp_path / "out"), *options]
        )

    return command


def test_verdict_and_paths_are_printed(run, tmp_path):
    result = run(STUDY)
    assert result.exit_code == 0, result.output
    assert "At the true L0" in result.output
    assert str(tmp_path / "out" / "results.jsonl") in result.output
    assert str(tmp_path / "out" / "report.html") in result.output
    assert (tmp_path / "out" / "report.html").read_text(encoding="utf-8").startswith("<!")


def test_quick_fresh_and_jobs(run, tmp_path):
    run(STUDY)
    result = run(STUDY, "--quick", "--fresh", "--jobs", "1")
    assert result.exit_code == 0, result.output
    lines = (tmp_path / "out" / "results.jsonl").read_text().splitlines()
    assert {json.loads(line)["seed"] for line in lines} == {0}


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (STUDY.replace("pca", "pac"), (), "`methods[0]`: unknown method 'pac'. Did you mean 'pca'"),
        (STUDY, ("--jobs", "0"), "`n_jobs` must be"),
        (STUDY.replace("levels = [1]", "levels = [9]"), (), "above the 6 components"),
    ],
)
def test_a_refused_study_is_one_line(run, tmp_path, text, options, message):
    result = run(text, *options)
    assert result.exit_code == 1
    assert message in result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "out").exists()


def test_failures_are_listed_and_are_an_error(run, monkeypatch):
    class Broken(PCABaseline):
        def fit(self, X, y=None):
            raise RuntimeError("the loss is NaN at step 7")

    method = Method("broken", "Broken", "sae", lambda told: Broken(told.n_components), sweeps=False)
    monkeypatch.setitem(METHODS, "broken", method)
    some = run(STUDY.replace('"random"', '"broken"'))
    assert some.exit_code == 1, some.output
    assert "4 cells failed; the same command tries them again:" in some.output
    assert "sparse_random/broken/own/0: RuntimeError: the loss is NaN at step 7" in some.output
    alone = run(STUDY.replace('"pca", "random", "oracle"', '"broken"'))
    assert alone.exit_code == 1


def test_an_interrupt_says_how_to_go_on(run, monkeypatch):
    class Interrupted(PCABaseline):
        def fit(self, X, y=None):
            raise KeyboardInterrupt

    method = Method(
        "stop", "Stop", "sae", lambda told: Interrupted(told.n_components), sweeps=False
    )
    monkeypatch.setitem(METHODS, "stop", method)
    result = run(STUDY.replace('"random"', '"stop"'))
    assert result.exit_code == 130
    assert "the same command goes on from there" in result.output


def test_the_default_study_is_what_is_promised():
    study = Study.default()
    families = [METHODS[choice.name].family for choice in study.config.methods]
    assert families.count("ica") == 1
    assert families.count("sae") >= 5
    assert families.count("baseline") >= 2
    assert len(study.config.datasets) >= 4
    assert study.config.n_seeds == 3
    known = study.plan().facts["datasets"]
    assert all("1.0" in facts["levels"] for facts in known.values())
