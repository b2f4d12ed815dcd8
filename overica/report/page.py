"""Everything that the report says, in order, before it is put into HTML."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from markupsafe import Markup

from overica.compare.report import numbers
from overica.compare.report.costs import cost_tables
from overica.compare.report.facts import describe_facts
from overica.compare.report.figures import (
    Mark,
    assign_marks,
    definitions,
    draw_directions,
    draw_heatmap,
    draw_histogram,
    draw_pareto,
    draw_split,
    key,
)
from overica.compare.report.opening import notices, title, verdict
from overica.compare.report.records import Records, metric_value, number
from overica.compare.report.summary import LEVELS, at_matched
from overica.compare.report.table import Table
from overica.compare.report.tables import (
    encoder_tables,
    level_table,
    metric_tables,
    overview_table,
    split_table,
)
from overica.compare.report.toml import to_toml
from overica.compare.report.wording import METRICS, RECOVERY, wording

PARETO = ("explained_variance", *RECOVERY)
"""Vertical axes of the curves over L0."""


@dataclass(frozen=True)
class Panel:
    """A small figure with its title, one of several alike."""

    title: str
    picture: Markup
    method: str | None = None
    note: str = ""


@dataclass
class Section:
    """One data set."""

    name: str
    anchor: str
    description: str
    facts: list[tuple[str, str]]
    tables: list[Table]
    levels: Table | None
    curves: list[Panel]
    split: Markup | None
    split_numbers: Table | None
    encoders: list[Table]
    directions: list[Panel]
    cosines: list[Panel]
    histograms: list[Panel]
    failed: int
    n_cells: int


@dataclass
class Page:
    """The whole report."""

    title: str
    headline: str
    findings: list[tuple[str, str]]
    notices: list[str]
    overview: list[tuple[str, list[Table]]]
    sections: list[Section]
    failures: list[Mapping[str, Any]]
    costs: list[Table]
    words: list[tuple[str, str]]
    config: str
    warnings: list[tuple[str, int]]
    versions: list[tuple[str, str]]
    records: Records
    marks: dict[str, Mark]
    keys: dict[str, Markup] = field(default_factory=dict)
    definitions: Markup = field(default_factory=Markup)


def build_page(records: Records) -> Page:
    """Put together what the records say, the verdict first."""
    marks = assign_marks(records.methods)
    headline, findings = verdict(records)
    stability = _stability(records)
    return Page(
        title=title(records),
        headline=headline,
        findings=findings,
        notices=notices(records),
        overview=[
            (level, [overview_table(records, metric, level) for metric in RECOVERY])
            for level in LEVELS
        ],
        sections=[
            _section(records, marks, stability, dataset, f"data-{i}")
            for i, dataset in enumerate(records.datasets, start=1)
        ],
        failures=records.failed,
        costs=cost_tables(records),
        words=[(wording(name).label, wording(name).definition) for name in _metrics_seen(records)],
        config=to_toml(records.study),
        versions=[
            (str(k), str(v)) for k, v in (records.results.header.get("versions") or {}).items()
        ],
        warnings=Counter(
            f"{cell['dataset']}, {records.label(cell['method'])}: {text}"
            for cell in records.cells
            for text in cell.get("warnings") or ()
        ).most_common(),
        records=records,
        marks=marks,
        keys={method: key(mark) for method, mark in marks.items()},
        definitions=definitions(),
    )


def _stability(records: Records) -> pd.DataFrame | None:
    """Agreement between the seeds; None where the dictionaries did not come along."""
    try:
        return records.results.stability()
    except (OSError, ValueError):
        return None


def _section(
    records: Records,
    marks: dict[str, Mark],
    stability: pd.DataFrame | None,
    dataset: str,
    anchor: str,
) -> Section:
    entry = records.datasets[dataset]
    facts = entry.get("describe") or {}
    true_l0 = number(facts.get("true_l0"))
    cells = records.of(dataset)
    curves = [
        Panel(wording(metric).label, picture)
        for metric in PARETO
        if (picture := draw_pareto(records, marks, dataset, metric, true_l0))
    ]
    return Section(
        name=dataset,
        anchor=anchor,
        description=str(entry.get("description") or ""),
        facts=describe_facts(facts, entry.get("n_components")),
        tables=metric_tables(records, dataset, stability) if cells else [],
        levels=level_table(records, dataset),
        curves=curves,
        split=draw_split(records, marks, dataset),
        split_numbers=split_table(records, dataset),
        encoders=encoder_tables(records, dataset),
        directions=_directions(records, marks, dataset),
        cosines=_cosines(records, dataset),
        histograms=_histograms(records, marks, dataset),
        failed=sum(cell["dataset"] == dataset for cell in records.failed),
        n_cells=len(cells),
    )


def _directions(records: Records, marks: dict[str, Mark], dataset: str) -> list[Panel]:
    panels = []
    for method in records.methods:
        shown = [c for c in at_matched(records.of(dataset, method), "") if c.get("directions")]
        if not shown:
            continue
        # The median seed: neither the lucky one nor the unlucky one.
        shown.sort(key=lambda cell: metric_value(cell, "mean_cosine"))
        cell = shown[(len(shown) - 1) // 2]
        label = f"{dataset}, {records.label(method)}: learned directions among the true ones"
        arrays = cell["directions"]
        picture = draw_directions(arrays["learned"], arrays["true"], marks[method], label)
        if picture:
            note = f"seed {cell['seed']}, mean cosine {numbers.short(metric_value(cell, 'mean_cosine'))}"
            panels.append(Panel(records.label(method), picture, method, note))
    return panels


def _cosines(records: Records, dataset: str) -> list[Panel]:
    panels = []
    for method in records.methods:
        for cell in at_matched(records.of(dataset, method), ""):
            # Arrows in the plane say the same, and more.
            if cell.get("cosines") and not cell.get("directions"):
                label = (
                    f"{dataset}, {records.label(method)}: cosines of learned with true directions"
                )
                note = f"mean cosine {numbers.short(metric_value(cell, 'mean_cosine'))}"
                picture = draw_heatmap(cell["cosines"], label)
                panels.append(Panel(records.label(method), picture, method, note))
                break
    return panels


def _histograms(records: Records, marks: dict[str, Mark], dataset: str) -> list[Panel]:
    panels = []
    for method in records.methods:
        cells = at_matched(records.of(dataset, method), "")
        label = f"{dataset}, {records.label(method)}"
        picture = draw_histogram(cells, marks[method], label)
        if picture:
            panels.append(Panel(records.label(method), picture, method))
    return panels


def _metrics_seen(records: Records) -> list[str]:
    seen = {name for cell in records.succeeded for name in cell.get("metrics") or {}}
    return [name for name in METRICS if name in seen]
