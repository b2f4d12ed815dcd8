"""From the fits of a study to the pages of their features."""

from __future__ import annotations

import numpy as np

from overica.lm.features.agreement import partners
from overica.lm.features.describe import describe_features
from overica.lm.features.pages import write_feature_pages, write_tokens
from overica.lm.store.activation_store import ActivationStore
from overica.lm.study.feature_study import read_codes, read_dictionary, read_offset
from overica.lm.study.results import Record, StudyResults


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
            codes, documents, residual, rows_of_run, nonnegative=record["nonnegative"]
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
            nonnegative=record["nonnegative"],
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
