"""The report of a study of photographs: whether more columns than pixels pay, and what the bases look like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from overica.metrics.words import Words, words_of
from overica.photographs.best_basis import DEFINITIONS, answer, findings
from overica.photographs.pictures import plot_basis, plot_gabors
from overica.report import REPORT, Block, Page, Panel, Section, marks_of, notices_of, write_page
from overica.report.figures import Mark, draw_along, embed, key
from overica.report.phrases import counted
from overica.report.table import Table
from overica.report.tables import Column, by_method, cost_tables, metric_tables, overview_table
from overica.studies import Results, Spread
from overica.studies.spread import Cell, metric_value

QUESTION = "Do more columns than pixels pay?"
_REFERENCE = ("fastica", "1x")
_SAVED = Words("saved", "bits", "Bits per pixel saved in the same seed.", digits=3)


def write_report(results: Any) -> Path:
    """Write ``report.html`` into the folder of results."""
    return write_page(build_page(results), results.folder / REPORT)


def build_page(results: Any) -> Page:
    """Put together what the records say, the answer first; `results` are `PhotographResults`."""
    marks = marks_of(results)
    study = results.header["study"]
    side, precision = study["side"], study["precision"]
    anchors = {width: f"width-{i}" for i, width in enumerate(results.whats, start=1)}
    first, second = (
        overview_table(results, metric, "matched", f"Bits per pixel {by}")
        for metric, by in DEFINITIONS.items()
    )  # fmt: skip
    first.below = [[f"{entry['columns']} for {side**2} pixels"] for entry in results.whats.values()]
    return Page(
        kicker="overica photographs",
        question=QUESTION,
        answer=answer(results),
        overview=[first],
        remark=f"Bits per pixel of {side} x {side} patches of held-out regions to {precision:g} grey levels: the "
        "fewer, the better the basis describes photographs. Every basis has the same density, its noise, scales and "
        "presence of highest likelihood; ★ is the best of a column. Random columns, the Gaussian and the pixels "
        "themselves do not compete. Seeds have regions of their own, so that their spread is that of photographs; "
        "methods are compared within a seed below.",
        findings=[("", " ".join(said)) for said in findings(results).values()],
        more=[second],
        sections=[_along(results, marks), *_widths(results, anchors), *_gabors(results)],
        costs=cost_tables(results),
        notices=notices_of(results),
        facts=[
            (f"regions to {name}", str(n)) for name, n in results.header.get("regions", {}).items()
        ],
        results=results,
        marks=marks,
    )


def _along(results: Results, marks: Mapping[str, Mark]) -> Section:
    """Costs over the width."""
    sizes = {width: entry["width"] for width, entry in results.whats.items()}
    learned = [method for method in results.methods if not results.is_reference(method)]
    pictures = {
        by: draw_along(results, marks, metric, sizes, "columns per pixel", learned, paired=True)
        for metric, by in DEFINITIONS.items()
    }
    return Section(
        "Cost over the width",
        "along",
        blocks=[
            Block(
                "Columns per pixel against bits",
                legend=[(key(marks[m]), results.label(m)) for m in learned],
                curves=[
                    Panel(f"Bits per pixel {by}.", picture)
                    for by, picture in pictures.items()
                    if picture
                ],
                note="Learned bases alone. Large markers are means over the seeds, small ones the seeds, less what all "
                "bases cost more or less in that seed's regions.",
            ),
            Block(
                "What is saved within a seed",
                tables=[table for metric in DEFINITIONS for table in _saved(results, metric)],
            ),
        ],
    )


def _saved(results: Results, metric: str) -> Iterator[Table]:
    """Bits per pixel saved against the complete reference in the same seed."""
    method, width = _REFERENCE
    if method not in results.methods or width not in results.whats:
        return
    against = {cell["seed"]: metric_value(cell, metric) for cell in results.of(width, method)}

    def saved(cell: Cell) -> float:
        return against.get(cell["seed"], np.nan) - metric_value(cell, metric)

    columns = [
        Column(
            what,
            {other: Spread.of(map(saved, results.of(what, other))) for other in results.methods},
            _SAVED,
        )
        for what in results.whats
    ]
    caption = f"Saved against {results.label(method)} {width}, {words_of(metric).label}"
    yield by_method(results, caption, columns)


def _widths(results: Any, anchors: Mapping[str, str]) -> Iterator[Section]:
    side = results.header["study"]["side"]
    for width, anchor in anchors.items():
        panels = [
            Panel(
                results.label(cell["method"]),
                embed(plot_basis(basis, side), f"{results.label(cell['method'])} {width}: columns"),
                cell["method"],
            )
            for cell in _pictured(results, width)
            if (basis := _kept(results.basis, cell)) is not None
        ]
        yield Section(
            width, anchor, f"{counted(results.whats[width]['columns'], 'column')} for {side**2} pixels.",
            blocks=[
                Block("Every figure", tables=metric_tables(results, width)),
                Block(
                    "The bases", curves=panels,
                    note="Columns in white pixels, the most used first, each divided by its largest entry; mid-grey is "
                    "0. Of the first seed.",
                ),
            ],
        )  # fmt: skip


def _gabors(results: Any) -> Iterator[Section]:
    """Gabor functions of the bases of the first seed."""
    fits = {
        (results.label(cell["method"]), results.whats[width]["width"]): found
        for width in results.whats
        for cell in _pictured(results, width)
        if (found := _kept(results.gabors, cell)) is not None
    }
    if not fits:
        return
    ica = {results.label(m) for m, entry in results.methods.items() if entry.get("family") == "ica"}
    widest = max(fits, key=lambda basis: (basis[0] in ica, basis[1]))
    label = (
        "Share of columns that Gabor functions fit, and parameters of those that are well fitted"
    )
    yield Section(
        "Gabor functions",
        "gabor",
        blocks=[
            Block(
                "How well Gabor functions fit the columns, and which ones",
                curves=[
                    Panel(
                        f"Left, dashed lines are the narrowest bases and full ones the widest. Middle and right: the "
                        f"columns of {widest[0]} {widest[1]:g}x that are well fitted (R² > .8).",
                        embed(plot_gabors(fits, widest), label),
                        wide=True,
                    )
                ],
            )
        ],
    )


def _pictured(results: Results, width: str) -> list[Cell]:
    """Cells that have kept a basis, of the first seed."""
    cells = [cell for cell in results.of(width) if cell.get("kept")]
    first = min((cell["seed"] for cell in cells), default=None)
    return [cell for cell in cells if cell["seed"] == first]


def _kept(read: Any, cell: Cell) -> Any:
    """What a cell's fit has left; None where it did not come along."""
    try:
        return read(cell["cell"])
    except (OSError, ValueError):
        return None
