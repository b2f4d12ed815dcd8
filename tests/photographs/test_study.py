"""A small study from end to end, its files, and the command."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import overica.photographs
from overica.cli import main
from overica.photographs import (
    METHODS,
    Effort,
    Row,
    StudySettings,
    save_study,
    study_photographs,
    table_of,
    verdict,
)

TINY = StudySettings(
    side=3, overcompleteness=(1.0, 2.0), n_seeds=1, n_fit=900, n_choose=40, n_judge=120, n_annealed=4, n_table=200,
    effort=Effort(n_steps=12, n_passes=1),
)  # fmt: skip


@pytest.fixture(scope="module")
def study():
    return study_photographs(settings=TINY)


def test_rows(study):
    keys = [(row.method, row.overcompleteness) for row in study.rows]
    expected = [("raw", 1.0), ("gaussian", 1.0)]
    for name, method in METHODS.items():
        expected += [(name, width) for width in ((1.0, 2.0) if method.overcomplete else (1.0,))]
    assert keys == expected
    bits = {key: row.evidence_bits for key, row in zip(keys, study.rows, strict=True)}
    # A sparse density on any learned basis beats the Gaussian, and that beats nothing at all.
    assert bits["overica", 2.0] < bits["gaussian", 1.0]
    assert bits["fastica", 1.0] < bits["gaussian", 1.0]
    assert bits["gaussian", 1.0] < study.rows[0].coefficient_bits
    assert study.bases["overica", 2.0].shape == (9, 18)
    assert study.gabors["overica", 2.0].r2.shape == (18,)


def test_settings_are_chosen_at_the_narrowest(study):
    for name in ("overica", "dictionary"):
        chosen = {row.setting for row in study.rows if row.method == name}
        assert len(chosen) == 1
        assert chosen <= set(METHODS[name].settings)


def test_files(study, tmp_path):
    paths = save_study(study, tmp_path)
    names = {path.name for path in paths}
    assert {"coding.png", "gabor.png", "basis-1x.png", "basis-2x.png", "results.json"} <= names
    assert all(p.read_bytes().startswith(b"\x89PNG") for p in paths if p.suffix == ".png")
    stored = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert len(stored["rows"]) == len(study.rows)
    assert stored["settings"]["precision"] == 4.0
    assert "overica" in (tmp_path / "results.txt").read_text(encoding="utf-8")


def test_same_seed_same_answer(study):
    """And a method's figures do not depend on who else takes part."""
    few = replace(TINY, methods=("overica",), overcompleteness=(1.0,))
    heard = []
    again = study_photographs(settings=few, report=heard.append)
    assert [row.method for row in again.rows] == ["raw", "gaussian", "overica"]
    for one, two in zip(again.rows, study.rows, strict=False):
        assert replace(one, seconds=None) == replace(two, seconds=None)
    assert len(heard) == 2
    assert heard[0].startswith("seed 0  regions: ")
    assert "basis  1 of 1  overica" in heard[1]


def test_table_shows_gaps_and_spread():
    rows = [Row("raw", 1.0, s, None, 5.0) for s in (0, 1)]
    rows += [Row("overica", 2.0, s, 3.0 + s, 4.0, gabor_share=0.5) for s in (0, 1)]
    _, raw, ours = table_of(rows).splitlines()
    assert raw.split() == ["raw", "5.000", "±", "0.000"]
    assert ours.split() == [
        "overica",
        "2x",
        "3.500",
        "±",
        "0.500",
        "4.000",
        "±",
        "0.000",
        "50",
        "%",
    ]


def test_table_pairs_seeds():
    rows = [Row("fastica", 1.0, s, 3.0 + s, 4.0) for s in (0, 1)]
    rows += [Row("overica", 2.0, s, 2.9 + s, 4.25) for s in (0, 1)]
    ours = table_of(rows).splitlines()[2].split()
    assert ours[2:8] == ["3.400", "±", "0.500", "0.100", "±", "0.000"]
    assert ours[8:] == ["4.250", "±", "0.000", "-0.250", "±", "0.000"]


def test_verdict_says_who_is_ahead():
    costs = {
        ("fastica", 1.0): (3.0, 2.0),
        ("overica", 1.0): (3.1, 2.0),
        ("overica", 2.0): (2.9, 1.8),
        ("random", 2.0): (1.0, 1.0),
    }
    rows = [
        Row(name, width, s, bits, 4.0 + width + 0.5 * s * (name == "overica"))
        for (name, width), both in costs.items()
        for s, bits in enumerate(both)
    ]
    evidence, coefficients = verdict(rows).split("\n\n")
    assert evidence.splitlines() == [
        "By the probability of the cells overica 2x is best.",
        "Complete bases: fastica 1x costs 0.050 less than overica 1x (1 of 2 seeds).",
        "More columns than pixels: overica 2x costs 0.150 less than fastica 1x (2 of 2 seeds).",
    ]
    assert "By quantised coefficients fastica 1x is best." in coefficients
    assert "overica 2x costs 1.250 more than fastica 1x (2 of 2 seeds)" in coefficients


def test_verdict_owns_up_to_seeds_that_disagree():
    rows = [Row("pca", 1.0, s, 3.0, None) for s in (0, 1)]
    rows += [Row("fastica", 1.0, s, 2.8 + 0.3 * s, None) for s in (0, 1)]
    first, *_ = verdict(rows).splitlines()
    assert first.endswith("the seeds do not agree which basis is best; fastica 1x on average.")
    assert "quantised" not in verdict(rows)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"overcompleteness": ()}, "`overcompleteness` must name at least one"),
        ({"overcompleteness": (0.5,)}, "`overcompleteness` must be a finite number >= 1"),
        ({"methods": ("pca", "magic")}, r"`methods` must be among .*got \['magic'\]"),
        ({"n_seeds": 0}, "`n_seeds` must be an integer >= 1"),
    ],
)
def test_bad_settings(change, message):
    with pytest.raises(ValueError, match=message):
        replace(TINY, **change)


def test_command_on_a_folder(tmp_path, monkeypatch):
    small = replace(TINY, methods=("overica",), overcompleteness=(1.0,), n_annealed=0)
    monkeypatch.setattr(overica.photographs, "QUICK", small)
    rng = np.random.default_rng(0)
    for name in ("a.png", "b.png"):
        Image.fromarray(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(tmp_path / name)
    out = tmp_path / "new" / "out"
    result = CliRunner().invoke(
        main,
        [
            "photographs",
            "--quick",
            "--folder",
            str(tmp_path),
            "--precision",
            "5bits",
            "-o",
            str(out),
        ],
    )
    assert result.exit_code == 0, result.output
    assert "8 grey levels" in result.output
    assert "seed 0  basis  1 of 1" in result.output
    assert "overica 1x is best" in result.output
    assert (out / "basis-1x.png").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--precision", "lots"], "neither grey levels, as 4, nor bits, as 6bits"),
        (["--precision", "300"], "300 grey levels, expected more than 0 and less than 256"),
        (["--overcompleteness", "1,x"], "not a list of numbers"),
        (["--overcompleteness", "0.5"], "must lie between 1 and 64"),
        (["--folder", "nowhere"], "`folder` must be a folder with pictures, got 'nowhere'"),
    ],
)
def test_command_says_what_is_wrong(tmp_path, arguments, message):
    result = CliRunner().invoke(main, ["photographs", "-o", str(tmp_path), *arguments])
    assert result.exit_code != 0
    assert message in " ".join(result.output.split())
