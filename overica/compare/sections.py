"""What the report of a study of known truth says of each data set."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from overica.compare.facts import describe_facts
from overica.compare.verdict import PRIMARY, SECONDARY
from overica.metrics.words import Words, words_of
from overica.report import Block, Panel, Section, notices_on, numbers
from overica.report.figures import (
    Mark,
    draw_heatmap,
    draw_histogram,
    draw_pareto,
    draw_split,
    swatch,
)
from overica.report.panels import direction_panels
from overica.report.phrases import capital
from overica.report.table import Table, mark_best
from overica.report.tables import (
    Column,
    by_method,
    level_table,
    metric_tables,
    union,
)
from overica.studies import Results, Spread
from overica.studies.levels import at_matched, missed
from overica.studies.spread import Cell, mean_of, metric_value, number, summarise

ENCODERS = {
    "own": "its own",
    "map": "exact MAP",
    "omp": "OMP",
    "oracle_support": "oracle support",
}
"""Encoders that every learned dictionary is crossed with, in words."""

SPLIT = {
    "floor": "Floor: what the true dictionary leaves on the true support, which is noise.",
    "dictionary": "Dictionary: what the learned directions add on the matches of the true support.",
    "inference": "Inference: what a wrong choice of active features adds.",
    "magnitude": "Magnitude: what wrong strengths of the right features add.",
}
"""Parts of the error, in the order in which they are stacked."""

_TELLING = ("f1", "code_correlation", "explained_variance")
"""What tells encoders apart comes first."""


def section(
    results: Results,
    marks: Mapping[str, Mark],
    stability: pd.DataFrame | None,
    dataset: str,
    anchor: str,
) -> Section:
    """Everything about one data set."""
    entry = results.whats[dataset]
    facts = entry.get("describe") or {}
    true_l0 = number(facts.get("true_l0"))
    blocks = _blocks(results, marks, stability, dataset, true_l0) if results.of(dataset) else ()
    return Section(
        dataset, anchor, str(entry.get("description") or ""),
        describe_facts(facts, entry.get("n_components")), notices_on(results, dataset), list(blocks),
    )  # fmt: skip


def _blocks(
    results: Results,
    marks: Mapping[str, Mark],
    stability: pd.DataFrame | None,
    dataset: str,
    true_l0: float,
) -> Iterator[Block]:
    yield Block(
        "At the true L0",
        tables=metric_tables(results, dataset, _stability_column(results, dataset, stability)),
    )
    levels = level_table(results, dataset)
    yield Block(
        "Sparsity against quality",
        legend=True,
        curves=[
            Panel(f"L0 against {words_of(metric).label}.", picture)
            for metric in ("explained_variance", PRIMARY, SECONDARY)
            if (picture := draw_pareto(results, marks, dataset, metric, true_l0))
        ],
        folded=[("Every level of sparsity in figures", [levels] if levels else [])],
    )
    split = split_table(results, dataset)
    picture = draw_split(
        _splits(results, dataset), {m: results.label(m) for m in results.methods}, marks,
        f"{dataset}: parts of the unexplained variance of each method, stacked",
    )  # fmt: skip
    yield Block(
        "Where the error comes from",
        legend=[(swatch(part), part) for part in split.columns] if split else (),
        beside=True,
        curves=[Panel("Parts of the unexplained share of the variance at the true L0, mean over the seeds.", picture)]
        if picture
        else (),
        tables=[split] if split else (),
    )  # fmt: skip
    first, others = (found := encoder_tables(results, dataset))[:1], found[1:]
    names = ", ".join(table.caption for table in others)
    yield Block(
        "Each dictionary with each encoder",
        tables=first,
        folded=[(f"The same by {names}", others)],
    )
    yield Block(
        "Learned against true directions",
        multiples=list(direction_panels(results, marks, dataset, _median, _mean_cosine)),
        note="Arrows or markers are learned, dashed lines or rings are true; of the seeds, the one with the median "
        "mean cosine.",
    )
    yield Block(
        "Cosines of learned with true directions",
        multiples=list(_cosines(results, dataset)),
        note="Rows are learned directions, columns true ones, matched pairs on the diagonal; full colour is a cosine "
        "of 1, blue positive, vermilion negative.",
    )
    yield Block(
        "Largest cosine of each learned direction with a true one",
        multiples=list(_histograms(results, marks, dataset)),
        note="Bars: learned directions of all seeds at the true L0. Dashed outline: random directions.",
    )


def encoder_tables(results: Results, dataset: str) -> list[Table]:
    """Dictionary by encoder at the true L0, a table for each metric that the encoders have.

    The best encoder of each dictionary is marked; one that is told the truth does not compete.
    """
    cells = {method: at_matched(results.of(dataset, method)) for method in results.methods}
    crossed = [cell for group in cells.values() for cell in group if cell.get("encoders")]
    encoders = union(list(cell["encoders"]) for cell in crossed)
    metrics = union(list(row) for cell in crossed for row in cell["encoders"].values() if row)
    tables = []
    for metric in sorted(metrics, key=lambda metric: metric not in _TELLING):
        columns = []
        for encoder in encoders:
            encoded = {m: [_encoded(c, encoder) for c in group] for m, group in cells.items()}
            columns.append(
                Column(
                    ENCODERS.get(encoder, encoder.replace("_", " ")),
                    {m: summarise(group, metric) for m, group in encoded.items()},
                    words_of(metric),
                    off={} if _told_truth(encoder) else {m: missed(g) for m, g in encoded.items()},
                )
            )
        table = by_method(results, capital(words_of(metric).label), columns, mark=False)
        table.corner = "dictionary"
        for method, row in zip(results.methods, table.rows, strict=True):
            means = {
                i: columns[i].summaries[method].mean
                for i, encoder in enumerate(encoders)
                if not _told_truth(encoder)
            }
            mark_best(row.entries, means, words_of(metric))
        tables.append(table)
    return tables


def split_table(results: Results, dataset: str) -> Table | None:
    """Return the figures of the stacked bars, in its parts that have any; None without."""
    splits = {
        method: [cell.get("split") or {} for cell in at_matched(results.of(dataset, method))]
        for method in results.methods
    }
    columns = []
    for part, meaning in SPLIT.items():
        summaries = {
            m: Spread.of(split.get(part) for split in group) for m, group in splits.items()
        }
        if any(summary.count for summary in summaries.values()):
            words = Words(part, "other", meaning, math.nan)
            columns.append(Column(part, summaries, words, digits=3, below=()))
    off = {method: missed(at_matched(results.of(dataset, method))) for method in results.methods}
    return by_method(results, "The split of the error", columns, off=off) if columns else None


def _splits(results: Results, dataset: str) -> dict[str, dict[str, float]]:
    """Parts of the error at the true L0, averaged over the seeds."""
    return {
        method: {
            part: mean_of(
                (cell.get("split") or {}).get(part)
                for cell in at_matched(results.of(dataset, method))
            )
            for part in SPLIT
        }
        for method in results.methods
    }


def _stability_column(
    results: Results, dataset: str, stability: pd.DataFrame | None
) -> list[Column]:
    if stability is None or dataset not in stability.index.get_level_values(results.axis):
        return []
    own = stability.loc[dataset]
    summaries = {
        method: Spread.of(
            # One figure of all seeds together: none of them is the best.
            [own["value"].get(method)],
            lambda _: math.nan,
            chance=number(own["chance"].get(method)),
        )
        for method in results.methods
    }
    return [Column(words_of("stability").label, summaries, words_of("stability"))]


def _encoded(cell: Cell, encoder: str) -> Cell:
    """A cell's figures with another encoder."""
    figures = (cell.get("encoders") or {}).get(encoder)
    return {"metrics": figures, "target_l0": cell.get("target_l0")}


