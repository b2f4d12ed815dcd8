"""The page of a study of activations, and the pages of its features, from its folder."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from overica.lm.features.agreement import partners
from overica.lm.features.describe import describe_features
from overica.lm.features.logit_lens import lens_of
from overica.lm.features.pages import write_feature_pages, write_tokens
from overica.lm.features.record import Run, Source
from overica.lm.store.activations import Activations
from overica.lm.store.place import place_of
from overica.lm.study.data import codes_of
from overica.lm.study.feature_config import FeatureStudyConfig
from overica.lm.study.feature_results import FeatureResults, run_name
from overica.lm.study.sections import over_widths, sections
from overica.lm.study.verdict import answer, findings, main_metric
from overica.report import Page, marks_of, notices_of, write_page
from overica.report.phrases import listed, unbroken
from overica.report.tables import cost_tables
from overica.studies import Store
from overica.studies.levels import missed
from overica.studies.spread import Cell, metric_value
from overica.studies.store import MODELS

_READING = {
    "chance": "Of a share that is explained or recovered: the mean activation in place of every one, which has 0. Of "
    "matches: as many directions drawn with the covariance of the data. Of the evidence: a Gaussian.",
    "2x": "Twice as many features as the activations have dimensions. Widths above `full_width` of the set-up have one "
    "seed and one level.",
}


def write_study_pages(folder: str | os.PathLike[str], store: Activations | None = None) -> Path:
    """Write ``index.html`` of a study's folder and, with the store, the pages of its features.

    Parameters
    ----------
    folder : path
        Where a `FeatureStudy` left its results; all of them or a part.
    store : Activations, optional
        The activations that it was of. Without them, pages of features that are there stay as they are.

    Returns
    -------
    Path
        Of ``index.html``.

    Raises
    ------
    FileNotFoundError
        If the folder is not that of a study.
    StudyError
        If it is that of another kind.
    """
    Store.check(Path(folder), FeatureStudyConfig.kind)
    results = FeatureResults.load(Path(folder))
    if store is not None:
        write_all_features(results, store)
    return write_page(build_page(results), Path(folder) / "index.html")


def build_page(results: FeatureResults) -> Page:
    """Put together what the records say, the answer first."""
    marks = marks_of(results)
    store, metric = results.header["store"], main_metric(results)
    return Page(
        kicker="overica features",
        question=f"Which features stand best for the activations of {place_of(store)}?",
        answer=unbroken(answer(results)),
        overview=over_widths(results, metric),
        remark=f"On held-out documents, every method with {results.middle:g} active features a token: mean over the "
        "seeds ± their standard deviation, coloured from 0, the mean activation in place of each, to 1, "
        "the activations themselves. ★ is the best of a column. Widths are features per dimension of the activations.",
        findings=[(theme, unbroken(text)) for theme, text in findings(results)],
        links=_links(results),
        sections=sections(results, marks),
        costs=[*cost_tables(results), *over_widths(results, "late_rise")],
        reading=[("Numbers", list(_READING.items()))],
        notices=_notices(results),
        facts=[
            ("tokens", f"{store['n_tokens']} of {store['n_documents']} documents"),
            ("dimensions", str(store["n_features"])),
        ],
        results=results,
        marks=marks,
    )


def _links(results: FeatureResults) -> list[tuple[str, str, str]]:
    """Pages of features that are there."""
    return [
        (
            f"{run_name(run)}/index.html",
            results.title(run),
            f"{run['n_components']} features, L0 {metric_value(run, 'l0'):.1f}",
        )
        for run in described(results)
        if results.folder and (results.folder / run_name(run) / "index.html").is_file()
    ]


def _notices(results: FeatureResults) -> list[str]:
    reasons = dict.fromkeys(cell.get("not_substituted") for cell in results.succeeded)
    told = [*notices_of(results), *(f"No substitution loss: {why}" for why in reasons if why)]
    off = [
        results.label(method)
        for method in results.methods
        if any(math.isfinite(missed(results.matched(what, method))) for what in results.whats)
    ]
    if off:
        told.append(
            f"On held-out documents the level of {results.middle:g} active features is missed by over 5 % by "
            f"{listed(off)}: compare with care."
        )
    return told


def described(results: FeatureResults) -> list[Cell]:
    """Fits whose codes are kept, and that have pages."""
    return [run for run in results.runs() if "codes" in (run.get("kept") or {})]


def write_all_features(results: FeatureResults, store: Activations) -> None:
    """Pages of every described fit, and what they share."""
    runs = {run_name(cell): cell for cell in described(results)}
    if not runs or results.folder is None:
        return
    codes = {name: results.kept(cell["cell"], "codes") for name, cell in runs.items()}
    rows = next(iter(codes.values()))["rows"]
    write_tokens(results.folder, store, rows)
    learned = {name: results.dictionary(cell["cell"]) for name, cell in runs.items()}
    labels = {name: results.title(cell) for name, cell in runs.items()}
    lens = lens_of(store)
    for name, cell in runs.items():
        alike = {n: learned[n] for n, other in runs.items() if other["width"] == cell["width"]}
        told = {"labels": labels, "partners": partners(alike, name), "lens": lens}
        run = _run(results, cell, store, codes_of(codes[name]), rows, **told)
        write_feature_pages(results.folder, run)


def _run(
    results: FeatureResults, cell: Cell, store: Activations, codes: sparse.csc_matrix, rows: np.ndarray, **told: Any
) -> Run:  # fmt: skip
    """A fit with its features described."""
    arrays = results.kept(cell["cell"], "dictionaries")
    components, documents = arrays["components"], store.document_ids[rows]
    residual = store.read(rows) - (codes @ components + arrays["offset"])
    return Run(
        name=run_name(cell),
        title=results.title(cell),
        lede=_lede(cell, store.without_texts),
        nonnegative=cell["nonnegative"],
        source=Source(
            **{n: store.metadata[n] for n in Source.places if n in store.metadata},
            dictionary=cell["kept"]["dictionaries"],
            encoder=cell["kept"].get("encoders") or cell["kept"].get(MODELS),
            n_active=cell["target_l0"],
        ),
        features=describe_features(
            codes, documents, residual, components, nonnegative=cell["nonnegative"]
        ),
        codes=codes,
        components=components,
        parents=arrays.get("parents"),
        **told,
    )


def _lede(run: Cell, without_texts: str | None) -> str:
    texts = "" if without_texts is None else f" Numbers stand for texts: {without_texts}."
    return (
        f"{run['n_components']} features, {metric_value(run, 'l0'):.1f} active at a token; explained variance "
        f"{metric_value(run, 'explained_variance'):.3f} on held-out documents. Contribution is what a feature adds to "
        f"the log evidence of a token, all others as they are.{texts}"
    )
