"""The report's tables: which figures they hold, for which data set, method and level."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from overica.compare.report.records import Cell, Records, number
from overica.compare.report.summary import (
    LEVELS,
    Summary,
    at_matched,
    by_level,
    summarise,
    summarise_values,
)
from overica.compare.report.table import Row, Table, entry_of, levels_around, mark_best
from overica.compare.report.wording import ENCODERS, GROUPS, METRICS, SPLIT, Wording, wording


@dataclass(frozen=True)
class _Column:
    heading: str
    summaries: Mapping[str, Summary]
    words: Wording
    n_seeds: int = 0


# What tells encoders apart comes first; the rest follows in the order of `METRICS`.
_TELLING = ["f1", "code_correlation", "explained_variance"]


def overview_table(records: Records, metric: str, level: str) -> Table:
    """Data set by method for one metric of recovery, at a level of `LEVELS`."""
    choose = LEVELS[level]
    columns = [
        _Column(
            dataset,
            {
                method: summarise(choose(records.of(dataset, method), metric), metric)
                for method in records.methods
            },
            wording(metric),
            records.n_seeds,
        )
        for dataset in records.datasets
    ]
    where = "at the true L0" if level == "matched" else "at each method's own best L0"
    caption = f"{_sentence(wording(metric).label)} {where}"
    table = _by_method(records, caption, columns, bar=True, level=level == "own best")
    table.below = [
        levels_around(list(column.summaries.values()), truth=False) for column in columns
    ]
    table.bars = True
    return table


def metric_tables(
    records: Records, dataset: str, stability: pd.DataFrame | None = None
) -> list[Table]:
    """All metrics of a data set at the true L0, a table for each group of `GROUPS`.

    Parameters
    ----------
    records : Records
    dataset : str
    stability : pandas.DataFrame, optional
        Agreement between the seeds, as `overica.compare.Results.stability` gives it.
    """
    cells = {method: at_matched(records.of(dataset, method), "") for method in records.methods}
    columns = [
        _Column(
            wording(name).label,
            {method: summarise(group, name) for method, group in cells.items()},
            wording(name),
            records.n_seeds,
        )
        for name in _metrics_of(records.of(dataset))
    ]
    columns += _stability_column(records, dataset, stability)
    tables = []
    for group, title in GROUPS.items():
        own = [column for column in columns if column.words.group == group]
        if own:
            tables.append(_by_method(records, title, own))
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
    headings = [wording(name).label for name in names]
    return Table("Every level of sparsity", "method, target", headings, rows)


def encoder_tables(records: Records, dataset: str) -> list[Table]:
    """Dictionary by encoder at the true L0, a table for each metric that the encoders have.

    The best encoder of each dictionary is marked; one that is told the truth does not compete.
    """
    cells = {method: at_matched(records.of(dataset, method), "") for method in records.methods}
    crossed = [cell for group in cells.values() for cell in group if cell.get("encoders")]
    encoders = _union(list(cell["encoders"]) for cell in crossed)
    metrics = _union(list(row) for cell in crossed for row in cell["encoders"].values() if row)
    tables = []
    for metric in _ordered(metrics, [*_TELLING, *METRICS]):
        columns = [
            _Column(
                ENCODERS.get(encoder, encoder.replace("_", " ")),
                {
                    method: summarise([_encoded(cell, encoder) for cell in group], metric)
                    for method, group in cells.items()
                },
                wording(metric),
            )
            for encoder in encoders
        ]
        caption = _sentence(wording(metric).label)
        table = _by_method(records, caption, columns, mark=False, short=True)
        table.corner = "dictionary"
        table.below = [levels_around([*c.summaries.values()], truth=False) for c in columns]
        for method, row in zip(records.methods, table.rows, strict=True):
            means = {
                i: columns[i].summaries[method].mean
                for i, encoder in enumerate(encoders)
                if not encoder.startswith("oracle")
            }
            mark_best(row.entries, means, wording(metric))
        tables.append(table)
    return tables


def split_table(records: Records, dataset: str) -> Table | None:
    """Return the figures of the stacked bars, in its parts that have any; None without."""
    splits = {
        method: [cell.get("split") or {} for cell in at_matched(records.of(dataset, method), "")]
        for method in records.methods
    }
    parts = {
        part: {
            method: summarise_values([number(split.get(part)) for split in group])
            for method, group in splits.items()
        }
        for part in SPLIT
    }
    columns = [
        _Column(part, summaries, Wording(part, "other", SPLIT[part], math.nan))
        for part, summaries in parts.items()
        if any(summary.count for summary in summaries.values())
    ]
    table = _by_method(records, "The split of the error", columns, short=True, digits=3)
    table.below = []
    return table if columns else None


def _by_method(
    records: Records,
    caption: str,
    columns: Sequence[_Column],
    *,
    mark: bool = True,
    level: bool = False,
    short: bool = False,
    bar: bool = False,
    digits: int = 2,
) -> Table:
    """A row a method; the best of each column marked, references left out."""
    rows = []
    for method in records.methods:
        entries = [
            entry_of(
                column.summaries[method],
                level=level,
                short=short,
                bar=bar,
                digits=digits,
                n_seeds=column.n_seeds,
            )
            for column in columns
        ]
        rows.append(Row(records.label(method), entries, method))
    for j, column in enumerate(columns if mark else ()):
        means = {
            i: column.summaries[method].mean
            for i, method in enumerate(records.methods)
            if not records.is_reference(method)
        }
        mark_best([row.entries[j] for row in rows], means, column.words)
    headings = [column.heading for column in columns]
    below = [levels_around(list(column.summaries.values())) for column in columns]
    return Table(caption, "method", headings, rows, below)


def _stability_column(
    records: Records, dataset: str, stability: pd.DataFrame | None
) -> list[_Column]:
    if stability is None or dataset not in stability.index.get_level_values("dataset"):
        return []
    own = stability.loc[dataset]
    summaries = {
        method: summarise_values(
            # One figure of all seeds together: none of them is the best.
            [number(own["value"].get(method))],
            lambda _: math.nan,
            chance=number(own["chance"].get(method)),
        )
        for method in records.methods
    }
    return [_Column(wording("stability").label, summaries, wording("stability"))]


def _encoded(cell: Cell, encoder: str) -> Cell:
    """A cell's figures with another encoder."""
    return {"metrics": (cell.get("encoders") or {}).get(encoder)}


def _sentence(label: str) -> str:
    return label[:1].upper() + label[1:]


def _metrics_of(cells: Sequence[Cell]) -> list[str]:
    return _ordered(_union(list(cell.get("metrics") or {}) for cell in cells))


def _ordered(metrics: Sequence[str], order: Iterable[str] = METRICS) -> list[str]:
    """Known metrics in a given order, then the rest."""
    return [name for name in dict.fromkeys([*order, *metrics]) if name in metrics]


def _union(lists: Iterable[list[str]]) -> list[str]:
    return list(dict.fromkeys(name for names in lists for name in names))
