"""``overica fit``: what it takes, what it refuses before the work, and what it leaves behind."""

import os
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

import overica
from overica.cli import main
from overica.datasets import make_mixture

DATA = make_mixture(800, 8, 12, "sparse_exponential", n_active=2, random_state=0)
METHODS = {
    "ica": ["--prior", "exponential", "--set", "hierarchy=false", "--steps", "60"],
    "batchtopk": ["--n-active", "2", "--steps", "20", "--precision", "bfloat16"],
    "pca": [],
}


@pytest.fixture
def acts(tmp_path):
    np.save(tmp_path / "a.npy", DATA.X[:500].astype(np.float16))
    np.save(tmp_path / "b.npy", DATA.X[500:].astype(np.float16))
    return [str(tmp_path / "a.npy"), str(tmp_path / "b.npy")]


def call(acts, method, folder, *more):
    n = "8" if method == "pca" else "12"
    return CliRunner().invoke(
        main,
        ["fit", *acts, "-m", method, "-n", n, "-o", str(folder), *METHODS.get(method, []), *more],
    )


@pytest.mark.parametrize("method", METHODS)
def test_a_fit_is_told_and_loaded(acts, method, tmp_path):
    result = call(acts, method, tmp_path / "run")
    assert result.exit_code == 0, result.output
    assert "800 x 8" in result.stdout
    assert "explained variance" in result.stdout
    assert overica.load(tmp_path / "run").components_.shape == (8 if method == "pca" else 12, 8)


def test_the_same_command_finds_what_is_done_and_another_is_refused(acts, tmp_path):
    call(acts, "batchtopk", tmp_path / "run")
    first = overica.load(tmp_path / "run").components_
    assert call(acts, "batchtopk", tmp_path / "run").exit_code == 0
    np.testing.assert_array_equal(overica.load(tmp_path / "run").components_, first)
    other = call(acts, "batchtopk", tmp_path / "run", "--steps", "30")
    assert other.exit_code == 1
    assert "n_steps is 30, was 20" in other.stderr


@pytest.mark.parametrize(
    ("method", "more", "message"),
    [
        ("topk", ["--set", "learning-rat=1"], "unknown parameter 'learning_rat'. Did you mean"),
        ("topk", ["--set", "clip"], "a setting must be NAME=VALUE, got 'clip'"),
        ("topk", ["--set", "n-components=3"], "unknown parameter 'n_components'"),
        ("topk", ["--set", "output=x"], "unknown parameter 'output'"),
        ("topk", ["--batch-size", "9", "--set", "batch_size=8"], "'batch_size=8' and another of"),
        ("ica", ["--n-active", "3"], "`n_active` cannot be given"),
        ("pca", ["--device", "cpu"], "unknown parameter 'device'"),
        ("dictionary_learning", [], "give `n_active`"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_one_line(acts, method, more, message, tmp_path):
    result = call(acts, method, tmp_path / "run", *more)
    assert result.exit_code == 1
    assert message in result.stderr.splitlines()[-1]
    assert not (tmp_path / "run" / "config.json").exists()


@pytest.mark.parametrize(
    ("method", "more", "message"),
    [
        ("batchtok", [], "unknown method 'batchtok'. Did you mean 'batchtopk'"),
        ("ica", ["--prior", "laplac"], "unknown prior 'laplac'. Did you mean 'laplace'"),
        ("topk", ["--precision", "half"], "'half' is not one of 'float32', 'bfloat16'"),
    ],
)  # fmt: skip
def test_names_are_refused_before_anything_is_imported(acts, method, more, message, tmp_path):
    result = call(acts, method, tmp_path / "run", *more)
    assert result.exit_code == 2
    assert message in result.stderr.splitlines()[-1]


def test_a_folder_with_something_else_is_refused(acts, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes").write_text("mine")
    result = call(acts, "pca", tmp_path / "run")
    assert result.exit_code == 1
    assert "`notes`" in result.stderr


def test_torchrun_says_once_what_is_wrong(acts, tmp_path):
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "overica", "fit", *acts,
        "-m", "topk", "-n", "12", "-o", str(tmp_path / "run"), "--batch-size", "1",
    ]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode != 0
    assert done.stderr.count("\nError: `batch_size` must give each of the 2 ranks a row") == 1
    assert "overica/fits" not in done.stderr
