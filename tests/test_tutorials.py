"""The tutorials run from top to bottom, without a warning; `make docs` shows what they print and draw."""

import runpy
from pathlib import Path

import pytest
from matplotlib import pyplot as plt

TUTORIALS = sorted(
    (Path(__file__).resolve().parents[1] / "docs" / "tutorials").glob("plot_*.py"),
    key=lambda path: path.name,
)


@pytest.mark.slow
@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorial_runs_and_says_something(path, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    plt.switch_backend("agg")
    runpy.run_path(str(path), run_name="__main__")
    assert plt.get_fignums()
    plt.close("all")
    assert capsys.readouterr().out
