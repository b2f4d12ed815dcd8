"""Levels of sparsity at which methods are compared, and what seeds amount to."""

import math

import pytest

from overica.compare import Results
from overica.metrics.words import WORDS
from overica.studies.levels import at_matched, at_own_best, missed
from overica.studies.spread import summarise


def cell(target, value, matched=False, l0=None):
    figures = {name: {"value": value} for name in ("f1", "dead_share", "l0")}
    if l0 is not None:
        figures["l0"] = {"value": l0}
    return {"target_l0": target, "matched": matched, "metrics": figures}


def test_own_best_follows_each_metric_and_prefers_the_matched_level():
    cells = [cell(1.0, 0.2), cell(2.0, 0.7, True), cell(2.0, 0.5, True), cell(4.0, 0.9)]
    assert {c["target_l0"] for c in at_own_best(cells, "f1")} == {4.0}
    assert {c["target_l0"] for c in at_own_best(cells, "dead_share")} == {1.0}
    level = [cell(1.0, 0.6), cell(2.0, 0.6, True), cell(None, 0.6)]
    assert [c["target_l0"] for c in at_own_best(level, "f1")] == [2.0]
    assert at_own_best(cells, "l0") == []
    assert at_own_best([], "f1") == []


def test_codes_of_ones_own_level_do_not_stand_in_for_a_matched_level_that_failed():
    own, half, matched = cell(None, 0.9), cell(1.0, 0.5), cell(2.0, 0.7, True)
    assert at_matched([own, half, matched]) == [matched]
    assert at_matched([own, half]) == []
    assert at_matched([own]) == [own]


@pytest.mark.parametrize(("l0", "off"), [(19.0, math.nan), (21.0, math.nan), (18.9, -0.055)])
def test_level_is_missed_by_more_than_a_twentieth(l0, off):
    assert missed([cell(20.0, 0.5, l0=l0)]) == pytest.approx(off, nan_ok=True)
    assert math.isnan(missed([cell(None, 0.5, l0=l0)]))


def test_best_seed_is_towards_the_ideal():
    cells = [{"metrics": {m: {"value": v} for m in WORDS}} for v in (0.2, 0.9, 1.3, None)]
    assert summarise(cells, "f1").best == 1.3
    assert summarise(cells, "dead_share").best == 0.2
    assert summarise(cells, "shrinkage").best == 0.9
    assert math.isnan(summarise(cells, "l0").best)
    assert summarise(cells, "f1").count == 3


def test_methods_that_do_not_compete_are_known_by_their_records():
    records = [
        {"cell": name, "dataset": "toy", "method": name, "status": "ok", "reference": reference}
        for name, reference in (("mine", True), ("ica", False))
    ]
    results = Results(records, {})
    assert results.is_reference("mine")
    assert not results.is_reference("ica")
