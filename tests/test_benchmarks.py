"""The benchmarks run: smallest settings, and the columns that a reader relies on."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "benchmarks"
SMALLEST = {
    "recovery": ["--cases", "8x16-k3", "--seeds", "1", "--peers"],
    "learning": ["--quick", "--part", "memory"],
    "features": ["--quick"],
    "inference": ["--quick"],
    "device": ["--device", "cpu", "--small"],
    "evidence": ["--samples", "100"],
    "lm": ["--quick", "--tokens", "3000", "--methods", "batchtopk", "--steps", "10"],
    "music": ["--quick"],
    "norms": ["--quick"],
    "photographs": ["--quick", "--part", "annealing"],
    "presences": ["--quick"],
    "resume": ["--quick"],
    "rooms": ["--quick"],
    "sae": ["--quick", "--part", "parity", "--variants", "topk", "--steps", "20"],
    "scale": ["--quick"],
    "separation": ["--quick", "--numbers", "2,3", "--part", "levels"],
    "square": ["--cases", "mixed-3", "--seeds", "1"],
    "startup": ["--quick"],
    "streams": ["--quick"],
    "synthsaebench": [
        "--quick",
        "--steps",
        "20",
        "--methods",
        "batchtopk,saelens-relu,ica,presences",
    ],
    "tools": ["--cases", "parts", "--seeds", "1"],
}
NAMES = sorted(path.stem for path in FOLDER.glob("[!_]*.py"))


def run(name: str, arguments: list[str]) -> str:
    done = subprocess.run(
        [sys.executable, str(FOLDER / f"{name}.py"), *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_benchmark_has_a_smallest_run():
    assert {"recovery", "learning"} <= set(NAMES) <= set(SMALLEST)


def test_every_benchmark_is_in_the_readme():
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    missing = [name for name in NAMES if f"`{name}.py`" not in text]
    assert not missing


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [name for name in NAMES if name not in ("recovery", "learning")],
)
def test_smallest_run(name):
    if name == "rooms":
        pytest.importorskip("pyroomacoustics")
    assert len(run(name, SMALLEST[name]).splitlines()) > 2


@pytest.mark.slow
def test_recovery_finds_every_column():
    rows = [line.split() for line in run("recovery", SMALLEST["recovery"]).splitlines()]
    learners = {row[1]: row[2] for row in rows[1:] if row[0] == "8x16-k3"}
    assert learners["overica"] == "1/1"
    assert "scikit-learn" in learners
    assert ("SPAMS" in learners) == (importlib.util.find_spec("spams") is not None)


@pytest.mark.slow
def test_memory_does_not_grow_with_samples():
    rows = [line.split() for line in run("learning", SMALLEST["learning"]).splitlines()[1:]]
    codes, fit = zip(*((float(row[2]), float(row[3])) for row in rows), strict=True)
    assert codes[-1] > 2.5 * codes[0]
    assert fit[-1] < 1.5 * fit[0]
