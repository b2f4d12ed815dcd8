"""What a study's page shows of each question: text, tables, curves."""

from __future__ import annotations

import math
from collections.abc import Mapping

from overica.lm.features.densities import FAMILIES
from overica.lm.study.feature_results import FeatureResults
from overica.lm.study.feature_words import EXACT
from overica.metrics.words import words_of
from overica.report import Block, Panel, Section, numbers
from overica.report.figures import Mark, draw_along, draw_histogram, draw_pareto
from overica.report.phrases import capital, percent
from overica.report.table import Entry, Row, Table
from overica.report.tables import Column, by_method, level_table, overview_table
from overica.studies import Spread

Marks = Mapping[str, Mark]


def over_widths(results: FeatureResults, *metrics: str, digits: int = 3) -> list[Table]:
    """Methods by width at the middle level, a table for each metric that there is."""
    there = {name for cell in results.succeeded for name in cell["metrics"]}
    return [
        overview_table(results, name, "matched", capital(words_of(name).label), digits=digits)
        for name in metrics
        if name in there
    ]


def sections(results: FeatureResults, of: Marks) -> list[Section]:
    """All questions that there are figures for, in the order of the page."""
    middle = f"At {results.middle:g} active features a token"
    quality = ["explained_variance", *results.measures]
    widths = {what: float(entry["n_components"]) for what, entry in results.whats.items()}
    curve = draw_along(results, of, "evidence", widths, "features", chance="Gaussian")
    found = [
        Section(
            "Sparsity against quality", "quality",
            "Held-out documents. The recovered share is 1 where reconstructions in place of the activations leave the "
            "model's output as it was, and 0 where they do no better than the mean activation.",
            blocks=[
                Block(middle, tables=over_widths(results, *quality)),
                *(_levels(results, of, what, quality) for what in results.whats),
            ],
        ),
        Section(
            "Directions or encoder", "inference",
            "The same dictionaries with exact codes (basis pursuit, then least squares) at the same number of active "
            "features in place of each method's own encoder: what the directions are worth. The codes of ICA, and of "
            "other methods that cannot be told a level, are exact already.",
            blocks=[
                Block(middle, tables=over_widths(results, *(EXACT + name for name in quality))),
            ],
        ),
        Section(
            "Evidence over the width", "evidence", words_of("evidence").definition,
            blocks=[
                Block(
                    "Nats a token", beside=True,
                    curves=[Panel("Evidence over the number of features.", curve)] if curve else (),
                    tables=over_widths(results, "evidence", digits=1),
                )
            ],
        ),
        Section(
            "From seed to seed", "seeds", words_of("seeds_agree").definition,
            blocks=[Block("Shared features", tables=_seeds(results))],
        ),
        Section(
            "From method to method", "methods",
            "Do methods find the same features? Share of each row's features with a one-to-one match in each column's; "
            "chance is directions drawn with the covariance of the data.",
            blocks=[
                Block(f"Width {what}", tables=[_matches(results, what, t) for t in ("0.7", "0.9")])
                for what in results.whats
                if len(results.runs(what=what)) > 1
            ],
        ),
        Section(
            "Near-parallel features", "splitting",
            "A chain of cosines above the threshold joins features to a cluster (single linkage).",
            blocks=[
                Block(
                    "Share of the features in a cluster",
                    tables=over_widths(results, "clustered_0.7", "clustered_0.9", digits=2),
                ),
                Block(
                    "Largest cosine with another feature of the same dictionary",
                    multiples=_histograms(results, of),
                    note="The dashed outline is that of random directions.",
                ),
            ],
        ),
        Section(
            "Is the prior right?", "prior",
            f"Sizes of the codes that are not zero, feature by feature: {middle.lower()}, the share of the features "
            "for which a density has the highest likelihood (less its number of parameters), and the median over the "
            "features of the largest distance between its cumulative distribution and that of the sizes.",
            blocks=[
                Block(f"Width {what}", tables=[table])
                for what in results.whats
                if (table := _densities(results, what)).rows
            ],
        ),
    ]  # fmt: skip
    for section in found:
        section.blocks = [block for block in section.blocks if not block.empty]
    return [section for section in found if section.blocks]


def _levels(results: FeatureResults, of: Marks, what: str, quality: list[str]) -> Block:
    levels = level_table(results, what, ["l0", *quality, "dead_share"])
    return Block(
        f"Width {what}",
        legend=True,
        curves=[
            Panel(f"L0 against {words_of(name).label}.", picture)
            for name in quality[:2]
            if (picture := draw_pareto(results, of, what, name, math.nan))
        ],
        folded=[("Every level in figures", [levels] if levels else [])],
    )


def _seeds(results: FeatureResults) -> list[Table]:
    columns = []
    for what in results.whats:
        found = {method: results.seeds_agree(what, method) for method in results.methods}
        if any(found.values()):
            # One figure of all pairs of seeds together: none of them is the best.
            summaries = {
                method: Spread.of(
                    [f.get("above_0.9")], lambda _: math.nan, chance=f.get("chance_above_0.9", math.nan)
                )
                for method, f in found.items()
            }  # fmt: skip
            columns.append(Column(what, summaries, words_of("seeds_agree")))
    caption = "Share of matches with |cos| above .9"
    return [by_method(results, caption, columns)] if columns else []


def _matches(results: FeatureResults, what: str, threshold: str) -> Table:
    """Share of each row's features with a one-to-one match in each column's, with the chance level below."""
    runs = results.runs(what=what)
    name = f"above_{threshold}"
    rows = []
    for first in runs:
        chance = numbers.short(first["agreement_by_chance"][name])
        found = [results.between(first, second) for second in runs]
        entries = [
            Entry(numbers.short(f[name]), notes=[f"chance {chance}"]) if f else Entry(numbers.MISSING)
            for f in found
        ]  # fmt: skip
        rows.append(Row(results.label(first["method"]), entries, first["method"]))
    caption = f"Matches with |cos| above {threshold.lstrip('0')}"
    return Table(caption, "share of", [results.label(r["method"]) for r in runs], rows)


def _densities(results: FeatureResults, what: str) -> Table:
    """Which density fits the sizes of a feature's codes best, over the features of each method."""
    rows = []
    for run in results.runs(what=what):
        found = run.get("densities") or {}
        if found.get("features"):
            entries = [
                Entry(
                    percent(found["best"].get(name) or 0),
                    notes=[f"distance {numbers.short(found['distance'][name])}"],
                )
                for name in FAMILIES
            ]
            entries.append(Entry(str(found["features"])))
            rows.append(Row(results.label(run["method"]), entries, run["method"]))
    columns = [*(family.label for family in FAMILIES.values()), "features judged"]
    caption = "Features whose sizes each density fits best"
    return Table(caption, "method", columns, rows)


def _histograms(results: FeatureResults, of: Marks) -> list[Panel]:
    panels = []
    for run in results.runs():
        cells = results.matched(run["width"], run["method"])
        picture = draw_histogram(cells, of[run["method"]], results.title(run), "another one")
        if picture:
            panels.append(Panel(results.title(run), picture, run["method"]))
    return panels
