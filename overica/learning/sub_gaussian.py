"""Whether data contradict sources with heavy tails: directions in which they are lighter than Gaussian.

A source is *super-Gaussian* if it is a Gaussian variable of random variance v, as sparse, Laplace and Student ones are
(Palmer, Kreutz-Delgado, Rao and Wipf 2006). Given all the variances, a mixture of independent such sources with
Gaussian noise is Gaussian, and so is its projection on any direction: projections are super-Gaussian again. With
variance one,

    E log cosh s = E F(v) <= F(1) = E log cosh g,     F(v) = E log cosh(sqrt(v) g),     g ~ N(0, 1),

since log cosh(sqrt y) and with it F is concave. A direction along which the mean of log cosh is larger disproves that
all sources are super-Gaussian, and it needs no knowledge of them; log cosh rather than a fourth moment, since no single
sample weighs much. The direction is looked for on some samples, and tested on others.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from overica.learning.relative import rotation

Contrast = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, float]]
"""Of standardised values: a function of them, its slope, and its mean for a Gaussian variable."""
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(80)
_GAUSSIAN = float(_WEIGHTS @ np.log(np.cosh(_NODES)) / _WEIGHTS.sum())
"""E log cosh g."""
_SIGNIFICANT = 4.0
"""Standard errors."""
_NOTABLE = 0.004
"""Of the mean of log cosh; that of a uniform source is .03 too large."""
_STEPS = 30
_FEWEST, _MOST = 300, 10_000
"""Samples that a direction is looked for with."""
_RANK_TOL = 1e-6
_MOST_DIMENSIONS = 64


def lighter_than_gaussian(S: np.ndarray) -> np.ndarray:
    """Which columns have significantly lighter tails than a Gaussian variable, (n_components,), boolean.

    By the excess of the mean of log cosh over a Gaussian's, in its standard errors, see `contrast_excess`.

    Parameters
    ----------
    S : array (n_samples, n_components)
        Samples that the directions were not learned from.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> S = np.stack([rng.uniform(size=2000), rng.normal(size=2000), rng.laplace(size=2000)], 1)
    >>> lighter_than_gaussian(S)
    array([ True, False, False])
    """
    excess, error = contrast_excess(S, log_cosh)
    return np.asarray((excess > _SIGNIFICANT * error) & (excess > _NOTABLE))


def log_cosh(S: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """``f = log cosh``, its slope, and its mean for a Gaussian variable."""
    return _log_cosh(S), np.tanh(S), _GAUSSIAN


def contrast_excess(S: np.ndarray, contrast: Contrast) -> tuple[np.ndarray, np.ndarray]:
    """The mean of a contrast f of each standardised column above a Gaussian's, and its standard error.

    The error is that of ``f(s) - E[f'(s) s] (s^2 - 1) / 2 - E[f'(s)] s``, since mean and variance are estimated too.
    """
    S = S - S.mean(axis=0)
    S = S / np.maximum(S.std(axis=0), 1e-300)
    f, slope, gaussian = contrast(S)
    influence = f - (slope * S).mean(axis=0) * (S**2 - 1) / 2 - slope.mean(axis=0) * S
    return f.mean(axis=0) - gaussian, influence.std(axis=0) / np.sqrt(len(S))


def whitener(X: np.ndarray) -> np.ndarray:
    """Directions in which centred samples vary most, divided by how much, (n_features, at most 64)."""
    X = X - X.mean(axis=0)
    variances, axes = np.linalg.eigh(X.T @ X / len(X))
    kept = np.flatnonzero(variances > _RANK_TOL * variances[-1])[-_MOST_DIMENSIONS:]
    return np.asarray(axes[:, kept] / np.sqrt(variances[kept]))


def lightest_direction(X: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The direction along which standardised samples have the largest mean of log cosh, (n_features,).

    Of some that ascend at once, from random ones and from those of a rotation that separates sources: as log cosh is
    convex, ``w <- E[z tanh(w'z)] / |.|`` never goes down.
    """
    K = whitener(X)
    Z = X @ K
    W = np.concatenate([rotation(Z, rng), rng.standard_normal((Z.shape[1], Z.shape[1]))])
    for _ in range(_STEPS):
        W = np.tanh(Z @ W.T).T @ Z
        W /= np.linalg.norm(W, axis=1, keepdims=True)
    return np.asarray(K @ W[_log_cosh(Z @ W.T).mean(axis=0).argmax()])


def warn_if_sub_gaussian(X: np.ndarray, judges: np.ndarray, rng: np.random.Generator) -> None:
    """Warn if samples cannot come from independent sources with heavy tails.

    Parameters
    ----------
    X : array (n_samples, n_features)
        Samples that a direction is looked for with.
    judges : array (n_others, n_features)
        Samples that it is tested on.
    rng : numpy.random.Generator

    Warns
    -----
    UserWarning
        If there is a direction along which they are lighter than Gaussian.
    """
    if min(len(X), len(judges)) < _FEWEST:
        return
    some = rng.permutation(len(X))[:_MOST]
    direction = lightest_direction(X[some], rng)
    if lighter_than_gaussian(judges @ direction[:, None]).all():
        warnings.warn(
            "`X` has sub-Gaussian sources: along some direction its tails are lighter than Gaussian, which no mixture "
            f"of independent sparse sources has. With more components than the {X.shape[1]} dimensions in which it "
            f"varies only sparse sources are found; others need `n_components` <= {X.shape[1]}, or prior='exponential' "
            "if they are never negative.",
            UserWarning,
            stacklevel=3,
        )


def _log_cosh(S: np.ndarray) -> np.ndarray:
    size = np.abs(S)
    return np.asarray(size + np.log1p(np.exp(-2 * size)) - np.log(2.0))
