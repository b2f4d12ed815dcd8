"""The report's tables as plain data; one template macro draws them all."""

import math
from collections.abc import Iterable, Sequence

from overica.compare.report.records import Cell, Records, number
from overica.compare.report.summary import (
    LEVELS,
    at_matched,
    by_level,
    summarise,
    summarise_values,
)
from overica.compare.report.table import Row, Table, entry_of, levels_around, mark_best
from overica.compare.report.wording import ENCODERS, GROUPS, METRICS, SPLIT, wording
from overica.compare.verdict import TRUTH_OR_CHANCE


def overview_table(records: Records, metric: str, level: str) -> Table:
    """Data set by method for one metric of recovery, at a level of `LEVELS`."""
    choose = LEVELS[level]
    summaries = {
        (method, dataset): summarise(choose(records.of(dataset, method), metric), metric)
        for method in records.methods
        for dataset in records.datasets
    }
    rows = [
        Row(
            records.label(method),
            [
                entry_of(summaries[method, dataset], level=level == "own best", bar=True)
                for dataset in records.datasets
            ],
            method,
        )
        for method in records.methods
    ]
    for j, dataset in enumerate(records.datasets):
        contestants = {
            i: summaries[method, dataset].mean
            for i, method in enumerate(records.methods)
            if method not in TRUTH_OR_CHANCE
        }
        mark_best([row.entries[j] for row in rows], contestants, wording(metric))
    where = "at the true L0" if level == "matched" else "at each method's own best L0"
    return Table(
        caption=f"{_sentence(wording(metric).label)} {where}",
        corner="method",
        columns=list(records.datasets),
        below=[
            levels_around([summaries[method, dataset] for method in records.methods], truth=False)
            for dataset in records.datasets
        ],
        rows=rows,
        bars=True,
    )


def metric_tables(records: Records, dataset: str) -> list[Table]:
    """All metrics of a data set at the true L0, a table for each group of `GROUPS`."""
    cells = {method: at_matched(records.of(dataset, method), "") for method in records.methods}
    names = _metrics_of(records.of(dataset))
    tables = []
    for group, title in GROUPS.items():
        metrics = [name for name in names if wording(name).group == group]
        if metrics:
            tables.append(_metric_table(records, title, metrics, cells))
    return tables


def level_table(records: Records, dataset: str) -> Table | None:
    """Every method at every level of sparsity, mean and spread; None if none has levels."""
    names = _metrics_of(records.of(dataset))
    rows = []
    for method in records.methods:
        for target, cells in by_level(records.of(dataset, method)).items():
            head = records.label(method)
            head += ", own level" if target is None else f", L0 {target:g}"
            entries = [entry_of(summarise(cells, name), short=True) for name in names]
            rows.append(Row(head, entries, method))
    if len(rows) <= len(records.methods):
        return None
    return Table(
        "Every level of sparsity", "method, target", [wording(n).label for n in names], rows
    )


def encoder_tables(records: Records, dataset: str) -> list[Table]:
    """Dictionary by encoder at the true L0, a table for each metric that the encoders have."""
    cells = {method: at_matched(records.of(dataset, method), "") for method in records.methods}
    crossed = [cell for group in cells.values() for cell in group if cell.get("encoders")]
    encoders = _union(list(cell["encoders"]) for cell in crossed)
    metrics = _union(list(row) for cell in crossed for row in cell["encoders"].values() if row)
    tables = []
    for metric in _ordered(metrics):
        rows = []
        for method, group in cells.items():
            summaries = [
                summarise(
                    [{"metrics": (cell.get("encoders") or {}).get(e)} for cell in group], metric
                )
                for e in encoders
            ]
            entries = [entry_of(summary, short=True) for summary in summaries]
            contestants = {
                i: summary.mean
                for i, (encoder, summary) in enumerate(zip(encoders, summaries, strict=True))
                if not encoder.startswith("oracle")
            }
            mark_best(entries, contestants, wording(metric))
            rows.append(Row(records.label(method), entries, method))
        columns = [ENCODERS.get(encoder, encoder.replace("_", " ")) for encoder in encoders]
        below = [
            levels_around(
                [summarise([{"metrics": c["encoders"].get(encoder)}], metric) for c in crossed]
            )
            for encoder in encoders
        ]
        tables.append(Table(_sentence(wording(metric).label), "dictionary", columns, rows, below))
    return tables


def split_table(records: Records, dataset: str) -> Table | None:
    """Return the figures of the stacked bars, in its parts that have any; None without."""
    splits = {
        method: [cell.get("split") or {} for cell in at_matched(records.of(dataset, method), "")]
        for method in records.methods
    }
    parts = [
        part
        for part in SPLIT
        if any(math.isfinite(number(s.get(part))) for group in splits.values() for s in group)
    ]
    rows = [
        Row(
            records.label(method),
            [
                entry_of(
                    summarise_values([number(s.get(part)) for s in group]), short=True, digits=3
                )
                for part in parts
            ],
            method,
        )
        for method, group in splits.items()
    ]
    return Table("The split of the error", "method", parts, rows) if parts else None


def _metric_table(
    records: Records, title: str, metrics: Sequence[str], cells: dict[str, list[Cell]]
) -> Table:
    columns = {
        metric: {method: summarise(group, metric) for method, group in cells.items()}
        for metric in metrics
    }
    rows = [
        Row(
            records.label(method),
            [entry_of(columns[metric][method]) for metric in metrics],
            method,
        )
        for method in records.methods
    ]
    for j, metric in enumerate(metrics):
        contestants = {
            i: columns[metric][method].mean
            for i, method in enumerate(records.methods)
            if method not in TRUTH_OR_CHANCE
        }
        mark_best([row.entries[j] for row in rows], contestants, wording(metric))
    return Table(
        caption=title,
        corner="method",
        columns=[wording(metric).label for metric in metrics],
        below=[levels_around(list(columns[metric].values())) for metric in metrics],
        rows=rows,
    )


def _sentence(label: str) -> str:
    return label[:1].upper() + label[1:]


def _metrics_of(cells: Sequence[Cell]) -> list[str]:
    return _ordered(_union(list(cell.get("metrics") or {}) for cell in cells))


def _ordered(metrics: Sequence[str]) -> list[str]:
    """Known metrics in the order of their table, then the rest."""
    known = list(METRICS)
    return sorted(metrics, key=lambda name: known.index(name) if name in METRICS else len(known))


def _union(lists: Iterable[list[str]]) -> list[str]:
    return list(dict.fromkeys(name for names in lists for name in names))
