"""The log evidence of samples: how probable a model finds them with the sources integrated out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from overica.learning.occupancy import occupancy
from overica.learning.posterior import Model, infer

_CHUNK = 2048
_ROUNDS = 30
_RAREST = 1e-6


def log_evidence(model: Model, X: np.ndarray) -> np.ndarray:
    """Approximate ``log p(x) = log integral p(x | s) p(s) ds`` of every sample, in nats, (n_samples,).

    Each source is present with its probability rho_j (``model.presence``), and then has the prior; else it is zero. Around
    the MAP code, with k active sources a, the integral is a Gaussian one over those,

        log p(s_a) - |r|^2 / 2 sigma^2 - m/2 log(2 pi sigma^2) + k/2 log 2 pi - 1/2 log det H_aa,

    times, for l1 costs, one factor per source: ``rho_j c_j`` for an active one, with c_j the share of its Gaussian on
    its side of the kink, and ``1 - rho_j + rho_j c_j`` for an inactive one, with c_j the mass of its line integral (see
    `occupancy`): it is absent, or present and near zero. Smooth costs have no inactive sources: the
    Gaussian is over all, and rho is one.
    """
    parts = [_terms(model, X[start : start + _CHUNK]) for start in range(0, len(X), _CHUNK)]
    return np.concatenate([base + _factors(model, active, mass) for base, active, mass in parts])


def judge(model: Model, X: np.ndarray) -> tuple[Model, float]:
    """The model with the presence that suits samples best, and their mean log evidence under it.

    Expectation-maximisation, ``rho_j <- mean P(source j present | x)``; every round raises the evidence.
    """
    parts = [_terms(model, X[start : start + _CHUNK]) for start in range(0, len(X), _CHUNK)]
    base, active, mass = (np.concatenate(column) for column in zip(*parts, strict=True))
    presence = np.ones(mass.shape[1])
    if model.prior.l1_weights() is not None:
        presence[:] = 0.5
        for _ in range(_ROUNDS):
            near_zero = presence * mass
            responsibility = np.where(active, 1.0, near_zero / (1 - presence + near_zero))
            presence = np.clip(responsibility.mean(axis=0), _RAREST, 1 - _RAREST)
    model = replace(model, presence=presence)
    return model, float((base + _factors(model, active, mass)).mean())


def _terms(model: Model, X: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The Gaussian integral over the active sources; which are active; the masses."""
    posterior = infer(model, X)
    A, sigma2, prior = model.mixing, model.noise_variance, model.prior
    base = (
        -np.asarray(prior.cost(posterior.codes)).sum(axis=1)
        - posterior.n_active * float(np.asarray(prior.log_normaliser()))
        - (posterior.residual**2).sum(axis=1) / (2 * sigma2)
        - 0.5 * A.shape[0] * np.log(2 * np.pi * sigma2)
        + 0.5 * (posterior.n_active * np.log(2 * np.pi) - posterior.log_det)
    )
    if prior.l1_weights() is None:
        return base, np.ones_like(posterior.codes, bool), np.ones_like(posterior.codes)
    mass = occupancy(
        A.T @ A, posterior.residual @ A, posterior.codes, sigma2, prior.nonnegative
    )
    return base, posterior.codes != 0, mass


def _factors(model: Model, active: np.ndarray, mass: np.ndarray) -> np.ndarray:
    present = model.presence * mass
    tiny = np.finfo(float).tiny
    return np.log(np.maximum(np.where(active, present, 1 - model.presence + present), tiny)).sum(axis=1)
