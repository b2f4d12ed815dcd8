"""The log evidence of samples: how probable a model finds them with the sources integrated out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from overica.learning.debiasing import debias
from overica.learning.occupancy import occupancy
from overica.learning.posterior import Model, infer

_CHUNK = 2048
_ROUNDS = 30
_RAREST = 1e-6
_FEWEST_FREE = 0.05
"""Share of the dimensions that supports must leave free for the noise to be told from the sources."""
_LEAST_NOISE = 1e-8


def log_evidence(model: Model, X: np.ndarray) -> np.ndarray:
    """Approximate ``log p(x) = log integral p(x | s) p(s) ds`` of every sample, in nats, (n_samples,).

    Each source is present with its probability rho_j (``model.presence``), and then has the prior; else it is zero. The
    integral is a Gaussian one over the k sources active in the code, around the mode among them,

        log p(s_a) - |r|^2 / 2 sigma^2 - m/2 log(2 pi sigma^2) + k/2 log 2 pi - 1/2 log det H_aa,

    times, for l1 costs, one factor per source: ``rho_j c_j`` for an active one, with c_j the share of its Gaussian on
    its side of the kink, and ``1 - rho_j + rho_j c_j`` for an inactive one, with c_j the mass of its line integral (see
    `occupancy`): it is absent, or present and near zero. Smooth costs have no inactive sources: the
    Gaussian is over all, and rho is one.
    """
    parts = [
        _Configuration.of(model, X[start : start + _CHUNK]) for start in range(0, len(X), _CHUNK)
    ]
    return np.concatenate([part.log_evidence(model) for part in parts])


def judge(model: Model, X: np.ndarray, noise_variance: float | None = None) -> tuple[Model, float]:
    """The model with the noise and the presence that suit samples best, and their mean log evidence under it.

    The noise is the variance that is left in the dimensions which the supports leave free, unless it is given; the
    presence comes from expectation-maximisation, ``rho_j <- mean P(source j present | x)``, whose rounds raise the
    evidence. Smooth costs have no supports: their noise is the penalty, and every source is present.
    """
    if model.prior.l1_weights() is None:
        model = replace(model, presence=1.0, noise_variance=noise_variance or model.penalty)
        return model, float(log_evidence(model, X).mean())
    if noise_variance is None:
        noise_variance = _free_variance(model, X)
    model = replace(model, noise_variance=noise_variance)
    parts = [
        _Configuration.of(model, X[start : start + _CHUNK]) for start in range(0, len(X), _CHUNK)
    ]
    presence = np.full(model.mixing.shape[1], 0.5)
    for _ in range(_ROUNDS):
        expected = sum(part.expected_presence(presence) for part in parts)
        presence = np.clip(expected / len(X), _RAREST, 1 - _RAREST)
    model = replace(model, presence=presence)
    return model, float(np.concatenate([part.log_evidence(model) for part in parts]).mean())


@dataclass(frozen=True)
class _Configuration:
    """What the evidence of a batch is made of, presence aside."""

    base: np.ndarray
    """Log of the Gaussian integral over the active sources, (n_samples,)."""
    active: np.ndarray
    """(n_samples, n_components), boolean."""
    mass: np.ndarray
    """The factors c_j, (n_samples, n_components)."""

    @classmethod
    def of(cls, model: Model, X: np.ndarray) -> _Configuration:
        posterior = infer(model, X)
        A, sigma2, prior = model.mixing, model.noise_variance, model.prior
        codes, gram = posterior.codes, A.T @ A
        sparse = prior.l1_weights() is not None
        log_det = posterior.log_det - posterior.n_active * np.log(sigma2)
        if sparse:
            codes = debias(gram, codes, model.penalty - sigma2, prior.nonnegative)
        residual = X - codes @ A.T
        base = (
            -np.asarray(prior.cost(codes)).sum(axis=1)
            - posterior.n_active * float(np.asarray(prior.log_normaliser()))
            - (residual**2).sum(axis=1) / (2 * sigma2)
            - 0.5 * A.shape[0] * np.log(2 * np.pi * sigma2)
            + 0.5 * (posterior.n_active * np.log(2 * np.pi) - log_det)
        )
        if not sparse:
            return cls(base, np.ones_like(codes, bool), np.ones_like(codes))
        mass = occupancy(gram, residual @ A, codes, sigma2, prior.nonnegative)
        return cls(base, codes != 0, mass)

    def expected_presence(self, presence: np.ndarray) -> np.ndarray:
        """Sum over samples of the posterior probabilities that each source is present."""
        near_zero = presence * self.mass
        return np.where(self.active, 1.0, near_zero / (1 - presence + near_zero)).sum(axis=0)

    def log_evidence(self, model: Model) -> np.ndarray:
        present = model.presence * self.mass
        factors = np.where(self.active, present, 1 - model.presence + present)
        return self.base + np.log(np.maximum(factors, np.finfo(float).tiny)).sum(axis=1)


def _free_variance(model: Model, X: np.ndarray) -> float:
    """Variance of samples in the dimensions that their supports leave free; the penalty if there are too few."""
    power, free = 0.0, 0.0
    A = model.mixing
    gram = A.T @ A
    for start in range(0, len(X), _CHUNK):
        batch = X[start : start + _CHUNK]
        posterior = infer(model, batch)
        codes = debias(gram, posterior.codes, model.penalty, model.prior.nonnegative)
        power += float(((batch - codes @ A.T) ** 2).sum())
        free += float(np.maximum(A.shape[0] - posterior.n_active, 0).sum())
    if free < _FEWEST_FREE * X.size:
        return model.penalty
    return min(max(power / free, _LEAST_NOISE), 1.0)
