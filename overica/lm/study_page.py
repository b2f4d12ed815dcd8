"""The page of a study, and the pages of its features, from its folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from overica.compare.report.figures import Mark, assign_marks, definitions, draw_histogram, key
from overica.compare.report.page import Panel
from overica.compare.report.table import Table
from overica.lm.directions import partners
from overica.lm.features import describe_features
from overica.lm.features_pages import (
    page_style,
    pages_environment,
    write_feature_pages,
    write_tokens,
)
from overica.lm.store import ActivationStore
from overica.lm.study import read_codes, read_dictionary, read_offset
from overica.lm.study_curves import evidence_curve, quality_curve
from overica.lm.study_results import Record, Spread, StudyResults
from overica.lm.study_tables import (
    agreement_table,
    by_width,
    cluster_table,
    density_table,
    level_table,
    measure_label,
)
from overica.lm.study_verdict import described, measures, study_verdict


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


@dataclass
class Page:
    """The whole page."""

    title: str
    headline: str
    findings: list[tuple[str, str]]
    notices: list[str]
    links: list[tuple[str, str, str]]
    sections: list[Section]
    facts: list[tuple[str, str]]
    records: Any
    keys: dict[str, Markup]
    definitions: Markup


class _Labels:
    """What the legend asks for."""

    def __init__(self, labels: Mapping[str, str]) -> None:
        self._labels = labels

    def label(self, method: str) -> str:
        return self._labels[method]


def write_study_pages(folder: str | os.PathLike[str], store: ActivationStore | None = None) -> Path:
    """Write ``index.html`` of a study's folder and, with the store, the pages of its features.

    Parameters
    ----------
    folder : path
        Where a `FeatureStudy` left its results; all of them or a part.
    store : ActivationStore, optional
        The activations that it was of. Without them, pages of features that are there stay as they are.

    Returns
    -------
    Path
        Of ``index.html``.

    Raises
    ------
    FileNotFoundError
        If the folder is not that of a study.
    """
    results = StudyResults.read(Path(folder))
    if store is not None:
        _write_features(results, store)
    page = build_page(results)
    environment = pages_environment()
    environment.filters["breakable"] = lambda text: text
    html = environment.get_template("study.html.j2").render(
        page=page, style=page_style(environment)
    )
    path = results.folder / "index.html"
    whole = path.with_suffix(".html.part")
    whole.write_text(html, encoding="utf-8")
    whole.replace(path)
    return path


def build_page(results: StudyResults) -> Page:
    """Put together what the records say."""
    marks = assign_marks(
        {m: {"family": results.header["methods"][m]["family"]} for m in results.methods}
    )
    headline, findings = study_verdict(results)
    there = [r for r in described(results) if (results.folder / r["run"] / "index.html").is_file()]
    store = results.header["store"]
    return Page(
        title=f"Features of {store['model']}, layer {store['layer']}",
        headline=headline,
        findings=findings,
        notices=_notices(results),
        links=[
            (
                f"{r['run']}/index.html",
                f"{r['label']}, {r['width']:g}x",
                f"{r['n_components']} features, L0 {r['metrics']['l0']:.1f}",
            )
            for r in there
        ],
        sections=[s for s in _sections(results, marks) if s.tables or s.curves],
        facts=_facts(results),
        records=_Labels(results.methods),
        keys={method: key(mark) for method, mark in marks.items()},
        definitions=definitions(),
    )


def _sections(results: StudyResults, marks: Mapping[str, Mark]) -> list[Section]:
    found = measures(results)
    quality = ["explained_variance", *found]

    def metric(name: str) -> Any:
        return lambda m, w: results.metric(name, method=m, width=w)

    def of_fit(name: str) -> Any:
        return lambda m, w: results.spread(lambda r: r[name], method=m, width=w, middle=True)

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
                by_width(results, f"{measure_label(n)[:1].upper()}{measure_label(n)[1:]} at {middle}", metric(n))
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
            "Of a fit, without its evaluation.",
            [by_width(results, "Seconds of CPU", of_fit("fit_cpu_seconds"), best="lowest", digits=1)],
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


def _notices(results: StudyResults) -> list[str]:
    told = list(results.header.get("notices", []))
    for record in results.failed:
        error = record["error"]
        told.append(f"{record['cell']} failed: {error['type']}: {error['message']}")
    return told


def _facts(results: StudyResults) -> list[tuple[str, str]]:
    header, study = results.header, results.header["study"]
    store = header["store"]
    return [
        ("tokens", f"{store['n_tokens']} of {store['n_documents']} documents"),
        ("dimensions", str(store["n_features"])),
        ("learned from", f"{header['fit_tokens']} tokens"),
        ("held out", f"{header['held_out_documents']} documents"),
        ("described", f"{header['described_tokens']} tokens, held-out documents first"),
        ("steps", f"{study['n_steps']} of autoencoders, {study['ica_steps']} of ICA"),
        ("seeds", f"{study['seeds']}; one at widths above {study['full_width']:g}x"),
        *((name, str(value)) for name, value in header["versions"].items()),
    ]


def _write_features(results: StudyResults, store: ActivationStore) -> None:
    runs = described(results)
    if not runs:
        return
    folder = results.folder
    rows = np.load(folder / "fits" / "described.npy")
    documents = store.document_ids[rows]
    write_tokens(folder, store, rows)
    X = np.asarray(store.activations[rows])
    dictionaries = {r["run"]: read_dictionary(folder, r["job"]) for r in runs}
    labels = {r["run"]: f"{r['label']}, {r['width']:g}x" for r in runs}
    for record in runs:
        codes = read_codes(folder, record["job"])
        assert codes is not None
        if codes.shape[0] != len(rows):
            continue
        rows_of_run = dictionaries[record["run"]]
        residual = X - (codes @ rows_of_run + read_offset(folder, record["job"]))
        features = describe_features(
            codes, documents, residual, rows_of_run, signed=record["signed"]
        )
        alike = {r["run"]: dictionaries[r["run"]] for r in runs if r["width"] == record["width"]}
        write_feature_pages(
            folder,
            record["run"],
            features,
            codes,
            rows_of_run,
            documents,
            title=labels[record["run"]],
            lede=_lede(record),
            signed=record["signed"],
            labels=labels,
            partners=partners(alike, record["run"]),
        )


def _lede(record: Record) -> str:
    figures = record["metrics"]
    return (
        f"{record['n_components']} features, {figures['l0']:.1f} active at a token; explained variance "
        f"{figures['explained_variance']:.3f} on held-out documents. Contribution is what a feature adds to the log "
        "evidence of a token, all others as they are."
    )