def _told_truth(encoder: str) -> bool:
    return encoder.startswith("oracle")


def _median(cells: Sequence[Cell]) -> Cell:
    """Neither the lucky seed nor the unlucky one."""
    ordered = sorted(cells, key=lambda cell: metric_value(cell, SECONDARY))
    return ordered[(len(ordered) - 1) // 2]


def _mean_cosine(cell: Cell) -> str:
    return f"mean cosine {numbers.short(metric_value(cell, SECONDARY))}"


def _cosines(results: Results, dataset: str) -> Iterator[Panel]:
    for method in results.methods:
        for cell in at_matched(results.of(dataset, method)):
            # Arrows in the plane say the same, and more.
            if cell.get("cosines") and not cell.get("directions"):
                label = (
                    f"{dataset}, {results.label(method)}: cosines of learned with true directions"
                )
                picture = draw_heatmap(cell["cosines"], label)
                yield Panel(results.label(method), picture, method, _mean_cosine(cell))
                break


def _histograms(results: Results, marks: Mapping[str, Mark], dataset: str) -> Iterator[Panel]:
    for method in results.methods:
        cells = at_matched(results.of(dataset, method))
        label = f"{dataset}, {results.label(method)}"
        picture = draw_histogram(cells, marks[method], label)
        if picture:
            yield Panel(results.label(method), picture, method)
