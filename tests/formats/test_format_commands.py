"""``overica export`` and ``overica inspect``."""

import numpy as np
import pytest
from click.testing import CliRunner

import overica
from overica.cli import main
from overica.datasets import make_mixture
from tests.formats.layouts import LAYOUTS


def call(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


def test_one_program_to_another(tmp_path):
    written = tmp_path / "sparsify"
    written.mkdir()
    LAYOUTS["sparsify"](written, 4, 6)
    told = call("inspect", written)
    assert told.exit_code == 0, told.output
    for line in ("format: sparsify", "kind: TopKSAE", "n_components: 6", "n_features: 4"):
        assert line in told.output.splitlines()
    out = tmp_path / "out"
    result = call("export", written, "-o", out, "--model-name", "gpt2", "--hook", "h.5.mlp")
    assert result.stdout == f"TopKSAE with 6 components of 4 features, for saelens: {out}\n"
    assert "source: saelens topk of gpt2 at h.5.mlp" in call("inspect", out).output


def test_ica_with_samples(tmp_path):
    X = make_mixture(600, 3, 4, "laplace", random_state=0).X
    overica.OvercompleteICA(
        4, max_iter=60, n_restarts=1, whiten=False, hierarchy=False, random_state=0
    ).fit(X).save(tmp_path / "ica")
    result = call("export", tmp_path / "ica", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "Error: `X` (--samples) must hold samples" in result.stderr
    np.save(tmp_path / "X.npy", X)
    words = ("export", tmp_path / "ica", "-o", tmp_path / "out", "--samples", tmp_path / "X.npy")
    result = call(*words)
    assert result.exit_code == 0, result.stderr
    assert "Warning: OvercompleteICA as JumpReLU: the encoder explains" in result.stderr
    assert "codes: never negative" in call("inspect", tmp_path / "out").output


@pytest.mark.parametrize("command", ["inspect", "export"])
def test_what_is_damaged_is_one_line(command, tmp_path):
    LAYOUTS["dl_topk"](tmp_path, 4, 6)
    (tmp_path / "ae.pt").write_bytes(b"PK")
    more = ("-o", tmp_path / "out") if command == "export" else ()
    result = call(command, tmp_path, *more)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[1].startswith(f"Error: {tmp_path / 'ae.pt'}")
    assert not (tmp_path / "out").exists()


def test_samples_of_another_kind(tmp_path):
    LAYOUTS["standard"](tmp_path, 4, 6)
    result = call("export", tmp_path, "-o", tmp_path / "o", "--samples", tmp_path / "cfg.json")
    assert result.exit_code == 1
    assert "or files of another tool (.npy, .safetensors" in result.stderr
