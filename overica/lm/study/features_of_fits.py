"""From the fits of a study to the pages of their features."""

from __future__ import annotations

import numpy as np

from overica.lm.features.agreement import partners
from overica.lm.features.describe import describe_features
from overica.lm.features.pages import write_feature_pages, write_tokens
from overica.lm.store.activation_store import ActivationStore
from overica.lm.study.described import codes_of
from overica.lm.study.feature_results import FeatureResults, run_name
from overica.studies.spread import Cell, metric_value


def described(results: FeatureResults) -> list[Cell]:
    """Fits whose codes are kept, and that have pages."""
    return [run for run in results.runs() if "codes" in (run.get("kept") or {})]


def write_all_features(results: FeatureResults, store: ActivationStore) -> None:
    """Pages of every described fit, and what they share."""
    runs = described(results)
    if not runs or results.folder is None:
        return
    kept = {run_name(run): results.kept(run["cell"], "codes") for run in runs}
    rows = kept[run_name(runs[0])]["rows"]
    documents = store.document_ids[rows]
    write_tokens(results.folder, store, rows)
    X = np.asarray(store.activations[rows])
    learned = {run_name(run): results.kept(run["cell"], "dictionaries") for run in runs}
    labels = {run_name(run): results.title(run) for run in runs}
    for run in runs:
        name = run_name(run)
        codes, components = codes_of(kept[name]), learned[name]["components"]
        features = describe_features(
            codes,
            documents,
            X - (codes @ components + learned[name]["offset"]),
            components,
            nonnegative=run["nonnegative"],
        )
        alike = [run_name(r) for r in runs if r["width"] == run["width"]]
        write_feature_pages(
            results.folder,
            name,
            features,
            codes,
            components,
            documents,
            title=labels[name],
            lede=_lede(run),
            nonnegative=run["nonnegative"],
            labels=labels,
            partners=partners({each: learned[each]["components"] for each in alike}, name),
        )


def _lede(run: Cell) -> str:
    return (
        f"{run['n_components']} features, {metric_value(run, 'l0'):.1f} active at a token; explained variance "
        f"{metric_value(run, 'explained_variance'):.3f} on held-out documents. Contribution is what a feature adds to "
        "the log evidence of a token, all others as they are."
    )
