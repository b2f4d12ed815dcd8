"""The page of any kind of study: what is not finished, what failed, what warned, and nothing unescaped."""

import pytest

from overica.report import Block, Page, Section, marks_of, notices_of, write_page
from overica.report.page import Panel
from overica.studies import Results
from tests.report.reading import Page as Read

EVIL = '"><script>alert(1)</script>{{ 7 * 7 }}'


class OfLayers(Results):
    """A study that learns from layers, not from data sets."""

    axis = "layer"


def record(seed, status="ok", **others):
    return {
        "cell": f"first/ica/own/{seed}", "layer": "first", "method": "ica", "seed": seed,
        "status": status, "metrics": {"f1": {"value": 0.5}}, **others,
    }  # fmt: skip


def page_of(tmp_path, records=(), header=None, **more):
    results = OfLayers(records, header or {})
    page = Page(
        kicker="overica layers",
        question="Is it so?",
        answer="It is.",
        overview=[],
        notices=notices_of(results),
        results=results,
        marks=marks_of(results),
        **more,
    )
    return Read(write_page(page, tmp_path / "report.html").read_text(encoding="utf-8"))


def test_a_page_of_nothing_stands(tmp_path):
    page = page_of(tmp_path)
    assert page.all("title")[0].words() == page.all("h1")[0].words() == "Is it so? It is."
    assert [h.words() for h in page.all("h2")] == ["Cost", "How to read this", "Set-up"]


@pytest.mark.parametrize(
    ("records", "cells", "told"),
    [
        ([], 4, ["The study is not finished: 0 of 4 cells", "No cell has figures yet"]),
        ([record(0)], 4, ["The study is not finished: 1 of 4 cells"]),
        ([record(0), record(1, "failed")], 2, ["1 cell failed and is missing"]),
        ([record(i, "failed") for i in range(2)], 2, ["No cell has figures yet"]),
        ([record(0)] + [record(i, "failed") for i in (1, 2)], 3, ["2 cells failed and are"]),
        ([record(0)], 1, []),
        ([record(0)], None, []),
    ],
)
def test_what_a_reader_must_know_is_told_first(tmp_path, records, cells, told):
    notices = notices_of(OfLayers(records, {"cells": cells}))
    assert len(notices) == len(told)
    assert all(start in notice for start, notice in zip(told, notices, strict=True))
    header = page_of(tmp_path, records, {"cells": cells}).all("header")[0]
    shown = [p.words() for p in header.all("p") if p.attributes["class"] == "notice"]
    assert shown == notices


def test_notices_of_a_kind_are_kept():
    told = notices_of(OfLayers([record(0)], {"notices": ["The files were cut short."]}))
    assert told == ["The files were cut short."]


def test_warnings_are_counted_and_folded(tmp_path):
    records = [record(seed, warnings=["slow", f"seed {seed}"]) for seed in range(30)]
    setup = page_of(tmp_path, records).section("Set-up")
    details = setup.all("details")[0]
    assert "open" not in details.attributes
    assert details.all("summary")[0].words() == "Warnings of the cells: 60"
    texts = [item.words() for item in details.all("li")]
    assert texts[0] == "first, ica: slow (30 times)"
    assert len(texts) == 31


def test_empty_blocks_are_left_out(tmp_path):
    full = Block("Full", multiples=[Panel("one", "picture")])
    section = Section("A part", "part", blocks=[Block("Empty", text="Nothing."), full])
    page = page_of(tmp_path, sections=[section])
    assert [h.words() for h in page.section("A part").all("h3")] == ["Full"]


def test_nothing_is_unescaped(tmp_path):
    broken = record(1, "failed", error={"type": EVIL, "message": EVIL}, warnings=[EVIL])
    section = Section(EVIL, "part", EVIL, [(EVIL, EVIL)], [EVIL], [Block(EVIL, EVIL)])
    page = page_of(
        tmp_path,
        [record(0), broken],
        {"methods": {"ica": {"label": EVIL}}, "versions": {EVIL: EVIL}, "study": {EVIL: EVIL}},
        remark=EVIL,
        headline=EVIL,
        findings=[(EVIL, EVIL)],
        links=[("more.html", EVIL, EVIL)],
        sections=[section],
        reading=[(EVIL, [(EVIL, EVIL)])],
    )
    assert not page.all("script")
    assert not [name for e in page.elements() for name in e.attributes if name.startswith("on")]
    assert EVIL in page.section("Failed cells").text()
    assert page.section(EVIL)
    assert page.all("header")[0].text().count(EVIL) == 6
