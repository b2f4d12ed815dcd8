"""What a study's page shows of each question: text, tables, curves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from overica.compare.report.figures import Mark, draw_histogram
from overica.compare.report.page import Panel
from overica.compare.report.table import Table
from overica.lm.study.curves import evidence_curve, quality_curve
from overica.lm.study.results import Spread, StudyResults
from overica.lm.study.tables import (
    agreement_table,
    by_width,
    capital,
    cluster_table,
    density_table,
    level_table,
    measure_label,
)
from overica.lm.study.verdict import measures


@dataclass
class Section:
    """One question of the study."""

    anchor: str
    title: str
    text: str
    tables: list[Table] = field(default_factory=list)
    curves: list[Panel] = field(default_factory=list)
    histograms: list[Panel] = field(default_factory=list)
    more: list[Table] = field(default_factory=list)


def study_sections(results: StudyResults, marks: Mapping[str, Mark]) -> list[Section]:
    """All questions, in the order of the page; those without figures have neither tables nor curves."""
    found = measures(results)
    quality = ["explained_variance", *found]

    def metric(name: str) -> Any:
        return lambda m, w: results.metric(name, method=m, width=w)

    def of_fit(name: str) -> Any:
        return lambda m, w: results.spread(lambda r: r[name], method=m, width=w, middle=True)

    def rise(method: str, width: float) -> Spread:
        wanted = {"method": method, "width": width, "middle": True}
        return results.spread(lambda r: r["facts"].get("rise_over_last_tenth"), **wanted)

    def stable(method: str, width: float) -> Spread:
        return Spread.of([results.stability(method, width).get("above_0.9")])

    def stable_note(method: str, width: float) -> str:
        figures = results.stability(method, width)
        if not figures:
            return ""
        return (
            f"mean |cos| {figures['mean']:.2f}, chance {figures['chance_mean']:.2f}; "
            f"above .7 {figures['above_0.7']:.2f}"
        )

    curve = evidence_curve(results, marks)
    middle = f"{results.middle:g} active features"
    return [
        Section(
            "quality",
            "Sparsity against quality",
            "Held-out documents. The recovered share is 1 where reconstructions in place of the activations leave the "
            "model's output as it was, and 0 where they do no better than the mean activation.",
            [
                by_width(results, f"{capital(measure_label(n))} at {middle}", metric(n))
                for n in quality
            ],
            [
                Panel(f"Width {w:g}x: {measure_label(n)} against L0.", picture)
                for w in results.widths
                for n in quality[:2]
                if (picture := quality_curve(results, marks, w, n))
            ],
            more=[level_table(results, w, found) for w in results.widths],
        ),
        Section(
            "inference",
            "Directions or encoder",
            "The same dictionaries with exact codes (basis pursuit, then least squares) at the same number of active "
            "features in place of each method's own encoder: what the directions are worth. ICA's codes are exact "
            "already.",
            [
                by_width(
                    results, f"{capital(measure_label(n))} with exact codes, {middle}",
                    metric(f"exact_{n}"),
                )
                for n in quality
            ],
        ),
        Section(
            "evidence",
            "Evidence over the width",
            "Mean log density of a held-out activation under the model that was learned, in nats; autoencoders are no "
            "densities.",
            [by_width(results, "Held-out evidence, nats a token", of_fit("evidence"), digits=1)]
            if curve
            else [],
            [Panel("Evidence over the number of features.", curve)] if curve else [],
        ),
        Section(
            "seeds",
            "From seed to seed",
            "Features of one seed matched one to one with those of another. Chance: directions drawn with the "
            "covariance of the data.",
            [by_width(results, "Share of matches with |cos| above .9", stable, digits=2, note=stable_note)]
            if any(results.stability(m, w) for m in results.methods for w in results.widths)
            else [],
        ),
        Section(
            "methods",
            "From method to method",
            "Do methods find the same features? Chance as above.",
            [
                agreement_table(results, w, threshold)
                for w in results.widths
                for threshold in ("above_0.7", "above_0.9")
            ]
            if len(results.methods) > 1
            else [],
        ),
        Section(
            "splitting",
            "Near-parallel features",
            "Single linkage: a chain of cosines above the threshold joins features to a cluster. Below, each feature's "
            "largest cosine with another one of the same dictionary; the dashed outline is that of random directions.",
            [cluster_table(results, "0.7"), cluster_table(results, "0.9")],
            histograms=_histograms(results, marks),
        ),
        Section(
            "prior",
            "Is the prior right?",
            f"Sizes of the codes that are not zero, at {middle}, feature by feature. Share of the features for which a "
            "density has the highest likelihood (less its number of parameters), and the median over the features of "
            "the largest distance between its cumulative distribution and that of the sizes.",
            [t for w in results.widths if (t := density_table(results, w)).rows],
        ),
        Section(
            "cost",
            "Cost",
            "Of a fit, without its evaluation. An autoencoder whose explained variance still rose at the end of its "
            "training is not at its best: longer runs explain more, and their seeds agree better.",
            [
                by_width(results, "Seconds of CPU", of_fit("fit_cpu_seconds"), best="lowest", digits=1),
                by_width(results, "Rise of explained variance in the last tenth", rise, best=None),
            ],
        ),
    ]  # fmt: skip


def _histograms(results: StudyResults, marks: Mapping[str, Mark]) -> list[Panel]:
    panels = []
    for record in results.runs():
        if not record["nearest"]:
            continue
        label = f"{record['label']}, {record['width']:g}x"
        picture = draw_histogram(
            [{"histogram": record["nearest"]}], marks[record["method"]], label, "another one"
        )
        if picture:
            panels.append(Panel(label, picture, record["method"]))
    return panels
