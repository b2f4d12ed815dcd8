"""Noise level and scales of a learned mixing matrix, by the evidence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from overica.learning.evidence import judge
from overica.learning.posterior import Model, infer

_LOWEST = 1e-8
_HIGHEST = 1e2
_FACTOR = 2.0


def calibrate(model: Model, X: np.ndarray, judges: np.ndarray) -> Model:
    """The noise variance of highest held-out evidence, with the scales that belong to it.

    Directions stay. From the level at which they were learned the noise goes down (if that does not help: up) by
    factors of two as long as the evidence of `judges` rises; at every level the scales are set anew. Annealing ends
    above the true noise on purpose, so this is where the noise is learned.

    Parameters
    ----------
    model : Model
    X : array (n_samples, n_features)
        Normalised samples that the scales are fitted to.
    judges : array (n_samples, n_features)
        Normalised samples whose evidence decides.
    """
    best, best_score = judge(rescale(model, X), judges)
    for factor in (1 / _FACTOR, _FACTOR):
        moved = False
        while _LOWEST < best.noise_variance * factor < _HIGHEST:
            moved_model = replace(best, noise_variance=best.noise_variance * factor)
            trial, score = judge(rescale(moved_model, X), judges)
            if not score > best_score:
                break
            best, best_score, moved = trial, score, True
        if moved:
            break
    return best


def rescale(model: Model, X: np.ndarray, rounds: int = 2) -> Model:
    """The model with column norms at the equilibrium of the evidence: mean size one of the active codes.

    Along a column the evidence gradient is ``E[active_j (|s_j| - 1)]``; columns that are never active keep their norm.
    """
    for _ in range(rounds):
        posterior = infer(model, X)
        total = np.abs(posterior.codes).sum(axis=0)
        count = posterior.activity
        size = np.where(count > 0, total / np.maximum(count, 1e-300), 1.0)
        model = replace(model, mixing=model.mixing * np.clip(size, 0.1, 10.0))
    return model


def usage(model: Model, X: np.ndarray) -> np.ndarray:
    """Mean absolute code times norm of every column: how much of the data it carries, (n_components,)."""
    codes = infer(model, X).codes
    return np.asarray(np.abs(codes).mean(axis=0) * np.linalg.norm(model.mixing, axis=0))
