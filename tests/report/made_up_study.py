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
    "oracle": {"label": "True dictionary", "family": "baseline"},
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


def header(methods, datasets, n_seeds, **more):
    return {
        "kind": "known_truth",
        "study": {
            "datasets": [{"name": name, "label": name} for name in datasets],
            "methods": [{"name": name, "label": name} for name in methods],
            "n_seeds": n_seeds,
            "levels": list(LEVELS),
            "n_samples": None,
            "sae": {"n_steps": 1000},
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
        **more,
    }


def unit_rows(A):
    return A / np.linalg.norm(A, axis=1, keepdims=True)


def true_directions(size):
    return unit_rows(np.random.default_rng(7).standard_normal((size[1], size[0])))


def learned_directions(rng, true, quality):
    """Some close to the true ones and some far, the more of these the lower the quality."""
    error = (1 - quality) * rng.exponential(size=(len(true), 1))
    return unit_rows(true + error * rng.standard_normal(true.shape) / np.sqrt(true.shape[1]) * 4)


def figure(value, chance=None, best=None):
    value = None if value is None else float(value)
    return {"value": value, "chance": chance, "best": best}


def multiples(method):
    """Levels of a method, as multiples of the true L0; None is codes of its own."""
    return (None, *LEVELS) if method in ("ica", "pca") else LEVELS


def heading(dataset, size, method, entry, multiple, seed):
    target = None if multiple is None else multiple * size[2]
    level = "own" if target is None else f"l0={target:g}"
    return {
        "cell": f"{dataset}/{method}/{level}/{seed}",
        "config": "0123",
        "dataset": dataset,
        "method": method,
        "label": entry["label"],
        "family": entry["family"],
        "reference": method in ("oracle", "random"),
        "identifiable": True,
        "target_l0": target,
        "multiple": multiple,
        "matched": multiple == 1.0,
        "seed": seed,
    }


def record(dataset, size, method, entry, multiple, seed, rng):
    n_features, n_components, true_l0 = size
    quality = float(np.clip(QUALITY[method] + 0.03 * rng.standard_normal(), 0, 1))
    if multiple is not None and entry["family"] == "sae":
        quality *= 1 - 0.12 * abs(np.log2(multiple)) ** 1.5
    if method == "oracle":
        quality = 1.0
    l0 = true_l0 * (multiple or 1.4) * np.exp(0.05 * rng.standard_normal())
    if method == "pca" and multiple is None:
        l0 = float(n_features)
    true = true_directions(size)
    learned = learned_directions(rng, true, quality)
    cosines = learned @ true.T
    largest = np.abs(cosines).max(axis=1)
    at_random = np.abs(unit_rows(rng.standard_normal(true.shape)) @ true.T).max(axis=1)
    chance = {2: 0.72, 3: 0.65}.get(n_features, 0.45)
    edges = np.linspace(0, 1, 21)
    pairs = np.abs(np.diag(cosines))
    f1 = 0.2 + 0.75 * quality
    explained = 0.98 * (1 - (1 - 0.9 * quality) * np.exp(-0.6 * l0 / true_l0))
    return {
        **heading(dataset, size, method, entry, multiple, seed),
        "status": "ok",
        "error": None,
        "encoder": "own",
        "n_components": n_components,
        "fit_seconds": float(rng.gamma(3.0)),
        "fit_cpu_seconds": float(rng.gamma(3.0)),
        "fit_flops": float(1e9 * rng.gamma(3.0)) if entry["family"] != "baseline" else None,
        "metrics": {
            "mean_cosine": figure(pairs.mean(), chance, 1.0),
            "share_recovered": figure((pairs > 0.98).mean(), 0.0, 1.0),
            "mean_max_cosine": figure(largest.mean(), chance, 1.0),
            "composition_index": figure(1 + 2 * (1 - quality), 3.1, 1.0),
            "precision": figure(f1 + 0.02, 0.1, 1.0),
            "recall": figure(f1 - 0.02, 0.1, 1.0),
            "f1": figure(f1, 0.1, 1.0),
            "code_correlation": figure(0.97 * f1, 0.0, 1.0),
            "shrinkage": figure(1 - 0.3 * (1 - quality), 0.4, 1.0),
            "monosemanticity": figure(None),
            "explained_variance": figure(explained, 0.41, 0.98),
            "l0": figure(l0, None, true_l0),
            "dead_share": figure(max(0.0, 0.2 - 0.2 * quality), 0.0, 0.0),
        },
        "encoders": {
            name: {
                "f1": figure(min(f1 + 0.04 * i, 1.0), 0.1, 1.0),
                "code_correlation": figure(min(f1 + 0.03 * i, 1.0), 0.0, 1.0),
                "explained_variance": figure(min(explained + 0.01 * i, 1.0), 0.41, 0.98),
            }
            for i, name in enumerate(ENCODERS)
        },
        "split": {
            "floor": 0.02,
            "dictionary": 0.5 * (1 - quality),
            "inference": 0.2 * (1 - quality) - (0.02 if method == "ica" else 0.0),
            "magnitude": 0.1 * (1 - quality) + 0.01,
            "total": 0.03 + 0.8 * (1 - quality) - (0.02 if method == "ica" else 0.0),
        },
        "histogram": {
            "edges": edges.tolist(),
            "learned": np.histogram(largest, edges)[0].tolist(),
            "random": np.histogram(at_random, edges)[0].tolist(),
        },
        "directions": (
            {"learned": learned.tolist(), "true": true.tolist()} if n_features <= 3 else None
        ),
        "cosines": cosines.round(3).tolist() if seed == 0 else None,
        "warnings": ["ConvergenceWarning: not there yet"] if method == "gated" else [],
    }


def failed(cell, kind="FloatingPointError", message="the loss is NaN at step 120"):
    """The record of the same cell after an error."""
    kept = ("cell", "config", "dataset", "method", "label", "family", "reference", "identifiable")
    return {
        **{name: cell[name] for name in (*kept, "target_l0", "multiple", "matched", "seed")},
        "status": "failed",
        "error": {"type": kind, "message": message},
    }


def write_study(folder, *, methods=METHODS, sizes=SIZES, n_seeds=3, change=None, **more):
    """Write ``study.json`` and ``results.jsonl``; `change` maps a record to another, or None."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(header(methods, sizes, n_seeds, **more))
    (folder / "study.json").write_text(text, encoding="utf-8")
    rng = np.random.default_rng(0)
    with (folder / "results.jsonl").open("w", encoding="utf-8") as stream:
        for dataset, size in sizes.items():
            for method, entry in methods.items():
                for multiple in multiples(method):
                    for seed in range(n_seeds):
                        cell = record(dataset, size, method, entry, multiple, seed, rng)
                        cell = change(cell) if change else cell
                        if cell:
                            stream.write(json.dumps(cell) + "\n")
    return folder
