"""Steps on batches of data that never end, for either kind of model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from overica.learning import determined
from overica.learning.ascent import State
from overica.learning.fitting import FitSettings
from overica.learning.relative import step_stream

_SHARE = 0.1
"""Of a Newton step on one batch, at a learning rate of one: batches of ten steps ago still count."""


def advance_stream(settings: FitSettings, state: State, batch: np.ndarray) -> dict[str, float]:
    """One step on the next batch, in place; the step's figures.

    A model of penalty zero takes a relative Newton step with the densities that it has, any other a step of its rule.
    """
    model = state.model
    if model.penalty:
        return settings.ascent().advance_stream(state, batch)
    rate = _SHARE * settings.learning_rate
    A = step_stream(model.mixing, model.prior, batch, rate)
    change = np.linalg.norm(A - model.mixing, axis=0) / np.linalg.norm(model.mixing, axis=0)
    state.model = replace(model, mixing=A)
    state.step += 1
    residual = batch - determined.codes(A, batch) @ A.T
    norms = np.linalg.norm(A, axis=0)
    power = float((batch**2).sum())
    return {
        "penalty": 0.0,
        "learning_rate": rate,
        "n_active": float(A.shape[1]),
        "unexplained": float((residual**2).sum()) / power if power > 0 else 0.0,
        "dead": 0.0,
        "smallest_norm": float(norms.min()),
        "largest_norm": float(norms.max()),
        "relative_change": float(np.median(change)),
        "log_evidence": float("nan"),
    }
