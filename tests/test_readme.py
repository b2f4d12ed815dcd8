"""Every line of code that the read-me shows does run."""

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from scipy.io import wavfile

from overica.cli import main
from overica.datasets import make_talkers
from tests.code_blocks import blocks, run_blocks

README = Path(__file__).resolve().parents[1] / "README.md"


@pytest.mark.slow
def test_python_blocks_run_in_order(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_blocks(README)
    assert capsys.readouterr().out


COMMANDS = [
    shlex.split(line, comments=True)
    for block in blocks(README, "bash")
    for line in block.splitlines()
]


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", [each for each in COMMANDS if each[0] == "overica"], ids=" ".join
)
def test_commands_run(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mix = make_talkers(3, n_seconds=2)
    wavfile.write("mix.wav", int(mix.sample_rate), (0.1 * mix.x).astype("float32"))
    result = CliRunner().invoke(main, command[1:], catch_exceptions=False)
    assert result.exit_code == 0, result.output


def test_the_other_commands_install():
    """Which the tests of packaging and the make file do."""
    assert {each[0] for each in COMMANDS} <= {"overica", "pip"}
    assert all(each[1] == "install" for each in COMMANDS if each[0] == "pip")


def test_it_is_read_to_the_end():
    assert len(README.read_text(encoding="utf-8").splitlines()) < 120
