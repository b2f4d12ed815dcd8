"""Whether samples can be told from Gaussian ones: if not, no direction in them is that of a source.

A Gaussian vector in white coordinates looks the same from all sides, so that independent components of it are whatever
one likes. Two things tell samples from Gaussian ones: a model of sources whose evidence is above the density of the
Gaussian variable of the same mean and covariance; and a direction along which values are not Gaussian, for which the
mean of ``log cosh s`` (tails), or of ``s exp(-s^2 / 2)`` (skewness), is another than that of ``s ~ N(0, 1)``, as in
negentropy's approximations by Hyvarinen (1998). Directions are looked for on some samples, and tested on others.
"""

from __future__ import annotations

import warnings
from copy import deepcopy

import numpy as np
from scipy import stats

from overica.learning.evidence import log_evidence
from overica.learning.fitting import Fit
from overica.learning.posterior import Model
from overica.learning.relative import rotation
from overica.learning.sub_gaussian import Contrast, contrast_excess, log_cosh, whitener
from overica.learning.supported import EACH

_FEWEST, _MOST = 300, 10_000
"""Samples that directions are looked for with, which are besides"""
_NUMBERS, _PER_FEATURE = 2**18, 10
"""no more numbers than the first, or samples per feature than the second."""
_JUDGES, _AT_ONCE = 2000, 250
"""Samples whose evidence is looked at, in parts."""
_BETTER = 0.01
"""Nats per dimension by which the evidence of sources must be above a Gaussian's, to say anything."""
_DIRECTIONS = 16
"""Tested at once."""
_FALSE_ALARMS = 1e-3


def gaussian_log_density(X: np.ndarray, judges: np.ndarray) -> np.ndarray:
    """Log density of each of `judges` under the Gaussian variable of the mean and covariance of X, nats.

    -inf where X varies in fewer dimensions than there are.
    """
    mean, covariance = X.mean(axis=0), np.atleast_2d(np.cov(X.T))
    variances, axes = np.linalg.eigh(covariance)
    if variances[0] <= 1e-10 * variances.mean():
        return np.full(len(judges), -np.inf)
    white = (judges - mean) @ (axes / np.sqrt(variances))
    constant = np.log(2 * np.pi * variances).sum()
    return np.asarray(-((white**2).sum(axis=1) + constant) / 2)


def gaussian_along(X: np.ndarray, W: np.ndarray) -> bool:
    """Whether X can be Gaussian along all columns of W, directions that were found without it.

    Each is tested for its tails and its skewness; of as many tests as there are one in a thousand samples of Gaussian
    values fails any.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> noise = rng.normal(size=(2000, 3))
    >>> skewed = np.c_[noise, rng.exponential(size=2000)]
    >>> gaussian_along(noise, np.eye(3)), gaussian_along(skewed, np.eye(4))
    (True, False)
    """
    errors = stats.norm.isf(_FALSE_ALARMS / (4 * W.shape[1]))
    parts = np.array_split(W, -(-W.shape[1] // _DIRECTIONS), axis=1)
    return all(
        _within(X @ part, contrast, errors) for part in parts for contrast in (log_cosh, _skewed)
    )


def warn_if_gaussian(fit: Fit, model: Model) -> None:
    """Warn if nothing tells the samples of a fit from Gaussian ones, whatever model was learned of them.

    Warns
    -----
    UserWarning
        If neither the evidence of the model nor any direction does.
    """
    samples = fit.samples
    # A copy: that there is a test changes no draw of the fit.
    rng = deepcopy(fit.rng)
    size = min(_MOST, max(_NUMBERS // samples.n_features, _PER_FEATURE * samples.n_features))
    X = np.asarray(samples.draw(size, rng), np.float64)
    judges = np.asarray(samples.held_out, np.float64)
    if min(len(X), len(judges)) < _FEWEST:
        return
    seen = judges[:_JUDGES]
    theirs = float(gaussian_log_density(X, seen).mean())
    parts = np.split(seen, range(_AT_ONCE, len(seen), _AT_ONCE))
    ours = float(np.concatenate([log_evidence(model, part) for part in parts]).mean())
    if not ours - theirs < _BETTER * samples.n_features:
        return
    K = whitener(X)
    mean = X.mean(axis=0)
    # Along a column's matched filter what is in it stands out most from the rest.
    filters = K @ (K.T @ np.asarray(model.mixing, np.float64))
    W = np.concatenate([K @ rotation((X - mean) @ K, rng).T, filters], axis=1)
    if gaussian_along(judges - mean, W[:, np.abs(W).max(axis=0) > 0]):
        warnings.warn(
            "`X` cannot be told from Gaussian noise: along no direction that was found is it anything else, and "
            f"held-out samples have a log density of {theirs:.2f} nats under a Gaussian one, {ours:.2f} under the "
            f"{model.mixing.shape[1]} components, which are not those of any sources",
            UserWarning,
            stacklevel=3,
        )


def warn_if_too_few(fit: Fit, model: Model) -> None:
    """Warn of a number of components that was found by so few samples that it says little.

    With fewer than about a hundred samples each the number is that of highest held-out evidence, which a few samples
    give.

    Warns
    -----
    UserWarning
    """
    n_samples, n_components = fit.samples.n_rows, model.mixing.shape[1]
    if n_samples < EACH * n_components:
        warnings.warn(
            f"`n_components` is 'auto', and {n_components} were found in {n_samples} samples: with fewer than {EACH} "
            "samples for each the number is uncertain; give one, and compare `score` on others",
            UserWarning,
            stacklevel=3,
        )


def _skewed(S: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """``f = s exp(-s^2 / 2)``, its slope, and its mean for a Gaussian variable."""
    bell = np.exp(-(S**2) / 2)
    return S * bell, (1 - S**2) * bell, 0.0


def _within(S: np.ndarray, contrast: Contrast, errors: float) -> bool:
    excess, error = contrast_excess(S, contrast)
    return bool((np.abs(excess) < errors * error).all())
