"""Tables mark what is best, colour what was gained, and say what was missed."""

import dataclasses
import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import overica
from overica.metrics import evaluate
from overica.metrics.words import GROUPS, WORDS, Words, words_of
from overica.report.numbers import count, seconds
from overica.report.table import entry_of, mark_best
from overica.report.tables import Column, by_method, cost_tables, level_table, metric_tables
from overica.studies import Results, Spread

MORE = Words("more", "fit", "More is better.")
LESS = Words("less", "fit", "Less is better.", -math.inf)
NEAR_ONE = Words("one", "fit", "One is best.", 1.0)
NEITHER = Words("none", "fit", "None is better.", math.nan)


def texts(values, words):
    """Which of some means are marked, by place."""
    entries = [entry_of(Spread(mean=value), words) for value in values]
    mark_best(entries, dict(enumerate(values)), words)
    return [i for i, entry in enumerate(entries) if entry.best]


@pytest.mark.parametrize(
    ("values", "words", "best"),
    [
        ([0.2, 0.9, 0.5], MORE, [1]),
        ([0.2, 0.9, 0.5], LESS, [0]),
        ([0.2, 1.3, 0.8], NEAR_ONE, [2]),
        ([0.2, 0.9, 0.5], NEITHER, []),
        # What is printed the same is the same.
        ([0.901, 0.899, 0.5], MORE, [0, 1]),
        ([0.9], MORE, []),
        ([0.9, math.nan], MORE, []),
    ],
)
def test_best_is_marked_with_what_is_printed_the_same(values, words, best):
    assert texts(values, words) == best


@pytest.mark.parametrize(
    ("words", "chance", "truth", "mean", "share"),
    [
        (MORE, 0.5, math.nan, 0.75, 0.5),
        (MORE, 0.5, 0.9, 0.7, 0.5),
        (MORE, 0.5, math.nan, 0.3, 0.0),
        (LESS, 0.8, math.nan, 0.2, 0.75),
        (NEAR_ONE, 3.0, math.nan, 2.0, 0.5),
        (NEITHER, 0.5, math.nan, 0.7, math.nan),
        (MORE, -9.0, math.nan, -3.4, math.nan),
        (LESS, 4.2, 2.2, 3.2, 0.5),
        (MORE, math.nan, math.nan, 0.7, math.nan),
        (MORE, 1.0, math.nan, 0.7, math.nan),
    ],
)
def test_colour_is_the_way_from_chance_to_the_ideal(words, chance, truth, mean, share):
    entry = entry_of(Spread(mean=mean, chance=chance, truth=truth), words)
    assert entry.share == pytest.approx(share, nan_ok=True)


@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(-2, 2))
def test_colour_is_a_share_whatever_the_figures(mean, chance, truth):
    share = entry_of(Spread(mean=mean, chance=chance, truth=truth), MORE).share
    assert math.isnan(share) or 0 <= share <= 1


def record(method, multiple, seed, *, l0=None, **others):
    target = None if multiple is None else 2.0 * multiple
    return {
        "cell": f"{method}/{multiple}/{seed}", "layer": "first", "method": method, "seed": seed,
        "status": "ok", "target_l0": target, "matched": multiple == 1.0,
        "reference": method == "random",
        "metrics": {"f1": {"value": 0.5}, "l0": {"value": l0 or target or 3.0}},
    } | others  # fmt: skip


class OfLayers(Results):
    """A study that learns from layers, not from data sets."""

    axis = "layer"


def study(*records):
    return OfLayers(records, {"layers": {"first": {}}})


def test_levels_that_were_missed_are_told_beside_the_row():
    results = study(
        *(record("topk", multiple, 0, l0=1.5) for multiple in (0.5, 1.0)),
        record("ica", 1.0, 0),
        record("ica", None, 0, l0=9.0),
    )
    for table in metric_tables(results, "first"):
        assert [row.missed for row in table.rows] == ["L0 −25 %", ""]
    levels = level_table(results, "first")
    assert {row.head: row.missed for row in levels.rows} == {
        "topk, L0 1": "L0 +50 %", "topk, L0 2": "L0 −25 %", "ica, own level": "", "ica, L0 2": "",
    }  # fmt: skip


def test_a_study_with_one_level_has_no_table_of_levels():
    assert level_table(study(record("topk", 1.0, 0), record("ica", 1.0, 0)), "first") is None


def test_seeds_that_are_missing_are_counted():
    results = study(record("topk", 1.0, 0), record("topk", 1.0, 1), record("ica", 1.0, 1))
    table = metric_tables(results, "first")[0]
    assert [row.entries[0].notes[1:] for row in table.rows] == [[], ["1 of 2 seeds"]]


def test_references_do_not_compete():
    results = study(*(record(method, 1.0, 0) for method in ("ica", "topk", "random")))
    values = {"ica": Spread(mean=0.5), "topk": Spread(mean=0.4), "random": Spread(mean=0.9)}
    table = by_method(results, "caption", [Column("a", values, MORE)])
    assert [row.entries[0].best for row in table.rows] == [True, False, False]


def test_costs_are_told_where_they_were_measured():
    results = study(record("ica", 1.0, 0, fit_seconds=2.0), record("topk", 1.0, 0))
    (table,) = cost_tables(results, {"fit_seconds": seconds, "fit_flops": count})
    assert table.caption == "Wall time of a fit, mean over seeds and levels"
    assert [row.entries[0].text for row in table.rows] == ["2.0 s", "–"]


def test_every_metric_of_the_house_has_words():
    assert set(evaluate([[1.0, 0.0], [0.0, 1.0]])) <= set(WORDS)
    assert words_of("unheard_of").label == "unheard of"
    assert {words.group for words in WORDS.values()} <= set(GROUPS)


def test_labels_and_directions_stand_once():
    """What a figure is called, and which way is better, is written beside the metric and nowhere else."""
    labels = {words.label for words in WORDS.values() if " " in words.label}
    rooms = ("report", "studies", "compare")
    house = Path(overica.__file__).parent
    repeated = {
        (path.name, label)
        for room in rooms
        for path in (house / room).rglob("*.py")
        for label in labels
        if re.search(f'"{re.escape(label)}"', path.read_text(encoding="utf-8"), re.IGNORECASE)
    }
    assert repeated == set()
    assert {field.name for field in dataclasses.fields(Words)} >= {"label", "ideal"}
