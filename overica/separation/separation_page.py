"""The report of a study of separation: how many decibels apart the sources are, and what oracles could."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from overica.report import REPORT, Block, Page, Section, marks_of, notices_of, write_page
from overica.report.figures import Mark
from overica.report.numbers import short
from overica.report.panels import direction_panels
from overica.report.tables import cost_tables, metric_tables, overview_table
from overica.studies import Results, rank
from overica.studies.spread import Cell, mean_of, metric_value

QUESTION = "Are more talkers than microphones taken apart?"
_ORACLE, _NOTHING = "ideal_mask", "mixture"


def write_report(results: Results) -> Path:
    """Write ``report.html`` into the folder of results."""
    assert results.folder is not None
    return write_page(build_page(results), results.folder / REPORT)


def answer(results: Results) -> str:
    """How well blind separation does on each set of mixtures, in one sentence."""
    told = []
    for what in results.whats:
        ranking = rank(results, what, "matched", "sdr")
        if ranking is not None:
            around = [
                f"{name} {short(sdr)}"
                for name, method in (("mixture", _NOTHING), ("ideal mask", _ORACLE))
                if (sdr := _sdr(results, what, method)) == sdr
            ]
            beside = f" ({', '.join(around)})" if around else ""
            told.append(f"{short(ranking.standings[0].mean)} dB on {what}{beside}")
    if not told:
        return "Nothing can be said yet."
    return f"Blind separation reaches an SDR of {', '.join(told)}."


def findings(results: Results) -> list[tuple[str, str]]:
    """Of each set of mixtures who is best, and whether the sources are counted."""
    found = []
    for what in results.whats:
        said = []
        ranking = rank(results, what, "matched", "sdr")
        if ranking is not None:
            order = [f"{one.label} {short(one.mean)} dB" for one in ranking.standings]
            said.append(f"{', '.join(order)}.")
        counts = [v for cell in results.of(what) if (v := metric_value(cell, "count_found")) == v]
        if counts:
            said.append(
                f"The number of sources is found in {sum(counts):.0f} of {len(counts)} mixtures."
            )
        if said:
            found.append((what, " ".join(said)))
    return found


def build_page(results: Results) -> Page:
    """Put together what the records say, the answer first."""
    marks = marks_of(results)
    table = overview_table(results, "sdr", "matched", "SDR, decibels")
    table.about = [str(entry.get("description") or "") for entry in results.whats.values()]
    return Page(
        kicker="overica study",
        question=QUESTION,
        answer=answer(results),
        overview=[table],
        remark="Source to distortion ratio, mean over the sources and then over the mixtures ± their standard "
        "deviation; more is better. ★ is the best of those that separate blind. What is told the true directions or "
        "powers, and the mixture in place of every source, do not compete.",
        findings=findings(results),
        sections=[
            _section(results, marks, what, f"mixture-{i}")
            for i, what in enumerate(results.whats, start=1)
        ],
        costs=cost_tables(results),
        notices=notices_of(results),
        results=results,
        marks=marks,
    )


def _section(results: Results, marks: Mapping[str, Mark], what: str, anchor: str) -> Section:
    return Section(
        what, anchor, str(results.whats[what].get("description") or ""),
        blocks=[
            Block("Every figure", tables=metric_tables(results, what)),
            Block(
                "Learned against true directions",
                multiples=list(direction_panels(results, marks, what, _worst, _error)),
                note="Arrows are learned, dashed lines are true; of the mixture with the largest error.",
            ),
        ],
    )  # fmt: skip


def _worst(cells: Sequence[Cell]) -> Cell:
    return max(cells, key=lambda cell: metric_value(cell, "angle_error"))


def _error(cell: Cell) -> str:
    return f"{short(metric_value(cell, 'angle_error'), 3)}°"


def _sdr(results: Results, what: str, method: str) -> float:
    return mean_of(metric_value(cell, "sdr") for cell in results.of(what, method))
