"""From the fits of a study to the pages of their features."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from overica.lm.features.agreement import partners
from overica.lm.features.describe import describe_features
from overica.lm.features.logit_lens import lens_of
from overica.lm.features.pages import write_feature_pages, write_tokens
from overica.lm.features.record import Run, Source
from overica.lm.store.activation_store import ActivationStore
from overica.lm.study.feature_study import read_codes, read_dictionary
from overica.lm.study.results import Record, StudyResults
from overica.persistence import read_arrays


def described(results: StudyResults) -> list[Record]:
    """Fits that have pages."""
    return [
        r for r in results.runs() if (results.folder / "fits" / f"{r['job']}-codes.npz").is_file()
    ]


def write_all_features(results: StudyResults, store: ActivationStore) -> None:
    """Pages of every described fit, and what they share."""
    runs = described(results)
    if not runs:
        return
    folder = results.folder
    rows = np.load(folder / "fits" / "described.npy")
    write_tokens(folder, store, rows)
    dictionaries = {r["run"]: read_dictionary(folder, r["job"]) for r in runs}
    labels = {r["run"]: f"{r['label']}, {r['width']:g}x" for r in runs}
    lens = lens_of(store)
    for record in runs:
        run = _run(folder, record, store, rows, labels[record["run"]])
        if run is None:
            continue
        alike = {r["run"]: dictionaries[r["run"]] for r in runs if r["width"] == record["width"]}
        write_feature_pages(
            folder, run, labels=labels, partners=partners(alike, run.name), lens=lens
        )


def _run(
    folder: Path, record: Record, store: ActivationStore, rows: np.ndarray, title: str
) -> Run | None:
    """A fit with its features described; None if its codes are of other tokens."""
    codes = read_codes(folder, record["job"])
    if codes is None or codes.shape[0] != len(rows):
        return None
    documents, fit = store.document_ids[rows], f"fits/{record['job']}"
    arrays = read_arrays(folder / f"{fit}.npz")
    components = arrays["components"]
    residual = np.asarray(store.activations[rows]) - (codes @ components + arrays["offset"])
    return Run(
        name=record["run"],
        title=title,
        lede=_lede(record),
        nonnegative=record["nonnegative"],
        source=Source(
            model=store.metadata["model"],
            layer=store.metadata["layer"],
            context=store.metadata["context"],
            fingerprint=store.metadata.get("fingerprint"),
            dictionary=f"{fit}.npz",
            encoder=f"{fit}-encoder.npz" if (folder / f"{fit}-encoder.npz").is_file() else None,
            n_active=record["target_l0"],
        ),
        features=describe_features(
            codes, documents, residual, components, nonnegative=record["nonnegative"]
        ),
        codes=codes,
        components=components,
        documents=documents,
        parents=arrays.get("parents"),
    )


def _lede(record: Record) -> str:
    figures = record["metrics"]
    return (
        f"{record['n_components']} features, {figures['l0']:.1f} active at a token; explained variance "
        f"{figures['explained_variance']:.3f} on held-out documents. Contribution is what a feature adds to the log "
        "evidence of a token, all others as they are."
    )
