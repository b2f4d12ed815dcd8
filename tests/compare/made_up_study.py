"""A made-up study for the tests of the report: plausible figures, no fitting."""

import json
from pathlib import Path

import numpy as np

METHODS = {
    "ica": {"label": "overcomplete ICA", "family": "ica"},
    "relu": {"label": "ReLU/L1", "family": "sae"},
    "gated": {"label": "Gated", "family": "sae"},
    "topk": {"label": "TopK", "family": "sae"},
    "batchtopk": {"label": "BatchTopK", "family": "sae"},
    "matryoshka": {"label": "Matryoshka", "family": "sae"},
    "dictionary_learning": {"label": "Dictionary learning (scikit-learn)", "family": "baseline"},
    "pca": {"label": "PCA", "family": "baseline"},
    "random": {"label": "Random dictionary", "family": "baseline"},
    "oracle": {"label": "oracle", "family": "baseline", "oracle": True},
}
QUALITY = {
    "ica": 0.95,
    "relu": 0.6,
    "gated": 0.68,
    "topk": 0.75,
    "batchtopk": 0.82,
    "matryoshka": 0.85,
    "dictionary_learning": 0.8,
    "pca": 0.15,
    "random": 0.0,
    "oracle": 1.0,
}
SIZES = {"plane": (2, 3, 1.5), "sparse_random": (16, 32, 3.0), "hierarchy": (24, 48, 4.0)}
SIZES["three_features"] = (3, 5, 1.5)
LEVELS = (0.5, 1.0, 2.0)
ENCODERS = ("own", "map", "omp", "oracle_support")


def header(methods, datasets, n_seeds, **study):
    return {
        "study": {
            "datasets": list(datasets),
            "methods": list(methods),
            "n_seeds": n_seeds,
            "levels": list(LEVELS),
            **study,
        },
        "datasets": {
            name: {
                "description": f"{m} dimensions, {n} sources, {l0:g} active in a sample",
                "describe": {
                    "n_features": m,
                    "n_components": n,
                    "true_l0": l0,
                    "n_samples": 5000,
                    "noise_share": 0.05,
                    "rarest": 0.031,
                    "max_cosine": 0.71,
                    "mean_nearest_cosine": 0.48,
                    "chance": {"mean_cosine": 0.45, "share_recovered": 0.0},
                    "identifiable": True,
                    "reason": "columns in general position, sparse independent sources",
                },
            }
            for name, (m, n, l0) in datasets.items()
        },
        "methods": methods,
        "versions": {"overica": "0.1.0", "numpy": "2.4.6", "torch": "2.13.0"},
    }


def directions(rng, shape, quality):
    true = rng.standard_normal(shape)
    true /= np.linalg.norm(true, axis=1, keepdims=True)
    learned = quality * true + (1 - quality) * 0.8 * rng.standard_normal(shape)
    return learned / np.linalg.norm(learned, axis=1, keepdims=True), true


def record(dataset, size, method, factor, seed, rng):
    n_features, n_components, true_l0 = size
    target = None if factor is None else factor * true_l0
    quality = np.clip(QUALITY[method] + 0.03 * rng.standard_normal(), 0, 1)
    if factor is not None:
        quality *= 1 - 0.12 * abs(np.log2(factor)) ** 1.5
    if method == "oracle":
        quality = 1.0
    l0 = true_l0 * (factor or 1.1) * np.exp(0.05 * rng.standard_normal())
    if method == "pca":
        l0 = float(n_features)
    learned, true = directions(rng, (n_components, n_features), quality)
    cosines = learned @ true.T
    largest = np.abs(cosines).max(axis=1)
    random = np.abs(directions(rng, (n_components, n_features), 0.0)[0] @ true.T).max(axis=1)
    edges = np.linspace(0, 1, 21)
    mean_cosine = float(np.abs(np.diag(cosines)).mean())

    def figure(value, chance=None):
        return {"value": None if value is None else float(value), "chance": chance}

    f1 = 0.2 + 0.75 * quality
    explained = 1 - (1 - 0.9 * quality) * np.exp(-0.6 * l0 / true_l0)
    matched = factor in (None, 1.0)
    return {
        "cell": f"{dataset}/{method}/l0={target}/{seed}",
        "dataset": dataset,
        "method": method,
        "target_l0": target,
        "matched": matched,
        "seed": seed,
        "status": "ok",
        "error": None,
        "n_components": n_components,
        "fit_seconds": float(rng.gamma(3.0)),
        "fit_cpu_seconds": float(rng.gamma(3.0)),
        "fit_flops": float(1e9 * rng.gamma(3.0)),
        "metrics": {
            "mean_cosine": figure(mean_cosine, float(random.mean()) * 0.8),
            "share_recovered": figure((np.abs(np.diag(cosines)) > 0.98).mean(), 0.0),
            "mean_max_cosine": figure(largest.mean(), float(random.mean())),
            "precision": figure(f1 + 0.02, 0.1),
            "recall": figure(f1 - 0.02, 0.1),
            "f1": figure(f1, 0.1),
            "code_correlation": figure(0.97 * f1, 0.0),
            "shrinkage": figure(1 - 0.3 * (1 - quality)),
            "monosemanticity": figure(None),
            "explained_variance": figure(explained),
            "l0": figure(l0),
            "dead_share": figure(max(0.0, 0.2 - 0.2 * quality)),
        },
        "encoders": {
            name: {
                "f1": figure(min(f1 + 0.04 * i, 1.0), 0.1),
                "code_correlation": figure(min(f1 + 0.03 * i, 1.0), 0.0),
                "explained_variance": figure(min(explained + 0.01 * i, 1.0)),
            }
            for i, name in enumerate(ENCODERS)
        },
        "split": {
            "floor": 0.02,
            "dictionary": 0.5 * (1 - quality),
            "inference": 0.2 * (1 - quality) - (0.02 if method == "ica" else 0.0),
            "magnitude": 0.1 * (1 - quality) + 0.01,
        },
        "histogram": {
            "edges": edges.tolist(),
            "learned": np.histogram(largest, edges)[0].tolist(),
            "random": np.histogram(random, edges)[0].tolist(),
        },
        "directions": (
            {"learned": learned.tolist(), "true": true.tolist()} if n_features <= 3 else None
        ),
        "cosines": cosines.round(3).tolist() if seed == 0 else None,
    }


def failed(cell, kind="FloatingPointError", message="the loss is NaN at step 120"):
    kept = ("cell", "dataset", "method", "target_l0", "matched", "seed")
    return {
        **{name: cell[name] for name in kept},
        "status": "failed",
        "error": {"type": kind, "message": message},
    }


def write_study(folder, *, methods=METHODS, sizes=SIZES, n_seeds=3, change=None, **study):
    """Write ``study.json`` and ``results.jsonl``; `change` maps a record to another, or None."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.json").write_text(json.dumps(header(methods, sizes, n_seeds, **study)))
    rng = np.random.default_rng(0)
    with (folder / "results.jsonl").open("w", encoding="utf-8") as stream:
        for dataset, size in sizes.items():
            for method, entry in methods.items():
                for factor in LEVELS if entry["family"] == "sae" else (None,):
                    for seed in range(n_seeds):
                        cell = record(dataset, size, method, factor, seed, rng)
                        if change:
                            cell = change(cell)
                        if cell:
                            stream.write(json.dumps(cell) + "\n")
    return folder
