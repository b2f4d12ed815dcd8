"""The command line of the collection, on the tiny model and, at a few tokens, on the MiniLM."""

import sys

import numpy as np
import pytest
from click.testing import CliRunner

from overica.cli import main
from overica.lm import ActivationStore
from overica.lm.collecting import activations_command as command_module


@pytest.fixture
def folder(tiny_bert, tmp_path):
    tiny_bert.model.save_pretrained(tmp_path / "model")
    tiny_bert.tokenizer.save_pretrained(tmp_path / "model")
    for i in range(3):
        (tmp_path / f"{i}.txt").write_text("Independent components of natural images. " * (i + 1))
    return tmp_path


def run(folder, *more, model="model", layer="2", text=("*.txt",)):
    options = [part for name in text for part in ("--text", str(folder / name))]
    path = str(folder / model) if model == "model" else model
    return CliRunner().invoke(
        main,
        ["activations", "--model", path, "--layer", layer, *options, "-o", str(folder / "acts"),
         "--context", "16", "--device", "cpu", *more],
    )  # fmt: skip


def test_a_second_call_goes_on(folder):
    result = run(folder)
    assert result.exit_code == 0, result.output
    store = ActivationStore(folder / "acts")
    assert f"{store.n_tokens} tokens of 3 documents, 16 features each" in result.output
    assert f"folder   {folder / 'acts'}" in result.output
    assert "Traceback" not in result.output
    again = run(folder)
    assert again.exit_code == 0, again.output
    assert "there already" in again.output


def test_files_that_the_shell_names(folder):
    more = [str(folder / f"{i}.txt") for i in (1, 2)]
    result = run(folder, *more, text=("0.txt",))
    assert result.exit_code == 0, result.output
    assert ActivationStore(folder / "acts").sources == [str(folder / f"{i}.txt") for i in range(3)]


@pytest.mark.parametrize(
    ("more", "changes", "message"),
    [
        ([], {"layer": "7"}, "`layer` must be in 0..3 (0 is the embeddings), got 7"),
        ([], {"layer": "-1"}, "`layer` must be an integer >= 0, got -1"),
        ([], {"text": ("none.txt",)}, "no file, folder or pattern of files"),
        ([], {"text": ()}, "`--text` must name a file, a folder or a pattern, got none"),
        ([], {"text": ("empty.txt",)}, "`texts` must hold a token, got none"),
        ([], {"model": "./no/model"}, "there is no such folder"),
        (["--docstrings", "no_such"], {}, "`packages` must be installed, got 'no_such'"),
        (["--context", "99"], {}, "`context` must be at most 64"),
        (["--device", "abacus"], {}, "`device` must be"),
    ],
)
def test_mistakes_are_told_in_one_line(folder, more, changes, message):
    (folder / "empty.txt").write_text("\n")
    changes = {"text": ("0.txt",), **changes}
    result = run(folder, *more, **changes)
    assert result.exit_code == 1
    told = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    assert len(told) == 1
    assert message in told[0]
    assert "Traceback" not in result.output
    assert not (folder / "acts").exists()


def test_the_missing_extra_is_named(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    result = run(folder)
    assert result.exit_code == 1
    assert "pip install 'overica[lm]'" in result.output


def test_an_interruption_says_how_to_go_on(folder, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(command_module, "collect_activations", interrupted)
    result = run(folder)
    assert result.exit_code == 130
    assert "the same command goes on from there" in result.output


def test_the_minilm_and_docstrings(tmp_path):
    arguments = ["activations", "--model", "minilm", "--layer", "3", "--docstrings", "click"]
    result = CliRunner().invoke(
        main, [*arguments, "-o", str(tmp_path), "--max-tokens", "300", "--device", "cpu"]
    )
    assert result.exit_code == 0, result.output
    store = ActivationStore(tmp_path)
    assert store.activations.shape == (300, 384)
    assert all(source.startswith("click") for source in store.sources)
    assert np.isfinite(store.activations).all()
    assert store.scale() > 0.1
