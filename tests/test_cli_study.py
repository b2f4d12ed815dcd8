"""``overica study``: any kind by the key `kind`, what is refused in one line, and what the exit code says."""

import json

import pytest
from click.testing import CliRunner

from overica.cli import main
from overica.cli._study import EXIT_CODES, KINDS, load
from overica.studies import Study

KNOWN_TRUTH = """
n_seeds = 1
n_jobs = 1
n_samples = 300
n_evaluated = 60
levels = [1]
methods = ["pca", "random"]
datasets = [{name = "sparse_random", n_features = 4, n_components = 6, n_active = 2}]
"""
PHOTOGRAPHS = """
kind = "photographs"
side = 3
widths = [1]
n_fit = 900
n_choose = 40
n_judge = 120
n_annealed = 0
n_table = 200
n_jobs = 1
n_seeds = 1
methods = ["gaussian", "raw"]
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


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_are_what_they_are_called(kind):
    study = load(kind)
    assert issubclass(study, Study)
    assert study.config_type.kind == kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (KNOWN_TRUTH, "known_truth"),
        ('kind = "known_truth"' + KNOWN_TRUTH, "known_truth"),
        (PHOTOGRAPHS, "photographs"),
    ],
)
def test_the_key_chooses_the_kind(run, tmp_path, text, kind):
    result = run(text)
    assert result.exit_code == 0, result.output
    assert str(tmp_path / "out" / "report.html") in result.output
    header = json.loads((tmp_path / "out" / "study.json").read_text(encoding="utf-8"))
    assert header["kind"] == header["study"]["kind"] == kind
    # Another kind is not written over it.
    other = run(PHOTOGRAPHS if kind == "known_truth" else KNOWN_TRUTH)
    assert other.exit_code == 1
    assert f"got '{kind}'" in other.output


def test_options_change_the_study(run, tmp_path):
    run(KNOWN_TRUTH)
    again = run(
        KNOWN_TRUTH.replace("n_seeds = 1", "n_seeds = 2"), "--quick", "--fresh", "--jobs", "1"
    )
    assert again.exit_code == 0, again.output
    lines = (tmp_path / "out" / "results.jsonl").read_text().splitlines()
    assert {json.loads(line)["seed"] for line in lines} == {0}
    assert (tmp_path / "out" / "earlier.jsonl").read_text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('kind = "photograph"', "unknown kind of study 'photograph'. Did you mean 'photographs'"),
        ("kind = 3", "unknown kind of study 3"),
        ("kind = [", "is not TOML"),
        (PHOTOGRAPHS.replace("side", "sides"), "`sides`: unknown key 'sides'. Did you mean 'side'"),
        ('datasets = ["mixture"]\nmethods = [{name = "topk", n_steps = 0}]', "`n_steps` must be"),
        (
            'datasets = ["mixture"]\nmethods = ["ica"]\n[ica]\nprior = "so"',
            "`prior` must be one of",
        ),
        (
            'datasets = ["mixture"]\nmethods = [{name = "pca"}, {name = "rica", contrast = "so"}]',
            "`methods[1]` (rica): `contrast` must be one of",
        ),
        (
            PHOTOGRAPHS.replace('"raw"', '"topk"') + "[tuned.topk]\nn_steps = [5, 0]",
            "`n_steps` must be an integer >= 1, got 0",
        ),
        ('kind = "photographs"\nfolder = "nowhere"', "`folder` must be a folder with pictures"),
        ('kind = "activations"\nactivations = "nowhere"', "there is nothing at 'nowhere'"),
    ],
)
def test_what_is_refused_is_one_line(run, tmp_path, text, message):
    result = run(text)
    assert result.exit_code == 1
    assert message in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.output
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_not_there(tmp_path):
    result = CliRunner().invoke(main, ["study", str(tmp_path / "none.toml")])
    assert result.exit_code == 2
    assert "none.toml' does not exist" in result.stderr


@pytest.mark.parametrize("command", ["study", "compare", "features", "photographs"])
def test_help_tells_the_exit_codes(command):
    text = CliRunner().invoke(main, [command, "--help"]).output
    assert EXIT_CODES in " ".join(text.split())


def test_kinds_are_named_where_the_command_explains_itself():
    text = CliRunner().invoke(main, ["study", "--help"]).output
    assert all(kind in text for kind in KINDS)
