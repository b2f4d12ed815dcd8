"""From more columns than sources to as many as the evidence asks for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from overica.learning.evidence import judge
from overica.learning.fitting import Fit
from overica.learning.posterior import Model

PRICE = 0.02
"""Nats per sample that a column must be worth to stay.

Surplus columns change the evidence by less than .005 each, which is what the approximation and a thousand judges
resolve; a true one is worth ten times the price or more.
"""


def prune(fit: Fit, model: Model, judges: np.ndarray) -> Model:
    """Drop the column that is present least, refine the rest, and go on while held-out evidence stays.

    A surplus column is either never present, or a copy that shares the samples of a true one; without it the rest
    explain as much once they have been refined. Without a true one they do not, and the fall of the evidence ends
    the search: the model before it is returned.

    Parameters
    ----------
    fit : Fit
        Samples, and the settings of a refining run.
    model : Model
        With surplus columns.
    judges : array (n_samples, n_features)
        Normalised samples whose evidence decides.
    """
    penalty = model.penalty

    def refined(model: Model) -> tuple[Model, float]:
        # Refined at the level of noise at which learning ends, judged at the one that calibration found: at
        # the first, noise explains some of what a missing column leaves.
        found = fit.run(fit.settings.refining(), replace(model, presence=1.0))
        return judge(replace(found, penalty=penalty), judges)

    kept, score = refined(model)
    while kept.mixing.shape[1] > 1:
        weight = kept.presence * np.linalg.norm(kept.mixing, axis=0)
        fewer = replace(kept, mixing=np.delete(kept.mixing, np.argmin(weight), axis=1))
        trial, trial_score = refined(fewer)
        if trial_score < score - PRICE:
            break
        kept, score = trial, max(trial_score, score)
    return kept
