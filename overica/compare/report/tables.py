"""The report's tables as plain data; one template macro draws them all."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from overica.compare.report import numbers
from overica.compare.report.records import Cell, Records, number
from overica.compare.report.summary import (
    LEVELS,
    Summary,
    at_matched,
    by_level,
    summarise,
    summarise_values,
)
from overica.compare.report.wording import ENCODERS, GROUPS, METRICS, SPLIT, Wording, wording


@dataclass
class Entry:
    """One cell of a table."""

    text: str
    """The mean, or whatever the table is about."""
    spread: str = ""
    """Standard deviation over the seeds."""
    notes: Sequence[str] = ()
    """Smaller lines below."""
    best: bool = False
    """Whether it is marked as the best of its column."""
    share: float = math.nan
    """Length of the bar below the figure, 0 at chance and 1 at the ideal; NaN for none."""


@dataclass
class Row:
    """A row: what heads it, and its cells."""

    head: str
    entries: list[Entry]
    method: str | None = None
    """Whose marker stands before the head."""


@dataclass
class Table:
    """A table with its caption."""

    caption: str
    corner: str
    """Heading of the column of row heads."""
    columns: list[str]
    rows: list[Row]
    below: list[str] = field(default_factory=list)
    """A smaller line under each column's heading: the chance levels."""
    bars: bool = False


def overview_table(records: Records, metric: str, level: str) -> Table:
    """Data set by method for one metric of recovery, at a level of `LEVELS`."""
    choose = LEVELS[level]
    summaries = {
        (method, dataset): summarise(choose(records.of(dataset, method), metric), metric)
        for method in records.methods
        for dataset in records.datasets
    }
    chances = [
        _chance([summaries[method, dataset] for method in records.methods])
        for dataset in records.datasets
    ]
    rows = [
        Row(
            records.label(method),
            [
                _entry(summaries[method, dataset], level=level == "own best", bar=True)
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
            if not sees_truth(records, method)
        }
        mark_best([row.entries[j] for row in rows], contestants, wording(metric))
    where = "at the true L0" if level == "matched" else "at each method's own best L0"
    return Table(
        caption=f"{_sentence(wording(metric).label)} {where}",
        corner="method",
        columns=list(records.datasets),
        below=[f"chance {chance}" for chance in chances],
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
            if target is not None:
                head += f", L0 {numbers.short(target)}"
            entries = [_entry(summarise(cells, name), short=True) for name in names]
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
            entries = [_entry(summary, short=True) for summary in summaries]
            contestants = {
                i: summary.mean
                for i, (encoder, summary) in enumerate(zip(encoders, summaries, strict=True))
                if not encoder.startswith("oracle")
            }
            mark_best(entries, contestants, wording(metric))
            rows.append(Row(records.label(method), entries, method))
        columns = [ENCODERS.get(encoder, encoder.replace("_", " ")) for encoder in encoders]
        chances = [
            _chance(
                [
                    summarise([{"metrics": (cell.get("encoders") or {}).get(encoder)}], metric)
                    for cell in crossed
                ]
            )
            for encoder in encoders
        ]
        below = [f"chance {chance}" for chance in chances]
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
                _entry(summarise_values([number(s.get(part)) for s in group]), short=True, digits=3)
                for part in parts
            ],
            method,
        )
        for method, group in splits.items()
    ]
    return Table("The split of the error", "method", parts, rows) if parts else None


def sees_truth(records: Records, method: str) -> bool:
    """Whether a method is told the answer, so that it bounds the others and is never the best."""
    return bool(records.methods[method].get("oracle", method.startswith("oracle")))


def mark_best(entries: Sequence[Entry], means: dict[int, float], words: Wording) -> None:
    """Mark the best of some entries, and what is printed the same; none if it is alone."""
    merits = {i: words.merit(mean) for i, mean in means.items() if math.isfinite(mean)}
    finite = {i: merit for i, merit in merits.items() if math.isfinite(merit)}
    if len(finite) < 2:
        return
    winner = entries[max(finite, key=finite.__getitem__)].text
    for i in finite:
        entries[i].best = entries[i].text == winner


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
            [_entry(columns[metric][method]) for metric in metrics],
            method,
        )
        for method in records.methods
    ]
    for j, metric in enumerate(metrics):
        contestants = {
            i: columns[metric][method].mean
            for i, method in enumerate(records.methods)
            if not sees_truth(records, method)
        }
        mark_best([row.entries[j] for row in rows], contestants, wording(metric))
    return Table(
        caption=title,
        corner="method",
        columns=[wording(metric).label for metric in metrics],
        below=[f"chance {_chance(list(columns[metric].values()))}" for metric in metrics],
        rows=rows,
    )


def _entry(
    summary: Summary,
    *,
    level: bool = False,
    short: bool = False,
    bar: bool = False,
    digits: int = 2,
) -> Entry:
    if not math.isfinite(summary.mean):
        return Entry(numbers.MISSING)
    notes = []
    if not short and math.isfinite(summary.best):
        notes.append(f"best {numbers.short(summary.best)}")
    if level:
        notes.append(f"at L0 {numbers.short(summary.level, 1)}")
    share = math.nan
    if bar and math.isfinite(summary.chance) and summary.chance < 1:
        share = min(max((summary.mean - summary.chance) / (1 - summary.chance), 0.0), 1.0)
    return Entry(
        text=numbers.short(summary.mean, digits),
        spread=numbers.short(summary.spread, digits),
        notes=notes,
        share=share,
    )


def _chance(summaries: Sequence[Summary]) -> str:
    levels = sorted(s.chance for s in summaries if math.isfinite(s.chance))
    texts = list(dict.fromkeys(numbers.short(level) for level in levels))
    if len(texts) < 2:
        return texts[0] if texts else numbers.MISSING
    return f"{texts[0]} to {texts[-1]}"


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
