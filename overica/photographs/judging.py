"""One method at one overcompleteness: its free parameter chosen, its basis judged."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from overica.photographs.basis_learners import Method
from overica.photographs.code_length import CoefficientCost, coding_cost, coefficient_cost
from overica.photographs.density import DictionaryDensity
from overica.photographs.effort import StudySettings
from overica.photographs.gabor import GaborFits, fit_gabors
from overica.photographs.regions import Photographs

_PENALTIES = (8.0, 24.0, 48.0)
"""Of the codes that are quantised, over the squared error that is allowed."""


@dataclass(frozen=True)
class Row:
    """What one basis of one seed came to."""

    method: str
    overcompleteness: float
    seed: int
    evidence_bits: float | None
    """Per pixel, by the probability of the cells; None for raw pixels, which have no density."""
    coefficient_bits: float | None
    """Per pixel, by quantised coefficients; None if no penalty met the precision."""
    setting: float | None = None
    """The free parameter that was chosen."""
    n_present: float | None = None
    """Expected number of sources present in a patch, under the density."""
    n_coded: float | None = None
    """Mean number of quantised coefficients of a patch that are not zero."""
    noise_share: float | None = None
    """Noise variance of the density, over that of white patches."""
    gabor_share: float | None = None
    """Share of columns that a Gabor function fits with R^2 > .8."""
    seconds: float | None = None
    """Of learning, all settings that were tried."""


def judge_method(
    method: Method, width: float, candidates: Sequence[float], data: Photographs, settings: StudySettings, seed: int
) -> tuple[Row, float, np.ndarray, GaborFits]:  # fmt: skip
    """Figures of the best candidate, its setting, its basis with the most used columns first, and its Gabor fits."""
    start = time.perf_counter()
    n_components = round(width * settings.side**2)
    learned = {
        setting: method.learn(data, n_components, setting, settings.effort, seed)
        for setting in candidates
    }
    seconds = time.perf_counter() - start
    setting, density = _choose(learned, data, settings, seed)
    model = density.model_
    order = np.argsort(-model.presence * np.linalg.norm(model.mixing, axis=0))
    basis = learned[setting][:, order]
    fits = fit_gabors(basis, (settings.side, settings.side))
    coded = _coded(density, data, settings)
    row = Row(
        method.name, float(width), seed,
        evidence_bits=_evidence_bits(density, data, settings.n_annealed, seed),
        coefficient_bits=None if coded is None else coded.bits,
        setting=setting if len(method.settings) > 1 else None,
        n_present=float(np.sum(model.presence)),
        n_coded=None if coded is None else coded.n_active,
        noise_share=model.noise_variance,
        gabor_share=float(fits.well_fitted.mean()),
        seconds=seconds,
    )  # fmt: skip
    return row, setting, basis, fits


def _choose(
    learned: dict[float, np.ndarray], data: Photographs, settings: StudySettings, seed: int
) -> tuple[float, DictionaryDensity]:
    """The setting of highest evidence on the patches for choosing, with its density."""
    densities = {
        setting: DictionaryDensity(A, random_state=seed).fit(data.fit.white)
        for setting, A in learned.items()
    }
    if len(densities) == 1:
        return next(iter(densities.items()))
    n_annealed = settings.n_annealed // 2
    scores = {
        setting: density.evidence(data.choose.white, n_annealed=n_annealed, random_state=seed)
        for setting, density in densities.items()
    }
    best = max(scores, key=lambda setting: scores[setting])
    return best, densities[best]


def _evidence_bits(
    density: DictionaryDensity, data: Photographs, n_annealed: int, seed: int
) -> float:
    white = coding_cost(
        density, data.judge.white, data.precision, n_annealed=n_annealed, random_state=seed
    )
    return white - data.log_det / np.log(2) / data.side**2


def _coded(
    density: DictionaryDensity, data: Photographs, settings: StudySettings
) -> CoefficientCost | None:
    allowed = data.precision**2 / 12
    mixing = data.dewhitener @ density.model_.mixing
    table = data.fit.grey[: settings.n_table] - data.mean
    penalties = [factor * allowed for factor in _PENALTIES]
    if mixing.shape[0] == mixing.shape[1]:
        penalties.append(0.0)
    trials = [
        coefficient_cost(mixing, table, data.choose.grey - data.mean, allowed, penalty=penalty)
        for penalty in penalties
    ]
    met = [trial for trial in trials if trial is not None]
    if not met:
        return None
    best = min(met, key=lambda trial: trial.bits)
    return coefficient_cost(
        mixing, table, data.judge.grey - data.mean, allowed, penalty=best.penalty
    )
