"""From the fits of a study to the pages of their features."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from overica.lm.features.agreement import partners
from overica.lm.features.describe import describe_features
from overica.lm.features.logit_lens import lens_of
from overica.lm.features.pages import write_feature_pages, write_tokens
from overica.lm.features.record import Run, Source
from overica.lm.store.activations import Activations
from overica.lm.study.described import codes_of
from overica.lm.study.feature_results import FeatureResults, run_name
from overica.studies.spread import Cell, metric_value
from overica.studies.store import MODELS


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
        run = _run(results, cell, store, codes_of(codes[name]), rows)
        alike = {n: learned[n] for n, other in runs.items() if other["width"] == cell["width"]}
        write_feature_pages(
            results.folder, run, labels=labels, partners=partners(alike, name), lens=lens
        )


def _run(
    results: FeatureResults,
    cell: Cell,
    store: Activations,
    codes: sparse.csc_matrix,
    rows: np.ndarray,
) -> Run:
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
        documents=documents,
        parents=arrays.get("parents"),
    )


def _lede(run: Cell, without_texts: str | None) -> str:
    texts = "" if without_texts is None else f" Numbers stand for texts: {without_texts}."
    return (
        f"{run['n_components']} features, {metric_value(run, 'l0'):.1f} active at a token; explained variance "
        f"{metric_value(run, 'explained_variance'):.3f} on held-out documents. Contribution is what a feature adds to "
        f"the log evidence of a token, all others as they are.{texts}"
    )
