"""The log evidence of samples: how probable a model finds them with the sources integrated out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from overica._kernels import debias, evidence_terms, occupancy
from overica.learning import determined
from overica.learning.posterior import Model, free_codes, infer

_CHUNK = 2048
_ROUNDS = 30
_PRESENCE_TOL = 1e-4
_RAREST = 1e-6
_FEWEST_FREE = 0.05
"""Share of the dimensions that supports must leave free for the noise to be told from the sources."""
_JUDGED_CODES = 2**19
"""Samples times columns that a comparison of models looks at."""
_FEWEST_JUDGES = 300
_LEAST_NOISE = 1e-8


def log_evidence(model: Model, X: np.ndarray) -> np.ndarray:
    """Approximate ``log p(x) = log integral p(x | s) p(s) ds`` of every sample, in nats, (n_samples,).

    Each source is present with its probability rho_j (``model.presence``), and then has the prior; else it is zero. The
    integral is a Gaussian one over the k sources active in the code, around the mode among them,

        log p(s_a) - |r|^2 / 2 sigma^2 - m/2 log(2 pi sigma^2) + k/2 log 2 pi - 1/2 log det H_aa,

    times, for l1 costs, one factor per source, ``rho_j c_j + (1 - rho_j) b_j``: it is present, or absent. For an
    inactive one c_j is the mass of its line integral, and b_j is one; for an active one c_j is the share of its
    Gaussian on its side of the kink, and b_j the ratio of Savage and Dickey (1971), the density of its Gaussian at
    zero over that of its prior: what the integral would be without it. See `occupancy`. For a single source this is
    exact. Smooth costs have no inactive sources: the Gaussian is over all, and rho is one.

    Parameters
    ----------
    model : Model
    X : array (n_samples, n_features)
        In the units of the model.

    Returns
    -------
    array (n_samples,)

    Notes
    -----
    How far it is from the exact density is measured by ``benchmarks/evidence.py``: for Laplace sources in 2 x 3 by .01
    to .27 nats per sample in the mean. For dense exponential sources it is the several sources held at their wall
    together that are missed. For log cosh, in 1 x 2 at sigma = .3, it is up to 1.1 nats too low: the curvature at a
    sharp peak says little of its tails.

    Examples
    --------
    Of a source that is always present and hardly disturbed it is the log density of the prior:

    >>> from overica.priors import Laplace
    >>> model = Model(np.eye(1), Laplace(), 1e-4, noise_variance=1e-4)
    >>> log_evidence(model, np.array([[2.0]])).round(2), round(-2 - np.log(2), 2)
    (array([-2.69]), np.float64(-2.69))
    """
    if model.penalty == 0:
        return determined.log_evidence(model.mixing, model.prior, model.noise_variance, X)
    if not model.compiled:
        parts = _configurations(model, X)
        return np.concatenate([part.log_evidence(model) for part in parts])
    terms = evidence_terms(
        model.mixing, X, model.penalty, model.noise_variance, model.prior.nonnegative, presence=model.presence
    )  # fmt: skip
    return _base(model, terms.size, terms.n_active, terms.square, terms.log_det) + terms.log_factors


def enough_judges(model: Model) -> int:
    """How many samples tell models of this size apart: with many columns, fewer, since each costs more."""
    return max(_FEWEST_JUDGES, _JUDGED_CODES // model.mixing.shape[1])


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
    parts = _configurations(model, X)
    presence = np.full(model.mixing.shape[1], 0.5)
    for _ in range(_ROUNDS):
        expected = sum(part.expected_presence(presence) for part in parts)
        before, presence = presence, np.clip(expected / len(X), _RAREST, 1 - _RAREST)
        if np.abs(presence - before).max() < _PRESENCE_TOL:
            break
    model = replace(model, presence=presence)
    return model, float(np.concatenate([part.log_evidence(model) for part in parts]).mean())


@dataclass(frozen=True)
class _Configuration:
    """What the evidence of a batch is made of, presence aside."""

    base: np.ndarray
    """Log of the Gaussian integral over the active sources, (n_samples,)."""
    present: np.ndarray
    """The factors c_j, (n_samples, n_components)."""
    absent: np.ndarray
    """The factors b_j, (n_samples, n_components)."""

    @classmethod
    def of(cls, model: Model, X: np.ndarray) -> _Configuration:
        if model.compiled:
            terms = evidence_terms(
                model.mixing, X, model.penalty, model.noise_variance, model.prior.nonnegative, masses=True
            )  # fmt: skip
            base = _base(model, terms.size, terms.n_active, terms.square, terms.log_det)
            return cls(base, terms.present, terms.absent)
        posterior = infer(model, X)
        A, sigma2, prior = model.mixing, model.noise_variance, model.prior
        codes, residual = posterior.codes, posterior.residual
        log_det, n_active = posterior.log_det, posterior.n_active
        present, absent = np.ones_like(codes), np.zeros_like(codes)
        if prior.l1_weights() is not None:
            gram = A.T @ A
            codes = debias(gram, codes, model.penalty - sigma2)
            residual = X - codes @ A.T
            n_active = (codes != 0).sum(axis=1)
            present, absent, log_det = occupancy(
                gram, residual @ A, codes, sigma2, prior.nonnegative
            )
        size, square = np.asarray(prior.cost(codes)).sum(axis=1), (residual**2).sum(axis=1)
        return cls(_base(model, size, n_active, square, log_det), present, absent)

    def expected_presence(self, presence: np.ndarray) -> np.ndarray:
        """Sum over samples of the posterior probabilities that each source is present."""
        here = presence * self.present
        return np.asarray((here / (here + (1 - presence) * self.absent)).sum(axis=0))

    def log_evidence(self, model: Model) -> np.ndarray:
        """Log evidence of every sample, (n_samples,)."""
        presence = np.asarray(model.presence)
        factors = presence * self.present + (1 - presence) * self.absent
        return np.asarray(self.base + np.log(np.maximum(factors, np.finfo(float).tiny)).sum(axis=1))


def _base(
    model: Model, size: np.ndarray, n_active: np.ndarray, square: np.ndarray, log_det: np.ndarray
) -> np.ndarray:
    """Log of the Gaussian integral over the active sources, from the cost of the code and the squared residual."""
    sigma2, m = model.noise_variance, model.mixing.shape[0]
    return np.asarray(
        -size
        - n_active * float(np.asarray(model.prior.log_normaliser()))
        - square / (2 * sigma2)
        - 0.5 * m * np.log(2 * np.pi * sigma2)
        + 0.5 * (n_active * np.log(2 * np.pi * sigma2) - log_det)
    )


def _configurations(model: Model, X: np.ndarray) -> list[_Configuration]:
    chunks = range(0, len(X), _CHUNK)
    return [_Configuration.of(model, X[start : start + _CHUNK]) for start in chunks]


def _free_variance(model: Model, X: np.ndarray) -> float:
    """Variance of samples in the dimensions that their supports leave free; the penalty if there are too few."""
    codes = free_codes(model, X)
    square, n_active = ((X - codes.sparse() @ model.mixing.T) ** 2).sum(axis=1), codes.n_active
    free = float(np.maximum(X.shape[1] - n_active, 0).sum())
    if free < _FEWEST_FREE * X.size:
        return model.penalty
    return min(max(float(square.sum()) / free, _LEAST_NOISE), 1.0)
