"""Which units suit the samples: short runs in each, judged by held-out evidence in units of X."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from overica.learning.ascent import LearningError
from overica.learning.calibration import calibrate
from overica.learning.evidence import enough_judges, log_evidence
from overica.learning.fitting import Fit
from overica.learning.units import Units

_SHARE = 0.2
"""Of the main run's steps, on batches of half its size: enough for annealing to come down, and for evidence to tell."""
_MARGIN, _CROWDED = 0.05, 0.2
"""Nats per dimension by which units must be better than white ones, since short runs differ by as much by chance; the
latter for plain ones with more components than dimensions. Noise that is isotropic in x is modelled better in plain
units, yet so many columns are found better in white ones until it is strong."""
_JUDGES = 500


def race_units(fit: Fit, candidates: Sequence[Units], n_components: int) -> Units:
    """The units of highest evidence: the first, unless others are clearly better.

    In each a run of a few steps with just as many columns as wanted, from a start of its own; then noise and
    penalty are set, and the evidence of the held-out samples is compared as a density of x. All of that is noted
    nowhere, and the generator of the fit stays as it was, so that what is learned in the units chosen is what would
    have been learned had they been asked for.

    Parameters
    ----------
    fit : Fit
    candidates : sequence of Units
        White ones first, plain ones last, see `overica.learning.whitening`. Of equal dimensions, since
        densities of unlike dimensions do not compare.
    n_components : int
    """
    if len(candidates) == 1:
        return candidates[0]
    margins = np.full(len(candidates), _MARGIN)
    margins[0] = 0.0
    if n_components > candidates[0].n_dimensions:
        margins[-1] = _CROWDED
    scores = [_evidence(fit, units, n_components) for units in candidates]
    return candidates[int(np.argmax(scores - margins * candidates[0].n_dimensions))]


def _evidence(fit: Fit, units: Units, n_components: int) -> float:
    samples = fit.samples.measured_in(units)
    trial = replace(fit, samples=samples, rng=copy.deepcopy(fit.rng), history={})
    return trial.stage("units", lambda: _raced(trial, n_components))


def _raced(trial: Fit, n_components: int) -> float:
    samples, ascent = trial.samples, trial.settings.ascent(_SHARE)
    model = replace(trial.template, mixing=trial.start(n_components))
    ascent = replace(ascent, batch_size=-(-ascent.batch_size // 2))
    try:
        state = trial.walk(ascent, model)
    except LearningError:
        return -np.inf
    judges = samples.held_out[: min(_JUDGES, enough_judges(state.model))]
    X = samples.draw(2 * len(judges), trial.rng)
    model = calibrate(state.model, X, judges, noise_variance=trial.noise_variance, scales=False)
    return float(log_evidence(model, judges).mean()) + samples.units.log_det
