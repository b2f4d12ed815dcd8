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

    A surplus column is either never present, and the rest explain as much without it as they are, or a copy that
    shares the samples of a true one, and they do once they have been refined. Without a true one they do not, and the
    fall of the evidence ends the search: the model before it is returned.

    The rest are refined only where the fall asks for it. Two refining runs see other samples and end a little apart,
    which at low noise is worth more nats than a surplus column: .1 of them in eight dimensions with noise of .017.

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

    def judged(model: Model) -> tuple[Model, float]:
        # At the penalty that calibration found. At that of the noise at which learning ends, noise explains some of
        # what a missing column leaves.
        return judge(replace(model, penalty=penalty), judges)

    def refined(model: Model) -> tuple[Model, float]:
        return judged(fit.run(fit.settings.refining(), model))

    kept, score = refined(replace(model, presence=1.0))
    while kept.mixing.shape[1] > 1:
        weight = kept.presence * np.linalg.norm(kept.mixing, axis=0)
        rest = np.delete(kept.mixing, np.argmin(weight), axis=1)
        fewer = replace(kept, mixing=rest, presence=1.0)
        trial, trial_score = judged(fewer)
        if trial_score < score - PRICE:
            trial, trial_score = refined(fewer)
        if trial_score < score - PRICE:
            break
        kept, score = trial, max(trial_score, score)
    return kept
