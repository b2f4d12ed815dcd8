"""The command line, and the demonstration on a few small patches."""

import pytest
from click.testing import CliRunner

from overica._version import __version__
from overica.cli import main
from overica.demo import DemoSettings, run_demo


@pytest.fixture
def runner():
    return CliRunner()


def test_help_names_the_commands(runner):
    result = runner.invoke(main, ["--help"])
    assert result.exit_code == 0
    assert "demo" in result.output


def test_version(runner):
    result = runner.invoke(main, ["--version"])
    assert result.exit_code == 0
    assert result.output == f"overica {__version__}\n"


def test_unknown_command(runner):
    assert runner.invoke(main, ["nonsense"]).exit_code == 2


def test_demo_leaves_two_pictures_and_says_where(tmp_path):
    settings = DemoSettings(patch_side=3, n_patches=1000, overcompleteness=1.5, n_steps=60)
    report = run_demo(tmp_path, settings, verbose=0)
    for path in (report.basis_path, report.history_path):
        assert path.read_bytes().startswith(b"\x89PNG")
        assert str(path) in report.text()
    assert report.shape == (9, 14)
    assert 0 < report.mean_active <= 14
    assert 0 < report.explained <= 1


@pytest.mark.slow
def test_quick_demo_from_the_command_line(runner, tmp_path):
    folder = tmp_path / "new" / "folder"
    result = runner.invoke(main, ["demo", "--quick", "-o", str(folder)])
    assert result.exit_code == 0, result.output
    assert str(folder / "basis.png") in result.output
    assert (folder / "history.png").exists()
