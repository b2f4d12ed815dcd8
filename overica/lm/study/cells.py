"""One fit of a study and the records of its levels; what goes wrong ends up in the record."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from overica.coding import Dictionary, Featuriser, SparseCoder
from overica.lm.features.agreement import cluster_figures
from overica.lm.features.densities import fit_densities
from overica.lm.study.data import StudyData
from overica.lm.study.feature_config import FeatureStudyConfig, Job
from overica.lm.study.feature_methods import FEATURE_METHODS, Assignment, exact_coder
from overica.metrics import dead_share, explained_variance, max_cosine_histogram

_CHUNK = 4096
_FEWEST = 50
"""Firings that a feature needs for its density to be judged."""

Record = dict[str, Any]
Substitute = Callable[[Featuriser], dict[str, float]]
"""What becomes of the model's output with a featuriser's reconstructions, in figures."""


class FitResult:
    """What one fit leaves: a record per level, its dictionary, and the codes behind its pages."""

    def __init__(self, records: list[Record]) -> None:
        self.records = records
        self.dictionary: Dictionary | None = None
        self.codes: sparse.csc_matrix | None = None
        self.featuriser: Featuriser | None = None
        """What gave the codes."""
        self.parents: np.ndarray | None = None
        """Where the fit has learned which feature needs which: `OvercompleteICA.parents_`."""


def run_job(
    job: Job, config: FeatureStudyConfig, data: StudyData, substitute: Substitute | None
) -> FitResult:
    """Fit, and judge at every level. No exception leaves this function but KeyboardInterrupt and its like."""
    heading = [_heading(job, config, data, level) for level in job.levels]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = _run(job, config, data, substitute, heading)
        except Exception as error:
            told = {"type": type(error).__name__, "message": str(error) or repr(error)}
            result = FitResult([h | {"status": "failed", "error": told} for h in heading])
    texts = sorted({f"{w.category.__name__}: {w.message}" for w in caught})[:5]
    for record in result.records:
        record["warnings"] = texts
    return result


def _heading(job: Job, config: FeatureStudyConfig, data: StudyData, level: float) -> Record:
    method = FEATURE_METHODS[job.method]
    return {
        "cell": f"{job.run}/{level:g}/{job.seed}",
        "job": job.name,
        "run": job.run,
        "config": config.hash_of(job, data.facts()),
        "method": job.method,
        "label": method.label,
        "family": method.family,
        "nonnegative": method.nonnegative,
        "width": job.width,
        "n_components": round(job.width * data.store.n_features),
        "target_l0": level,
        "seed": job.seed,
        "middle": level == config.middle,
    }


def _run(
    job: Job, config: FeatureStudyConfig, data: StudyData, substitute: Substitute | None,
    heading: list[Record],
) -> FitResult:  # fmt: skip
    method = FEATURE_METHODS[job.method]
    assignment = Assignment(
        heading[0]["n_components"], job.levels[0], config.seed + job.seed, config.n_steps,
        config.ica_steps,
    )  # fmt: skip
    started = time.process_time()
    learner = method.fit(assignment, data.fit)
    seconds = time.process_time() - started
    dictionary = learner.dictionary
    of_fit = {
        "status": "ok",
        "error": None,
        "fit_cpu_seconds": seconds,
        "evidence": learner.evidence(data.test[: config.n_scored]),
        "facts": learner.facts(),
        "clusters": cluster_figures(dictionary.components, nonnegative=method.nonnegative),
        "nearest": _histogram(dictionary, method.nonnegative),
    }
    result = FitResult([])
    result.dictionary, result.parents = dictionary, getattr(learner, "parents", None)
    for record in heading:
        featuriser = learner.at(record["target_l0"], data.fit)
        figures = judge_all(featuriser, dictionary, config, data, substitute)
        if record["middle"]:
            exact = figures
            if not isinstance(featuriser, SparseCoder):
                # What its directions are worth, its own encoder aside.
                unit = dictionary.unit()
                coder = exact_coder(
                    unit, data.fit, record["target_l0"], nonnegative=method.nonnegative
                )
                exact = judge_all(coder, unit, config, data, substitute)
            figures = figures | {f"exact_{name}": value for name, value in exact.items()}
        result.records.append(record | of_fit | {"metrics": figures})
        if record["middle"] and not job.seed and len(data.described):
            result.codes, result.featuriser = (
                described_codes(featuriser, dictionary, data),
                featuriser,
            )
            result.records[-1]["densities"] = density_figures(result.codes)
    return result


def judge_all(
    featuriser: Featuriser, dictionary: Dictionary, config: FeatureStudyConfig, data: StudyData,
    substitute: Substitute | None,
) -> dict[str, float]:  # fmt: skip
    """The figures of `judge`, and those of the substitution where there is one."""
    figures = judge(featuriser, dictionary, data.test[: config.n_evaluated])
    return figures if substitute is None else figures | substitute(featuriser)


def judge(featuriser: Featuriser, dictionary: Dictionary, X: np.ndarray) -> dict[str, float]:
    """L0, explained variance and dead share on held-out samples."""
    codes = dictionary.encode(featuriser, X)
    decoded = dictionary.decode(codes)
    return {
        "l0": float(np.count_nonzero(codes) / len(codes)),
        "explained_variance": explained_variance(X, decoded, codes),
        "dead_share": dead_share(X, decoded, codes),
        "positive_share": float((codes > 0).sum() / max(np.count_nonzero(codes), 1)),
        "residual_variance": float(((X - decoded) ** 2).mean()),
    }


def described_codes(
    featuriser: Featuriser, dictionary: Dictionary, data: StudyData
) -> sparse.csc_matrix:
    """Codes of the described rows, (n_described, n_components), in units of X."""
    parts = []
    for start in range(0, len(data.described), _CHUNK):
        X = np.asarray(data.store.activations[data.described[start : start + _CHUNK]])
        parts.append(sparse.csr_matrix(dictionary.encode(featuriser, X).astype(np.float32)))
    return sparse.vstack(parts).tocsc()


def density_figures(codes: sparse.csc_matrix) -> dict[str, Any]:
    """How often each density is the best for a feature's sizes, and how far off each is, over all features.

    Returns
    -------
    dict
        `features`, the number with at least 50 firings; `best`, by density the share of features for which its
        likelihood is the highest; `distance`, its median Kolmogorov-Smirnov distance; `gain`, nats per firing above
        the exponential, the median over the features; `one_sided`, the median over features of the share of firings
        that have the feature's more common sign.
    """
    best: dict[str, int] = {}
    distances: dict[str, list[float]] = {}
    gains: dict[str, list[float]] = {}
    sides = []
    for j in range(codes.shape[1]):
        values = codes.data[codes.indptr[j] : codes.indptr[j + 1]]
        if len(values) < _FEWEST:
            continue
        fits = fit_densities(np.abs(values))
        if not fits:
            continue
        positive = float((values > 0).mean())
        sides.append(max(positive, 1 - positive))
        winner = max(fits, key=lambda name: fits[name].log_likelihood)
        best[winner] = best.get(winner, 0) + 1
        for name, fit in fits.items():
            distances.setdefault(name, []).append(fit.distance)
            gain = fit.log_likelihood - fits["exponential"].log_likelihood
            gains.setdefault(name, []).append(gain)
    n = len(sides)
    return {
        "features": n,
        "best": {name: best.get(name, 0) / n for name in distances},
        "distance": {name: float(np.median(values)) for name, values in distances.items()},
        "gain": {name: float(np.median(values)) for name, values in gains.items()},
        "one_sided": float(np.median(sides)) if n else float("nan"),
    }


def _histogram(dictionary: Dictionary, nonnegative: bool) -> dict[str, list[float]]:
    """Cosine of each feature with its nearest other one, beside random directions."""
    # Directions of dead features are zero, and near nothing.
    alive = dictionary.components[(dictionary.components != 0).any(axis=1)]
    if len(alive) < 2:
        return {}
    found = max_cosine_histogram(alive.T, None, nonnegative, n_bins=40, n_draws=1, random_state=0)
    return {name: np.asarray(values).tolist() for name, values in found._asdict().items()}
