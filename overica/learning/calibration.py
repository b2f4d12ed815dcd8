"""Noise, penalty and scales of a learned mixing matrix, by the evidence.

The penalty at which codes are inferred and the variance of the noise are two things. In the model the penalty is
sigma^2 / theta; but at the penalty of a low noise the mode of a Laplace posterior has as many active sources as
features, each one a little, where the truth has few: the prior that says "mostly absent" is not log-concave. So
the penalty is chosen as the level at which supports are found best, and the noise is what is left once the codes
on those supports are freed of their shrinkage. Held-out evidence judges both.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from overica.learning.crowding import crowded
from overica.learning.evidence import enough_judges, judge
from overica.learning.posterior import Model, found_codes

_LOWEST = 1e-8
_HIGHEST = 1e2
_FACTOR = 2.0
_TYPICAL = 30
"""Samples' weight of the mean size of all columns' codes in that of one."""
_PATIENCE = 2
"""Levels in a row at which the evidence has not risen: at one it may stand still by chance."""


def calibrate(
    model: Model,
    X: np.ndarray,
    judges: np.ndarray,
    *,
    noise_variance: float | None,
    scales: bool = True,
) -> Model:
    """The penalty of highest held-out evidence, with the noise, scales and presence that belong to it.

    Directions stay. From the level at which they were learned the penalty goes down (if that does not help: up) by
    factors of two as long as the evidence of `judges` rises now and then; at every level noise and scales are set anew.
    With more than 350 columns or so the search is made on fewer samples, and noise and scales are then set on all.

    Parameters
    ----------
    model : Model
    X : array (n_samples, n_features)
        Normalised samples that the scales are fitted to.
    judges : array (n_samples, n_features)
        Normalised samples whose evidence decides.
    noise_variance : float or None
        sigma^2 where it is known; None learns it.
    scales : bool
        Whether to fit scales, or leave those of the model.
    """
    few = enough_judges(model)
    if few < len(judges):
        found = _search(model, X[: enough_rows(few, model)], judges[:few], noise_variance, scales)
        return _at(found.penalty, found, X, judges, noise_variance, scales)[0]
    return _search(model, X, judges, noise_variance, scales)


def enough_rows(n_judges: int, model: Model) -> int:
    """How many samples scales are fitted to beside so many judges: a few in which every column is active.

    Examples
    --------
    >>> from overica.priors import get_prior
    >>> wide = Model(np.ones((8, 1000)), get_prior("laplace"), 0.1)
    >>> enough_rows(500, wide)
    4000
    """
    return max(2 * n_judges, 4 * model.mixing.shape[1])


def _at(
    penalty: float,
    start: Model,
    X: np.ndarray,
    judges: np.ndarray,
    noise_variance: float | None,
    scales: bool,
) -> tuple[Model, float]:
    """The model at a penalty, and its evidence."""
    moved = replace(start, penalty=penalty)
    return judge(rescale(moved, X) if scales else moved, judges, noise_variance)


def _search(
    model: Model, X: np.ndarray, judges: np.ndarray, noise_variance: float | None, scales: bool
) -> Model:
    def at(penalty: float, start: Model) -> tuple[Model, float]:
        return _at(penalty, start, X, judges, noise_variance, scales)

    best, best_score = at(model.penalty, model)
    for factor in (1 / _FACTOR, _FACTOR):
        improved, trial, failures = False, best, 0
        while failures < _PATIENCE and _LOWEST < trial.penalty * factor < _HIGHEST:
            if factor < 1 and crowded(replace(trial, penalty=trial.penalty * factor), judges):
                break
            trial, score = at(trial.penalty * factor, trial)
            failures += 1
            if score > best_score:
                best, best_score, improved, failures = trial, score, True, 0
        if improved:
            break
    return best


def rescale(model: Model, X: np.ndarray, rounds: int = 2) -> Model:
    """The model with column norms at the equilibrium of the evidence: mean size one of the active codes.

    Along a column the evidence gradient is ``E[active_j (|s_j| - 1)]``; columns that are never active keep their norm.
    Of a column that is active in a few samples alone their mean says little: it counts along with that of all columns,
    which has the weight of thirty samples. A column that is too short by chance is found active ever less.
    """
    for _ in range(rounds):
        codes = found_codes(model, X)
        total, count = codes.summed(np.abs(codes.values)), codes.activity
        common = total.sum() / max(float(count.sum()), 1e-300)
        size = np.where(count > 0, (total + _TYPICAL * common) / (count + _TYPICAL), 1.0)
        model = replace(model, mixing=model.mixing * np.clip(size, 0.1, 10.0))
    return model


def usage(model: Model, X: np.ndarray) -> np.ndarray:
    """Mean absolute code times norm of every column: how much of the data it carries, (n_components,)."""
    codes = found_codes(model, X)
    size = codes.summed(np.abs(codes.values)) / len(X)
    return np.asarray(size * np.linalg.norm(model.mixing, axis=0))
