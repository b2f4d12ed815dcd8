"""Fewer components than were found: those that are worth most."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from overica.hierarchy.component_worth import worth
from overica.hierarchy.feature_sums import BATCH, Draw
from overica.presence import PresenceLearner, PresenceModel, PresenceSums, chow_liu

__all__ = ["narrowed"]

_WEIGHED = 2
"""Components per one wanted whose worth is looked at; beyond, those go that carry least."""


def narrowed(learner: PresenceLearner, n_components: int, draw: Draw) -> PresenceLearner:
    """With the components alone that are worth most; their columns stay, since what the others explained would move
    them."""
    most = _WEIGHED * n_components
    if learner.model.n_components > most:
        learner = _without(learner, np.argsort(-_power(learner.model), kind="stable")[most:])
    while (surplus := learner.model.n_components - n_components) > 0:
        values = worth(learner.model, draw(BATCH))
        learner = _without(learner, np.argsort(values, kind="stable")[: (surplus + 1) // 2])
    learner.learn_mixing = False
    return learner


def _power(model: PresenceModel) -> NDArray:
    """What each carries of the mean square of samples."""
    return model.forest.marginals() * (model.slab_mean**2 + model.slab_variance)


def _without(learner: PresenceLearner, gone: NDArray) -> PresenceLearner:
    """Without some components; what they explained is noise from here on."""
    model, sums = learner.model, learner.sums
    kept = np.setdiff1d(np.arange(model.n_components), gone)
    together = sums.together[np.ix_(kept, kept)]
    fewer = replace(
        model, mixing=model.mixing[:, kept], slab_mean=model.slab_mean[kept], slab_variance=model.slab_variance[kept],
        noise_variance=model.noise_variance + _power(model)[gone].sum() / model.n_features,
        forest=chow_liu(together, sums.n_samples),
    )  # fmt: skip
    found = PresenceLearner(fewer)
    found.sums = PresenceSums(
        sums.n_samples, together, sums.first[kept], sums.second[np.ix_(kept, kept)], sums.cross[:, kept], sums.power
    )  # fmt: skip
    return found
