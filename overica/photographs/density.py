"""A dictionary as a density: sparse sources on given columns, with noise, scales and presence of highest likelihood."""

from __future__ import annotations

from dataclasses import replace
from typing import Self

import numpy as np

from overica._validation import check_array, check_scalar
from overica.estimator import OvercompleteICA
from overica.learning import Model, annealed_log_evidence, log_evidence, sample_posterior
from overica.learning.units import Units
from overica.priors import Prior, get_prior
from overica.random_state import generator

_PENALTIES = 2.0 ** np.arange(6)
"""Levels of the codes from which the fast evidence starts, over the noise variance."""
_RAREST = 1e-4
_LEAST_NOISE = 1e-6


class DictionaryDensity:
    """The density ``x = mean + A s + e`` of the estimator, on columns from anywhere.

    Every source is present with its own probability rho_j and then has a Laplace law of its own scale; the noise is
    white. Directions stay; `fit` finds the rest by stochastic expectation-maximisation: Gibbs sweeps of the
    posterior and, after each, the values of highest likelihood given the sources drawn, averaged over rounds. So
    dictionaries of all learners are judged by one and the same prior, with nothing approximated.

    Parameters
    ----------
    mixing : array (n_features, n_components)
        Columns of any length; the order is kept.
    prior : {"laplace", "exponential"} or Prior
        With an l1 cost.
    n_rounds : int
        Sweeps; the first half finds the region, the second half is averaged.
    n_samples : int
        At most this many samples are used by `fit`.
    random_state : int, numpy.random.Generator or None

    Attributes
    ----------
    model_ : Model
        Columns times scales, noise, presence, and the penalty at which the fast evidence is highest.
    mean_ : array (n_features,)
    units_ : overica.learning.Units
        What `model_` is of: samples about `mean_`, in units of X unless an estimator has whitened them.

    References
    ----------
    Delyon, Lavielle and Moulines (1999), "Convergence of a stochastic approximation version of the EM algorithm",
    Annals of Statistics 27.

    Examples
    --------
    >>> from overica.datasets import make_mixture
    >>> data = make_mixture(2000, 4, 4, "laplace", random_state=0)
    >>> density = DictionaryDensity(data.mixing, random_state=0).fit(data.X)
    >>> density.evidence(data.X, n_annealed=50, random_state=0) > -12
    True
    """

    model_: Model
    units_: Units

    def __init__(
        self,
        mixing: np.ndarray,
        *,
        prior: str | Prior = "laplace",
        n_rounds: int = 40,
        n_samples: int = 2000,
        random_state: int | np.random.Generator | None = None,
    ) -> None:
        A = np.array(check_array(mixing, "mixing", {"n_features": None, "n_components": None}))
        norms = np.linalg.norm(A, axis=0)
        self.mixing = (A / np.where(norms > 0, norms, 1.0)).astype(np.float64)
        self.prior = get_prior(prior).with_scale(1.0)
        self.n_rounds = check_scalar(n_rounds, "n_rounds", minimum=2, integer=True)
        self.n_samples = check_scalar(n_samples, "n_samples", minimum=1, integer=True)
        self.random_state = random_state

    @classmethod
    def of(cls, ica: OvercompleteICA) -> Self:
        """The density of a fitted estimator, with its own noise, scales and presence."""
        density = cls(ica.mixing_, prior=ica.model_.prior)
        units = ica.units_.measured_from(np.asarray(ica.mean_, np.float64))
        density.units_, density.model_ = units, ica.model_
        if not units.whitened:
            density.units_ = replace(units, unit=1.0)
            density.model_ = ica.model_.measured_in(1 / units.unit)
        return density

    @property
    def mean_(self) -> np.ndarray:
        """What is subtracted."""
        return self.units_.mean

    def fit(self, X: np.ndarray) -> Self:
        """Find noise, scales and presence."""
        n_features, n = self.mixing.shape
        X = np.asarray(check_array(X, "X", {"n_samples": None, "n_features": n_features}), float)
        rng = generator(self.random_state)
        centred = not self.prior.nonnegative
        self.units_ = Units(X.mean(axis=0) if centred else np.zeros(n_features), 1.0)
        X = X[np.sort(rng.permutation(len(X))[: self.n_samples])] - self.mean_
        power = float((X**2).mean())
        noise_variance, presence = 0.1 * power, np.full(n, min(0.5, n_features / (2 * n)))
        scales = np.full(n, np.sqrt(power * n_features / (2 * n * presence[0])))
        S = np.zeros((len(X), n))
        drawn, size, power_left = np.zeros(n), np.zeros(n), 0.0
        for round_ in range(self.n_rounds):
            model = Model(
                self.mixing * scales, self.prior, noise_variance, noise_variance, presence
            )
            codes = sample_posterior(model, X, S / scales, random_state=rng)
            S = codes * scales
            gain = 1 / max(1, round_ - self.n_rounds // 2 + 1)
            drawn += gain * ((S != 0).mean(axis=0) - drawn)
            size += gain * (np.abs(S).mean(axis=0) - size)
            power_left += gain * (float(((X - S @ self.mixing.T) ** 2).mean()) - power_left)
            presence = np.clip(drawn, _RAREST, 1 - _RAREST)
            # A source that was never drawn keeps its scale.
            seen = drawn * len(X) >= 1
            scales = np.where(seen, size / np.maximum(drawn, 1e-12), scales)
            noise_variance = max(power_left, _LEAST_NOISE * power)
        self.model_ = Model(
            self.mixing * scales, self.prior, noise_variance, noise_variance, presence
        )
        self.model_ = replace(self.model_, penalty=self._best_penalty(X))
        return self

    def _best_penalty(self, X: np.ndarray) -> float:
        X = X[:300]
        noise_variance = self.model_.noise_variance
        scores = [
            float(log_evidence(replace(self.model_, penalty=factor * noise_variance), X).mean())
            for factor in _PENALTIES
        ]
        return float(_PENALTIES[int(np.argmax(scores))] * noise_variance)

    def evidence(
        self,
        X: np.ndarray,
        *,
        n_annealed: int = 0,
        n_temperatures: int = 1000,
        random_state: int | np.random.Generator | None = None,
    ) -> float:
        """Mean log density of samples, nats per sample.

        The fast evidence (`overica.learning.log_evidence`) of all samples, and the mean difference between annealed
        importance sampling and it over the first `n_annealed`: as exact as the annealing, with the sampling
        error of the difference alone, which is a tenth of that of the density.

        Parameters
        ----------
        X : array (n_samples, n_features)
        n_annealed : int
            0 takes the fast evidence as it is.
        n_temperatures : int
            See `annealed_log_evidence`.
        random_state : int, numpy.random.Generator or None
        """
        X = self.units_.forward(np.asarray(X, np.float64))
        fast = log_evidence(self.model_, X) + self.units_.log_det
        # At a penalty of zero samples determine their sources, and the density needs no integral.
        if n_annealed == 0 or self.model_.penalty == 0:
            return float(fast.mean())
        n = min(n_annealed, len(X))
        exact = annealed_log_evidence(
            self.model_, X[:n], n_temperatures=n_temperatures, random_state=random_state
        )
        return float(fast.mean() + (exact + self.units_.log_det - fast[:n]).mean())
