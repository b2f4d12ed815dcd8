"""Tables over the methods of a study: which figures they hold, and which of them is the best."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from overica.metrics.words import GROUPS, Words, words_of
from overica.report import numbers
from overica.report.phrases import capital
from overica.report.table import (
    Entry,
    Note,
    Row,
    Table,
    best_seed,
    entry_of,
    levels_around,
    mark_best,
    off_level,
    reached_level,
)
from overica.studies import Results, Spread
from overica.studies.levels import LEVELS, at_matched, by_level, missed
from overica.studies.results import COSTS
from overica.studies.spread import Cell, mean_of, number, summarise


@dataclass(frozen=True)
class Column:
    """A column of a table over methods."""

    heading: str
    summaries: Mapping[str, Spread]
    """By method."""
    words: Words
    n_seeds: int = 0
    """Seeds that there should be; 0 where that is not to be said."""
    digits: int | None = None
    """Decimals; those of the words if not given."""
    off: Mapping[str, float] = field(default_factory=dict)
    """By method, by what share the level was missed, where it differs from column to column."""
    below: Sequence[str] | None = None
    """Smaller lines under the heading; chance and truth if not given."""


def overview_table(
    results: Results, metric: str, at: str, caption: str, digits: int | None = None
) -> Table:
    """What is learned from by method, for one metric at a level of `LEVELS`.

    It is coloured from chance to the ideal; without a chance level, from the worst method to the best.

    Parameters
    ----------
    results : Results
    metric, at, caption : str
    digits : int
        Decimals.
    """
    columns = []
    for what in results.whats:
        cells = {m: LEVELS[at](results.of(what, m), metric) for m in results.methods}
        summaries = {m: summarise(group, metric) for m, group in cells.items()}
        columns.append(
            Column(
                what, summaries, words_of(metric), results.n_seeds, digits,
                off={m: missed(group) for m, group in cells.items()},
                below=levels_around([*summaries.values()], truth=False),
            )
        )  # fmt: skip
    table = by_method(results, caption, columns, note=reached_level if at == "best" else None)
    table.style = "heat"
    if not any(math.isfinite(s.chance) for column in columns for s in column.summaries.values()):
        table.below = [[] for _ in columns]
        _shade(results, table, columns)
    return table


def _shade(results: Results, table: Table, columns: Sequence[Column]) -> None:
    """Colour entries from the worst of all that compete to the best."""
    merits = {
        (i, j): column.words.merit(column.summaries[method].mean)
        for i, method in enumerate(results.methods)
        if not results.is_reference(method)
        for j, column in enumerate(columns)
    }
    finite = {place: merit for place, merit in merits.items() if math.isfinite(merit)}
    worst, best = min(finite.values(), default=0.0), max(finite.values(), default=0.0)
    for (i, j), merit in finite.items():
        if best > worst:
            table.rows[i].entries[j].share = (merit - worst) / (best - worst)


def metric_tables(results: Results, what: str, more: Sequence[Column] = ()) -> list[Table]:
    """All metrics at the matched level, a table for each group of `GROUPS`; `more` are columns of one's own."""
    cells = {method: at_matched(results.of(what, method)) for method in results.methods}
    columns = [
        Column(
            words_of(name).label, {m: summarise(group, name) for m, group in cells.items()},
            words_of(name), results.n_seeds,
        )
        for name in metrics_of(results.of(what))
    ]  # fmt: skip
    columns += more
    off = {method: missed(group) for method, group in cells.items()}
    own = {group: [c for c in columns if c.words.group == group] for group in GROUPS}
    return [
        by_method(results, title, own[group], note=best_seed, off=off)
        for group, title in GROUPS.items()
        if own[group]
    ]


def level_table(results: Results, what: str, metrics: Sequence[str] = ()) -> Table | None:
    """Every method at every level of sparsity, mean and spread, all metrics or some; None if none has levels."""
    names = metrics or metrics_of(results.of(what))
    rows = []
    for method in results.methods:
        for target, cells in by_level(results.of(what, method)).items():
            head = results.label(method)
            head += ", own level" if target is None else f", L0 {target:g}"
            entries = [entry_of(summarise(cells, name), words_of(name)) for name in names]
            rows.append(Row(head, entries, method, off_level(missed(cells))))
    if len(rows) <= len(results.methods):
        return None
    headings = [words_of(name).label for name in names]
    return Table("Every level of sparsity", "method, target", headings, rows)


_NO_CHANCE = levels_around([])[0]
_COSTS = dict(zip(COSTS, (numbers.seconds, numbers.seconds, numbers.count), strict=True))


def cost_tables(
    results: Results, costs: Mapping[str, Callable[[float], str]] = _COSTS
) -> list[Table]:
    """Mean cost of a fit, method by what is learned from, a table for each field that was measured.

    Parameters
    ----------
    results : Results
    costs : mapping
        Field of a record -> how it is printed; those of every fit if not given.
    """
    tables = []
    for cost, write in costs.items():
        rows = []
        for method in results.methods:
            means = [
                mean_of(number(cell.get(cost)) for cell in results.of(what, method))
                for what in results.whats
            ]
            rows.append(Row(results.label(method), [Entry(write(mean)) for mean in means], method))
        if any(entry.text != numbers.MISSING for row in rows for entry in row.entries):
            caption = f"{capital(words_of(cost).label)} of a fit, mean over seeds and levels"
            tables.append(Table(caption, "method", list(results.whats), rows))
    return tables


def by_method(
    results: Results,
    caption: str,
    columns: Sequence[Column],
    *,
    note: Note | None = None,
    off: Mapping[str, float] | None = None,
    mark: bool = True,
) -> Table:
    """A row a method; the best of each column marked, references left out.

    Parameters
    ----------
    results : Results
    caption : str
    columns : sequence of Column
    note : callable, optional
        What a smaller line of every cell says.
    off : mapping of str to float, optional
        By method, by what share the level of all columns was missed.
    mark : bool
        Whether to mark the best.
    """
    rows = []
    for method in results.methods:
        entries = [
            entry_of(
                c.summaries[method], c.words, note=note, digits=c.digits, n_seeds=c.n_seeds,
                off=c.off.get(method, math.nan),
            )
            for c in columns
        ]  # fmt: skip
        missed_by = off_level((off or {}).get(method, math.nan))
        rows.append(Row(results.label(method), entries, method, missed_by))
    for j, column in enumerate(columns if mark else ()):
        means = {
            i: column.summaries[method].mean
            for i, method in enumerate(results.methods)
            if not results.is_reference(method)
        }
        mark_best([row.entries[j] for row in rows], _worth_a_mark(column, means), column.words)
    below = [
        levels_around([*c.summaries.values()]) if c.below is None else c.below for c in columns
    ]
    if all(lines == [_NO_CHANCE] for lines in below):
        # Nothing of this kind of study has a chance level.
        below = []
    return Table(caption, "method", [column.heading for column in columns], rows, below)


def metrics_of(cells: Sequence[Cell]) -> list[str]:
    """Names of the metrics that cells have, as these list them."""
    return union(list(cell.get("metrics") or {}) for cell in cells)


def union(lists: Iterable[list[str]]) -> list[str]:
    """All names, in the order in which they first stand."""
    return list(dict.fromkeys(name for names in lists for name in names))


def _worth_a_mark(column: Column, means: dict[int, float]) -> dict[int, float]:
    """Means that may be the best: of more than chance, where more is better and chance is known."""
    chances = [summary.chance for summary in column.summaries.values()]
    least = max(filter(math.isfinite, chances), default=-math.inf)
    return {i: m for i, m in means.items() if column.words.ideal != math.inf or not m <= least}
