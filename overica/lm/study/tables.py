"""Tables of a study's page: figures by method and width, with spread over seeds and chance level."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from overica.compare.report import numbers
from overica.compare.report.table import Entry, Row, Table
from overica.lm.features.densities import FAMILIES
from overica.lm.study.results import Spread, StudyResults

_CLOSE = 1e-9


def by_width(
    results: StudyResults,
    caption: str,
    value: Callable[[str, float], Spread],
    *,
    best: str | None = "highest",
    digits: int = 3,
    note: Callable[[str, float], str] = lambda method, width: "",
    methods: Sequence[str] | None = None,
) -> Table:
    """Methods as rows, widths as columns.

    Parameters
    ----------
    results : StudyResults
    caption : str
    value : callable
        ``value(method, width)``.
    best : "highest", "lowest" or None
        What is marked in a column.
    digits : int
        Decimals.
    note : callable
        ``note(method, width)``: a smaller line below the figure.
    methods : sequence of str, optional
        Rows; None takes all.
    """
    rows = [
        Row(
            results.methods[m], [_entry(value(m, w), digits, note(m, w)) for w in results.widths], m
        )
        for m in (methods or results.methods)
    ]
    rows = [row for row in rows if any(e.text != numbers.MISSING for e in row.entries)]
    if best:
        sign = 1 if best == "highest" else -1
        for column, width in enumerate(results.widths):
            means = {row.method: value(str(row.method), width).mean for row in rows}
            _mark(rows, column, {k: sign * v for k, v in means.items() if math.isfinite(v)})
    return Table(caption, "method", [f"{w:g}x" for w in results.widths], rows)


def _entry(spread: Spread, digits: int, note: str) -> Entry:
    if not math.isfinite(spread.mean):
        return Entry(numbers.MISSING)
    deviation = numbers.short(spread.deviation, digits) if spread.count > 1 else ""
    return Entry(numbers.short(spread.mean, digits), deviation, [note] if note else [])


def _mark(rows: list[Row], column: int, merits: dict[str | None, float]) -> None:
    if len(merits) < 2:
        return
    top = max(merits.values())
    for row in rows:
        if row.method in merits and merits[row.method] >= top - _CLOSE:
            row.entries[column].best = True


def level_table(results: StudyResults, width: float, measures: Sequence[str]) -> Table:
    """Every level of every method at one width."""
    rows = []
    for method, label in results.methods.items():
        levels = sorted({r["target_l0"] for r in results.cells(method=method, width=width)})
        for level in levels:
            wanted = {"method": method, "width": width, "target_l0": level}
            names = ("l0", "explained_variance", "dead_share", *measures)
            entries = [
                _entry(results.metric(n, **wanted), 1 if n == "l0" else 3, "") for n in names
            ]
            rows.append(Row(f"{label}, {level:g}", entries, method))
    columns = ["L0", "explained variance", "never active", *map(measure_label, measures)]
    return Table(f"Every level, width {width:g}x", "method and level", columns, rows)


def measure_label(name: str) -> str:
    """What a figure of the substitution is called."""
    return {
        "recovered_embedding": "embedding recovered",
        "recovered_hidden": "hidden states recovered",
        "recovered_cross_entropy": "cross entropy recovered",
        "explained_variance": "explained variance",
    }.get(name, name.replace("_", " "))


def capital(text: str) -> str:
    """The text with a capital first letter, the rest as it is."""
    return text[:1].upper() + text[1:]


def agreement_table(results: StudyResults, width: float, threshold: str = "above_0.7") -> Table:
    """Share of each row's features with a one-to-one match in each column's, with the chance level below."""
    runs = [r for r in results.runs() if r["width"] == width]
    rows = []
    for first in runs:
        entries = []
        for second in runs:
            found = None if first is second else results.between(first, second)
            if found is None:
                entries.append(Entry(numbers.MISSING))
                continue
            chance = numbers.short(found[f"chance_{threshold}"])
            entries.append(Entry(numbers.short(found[threshold]), "", [f"chance {chance}"]))
        rows.append(Row(first["label"], entries, first["method"]))
    size = threshold.removeprefix("above_").removeprefix("0")
    caption = f"Matches between methods with |cos| above {size}, width {width:g}x"
    return Table(caption, "share of", [r["label"] for r in runs], rows)


def cluster_table(results: StudyResults, threshold: str = "0.7") -> Table:
    """Share of the features that are in clusters of near-parallel ones, with their number."""

    def share(method: str, width: float) -> Spread:
        wanted = {"method": method, "width": width, "middle": True}
        return results.spread(lambda r: r["clusters"][threshold]["clustered_share"], **wanted)

    def told(method: str, width: float) -> str:
        runs = [r for r in results.runs() if (r["method"], r["width"]) == (method, width)]
        if not runs:
            return ""
        figures = runs[0]["clusters"][threshold]
        return f"{figures['clusters']} clusters, largest {figures['largest']}"

    size = threshold.removeprefix("0")
    caption = f"Share of the features in a cluster (cosine above {size})"
    return by_width(results, caption, share, best=None, digits=2, note=told)


def density_table(results: StudyResults, width: float) -> Table:
    """Which density fits the sizes of a feature's codes best, over the features of each method."""
    rows = []
    for record in results.runs():
        found = record.get("densities")
        if record["width"] != width or not found or not found["features"]:
            continue
        entries = [
            Entry(
                f"{100 * (found['best'].get(name) or 0):.0f} %",
                "",
                [f"distance {numbers.short(found['distance'][name])}"],
            )
            for name in FAMILIES
        ]
        entries.append(Entry(str(found["features"])))
        rows.append(Row(record["label"], entries, record["method"]))
    columns = [*(family.label for family in FAMILIES.values()), "features judged"]
    caption = f"Features whose sizes each density fits best, width {width:g}x"
    return Table(caption, "method", columns, rows)
