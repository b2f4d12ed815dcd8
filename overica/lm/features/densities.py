"""Is the prior right? The sizes of active codes against densities that could be theirs.

Sizes are the absolute values of codes that are not zero. The model of ICA has them exponential, ``p(s) = exp(-s/theta)
/ theta``, the half of a Laplace density. Beside it stand densities of another shape, each at its maximum likelihood:

=====================  ===========================================  ==========
exponential            as above                                     one number
half-normal            a normal density folded at zero              one number
gamma                  more or less peaked at zero, or with a mode  two
log-normal             a mode, and a heavy tail                     two
shifted exponential    exponential from the smallest size on        two
=====================  ===========================================  ==========

The last is what thresholded codes look like: an encoder that keeps large codes alone cuts the density below.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from overica._validation import check_array

_FEWEST = 20


@dataclass(frozen=True)
class Family:
    """One density of positive sizes."""

    label: str
    n_parameters: int
    fit: Callable[[np.ndarray], tuple[float, ...]]
    """Parameters of maximum likelihood, from sizes in ascending order."""
    log_density: Callable[..., np.ndarray]
    cumulative: Callable[..., np.ndarray]


def _gamma_fit(s: np.ndarray) -> tuple[float, float]:
    mean = s.mean()
    # log k - digamma(k) = log mean - mean log, by Newton from Minka's start.
    gap = max(float(np.log(mean) - np.log(s).mean()), 1e-9)
    k = (3 - gap + np.sqrt((gap - 3) ** 2 + 24 * gap)) / (12 * gap)
    for _ in range(6):
        slope = 1 / k - special.polygamma(1, k)
        k = max(k - (np.log(k) - special.digamma(k) - gap) / slope, 0.1 * k)
    return float(k), float(mean / k)


def _log_normal_fit(s: np.ndarray) -> tuple[float, float]:
    logs = np.log(s)
    return float(logs.mean()), max(float(logs.std()), 1e-9)


FAMILIES: dict[str, Family] = {
    "exponential": Family(
        "exponential",
        1,
        lambda s: (float(s.mean()),),
        lambda s, theta: -s / theta - np.log(theta),
        lambda s, theta: -np.expm1(-s / theta),
    ),
    "half_normal": Family(
        "half-normal",
        1,
        lambda s: (float(np.sqrt((s**2).mean())),),
        lambda s, w: 0.5 * np.log(2 / np.pi) - np.log(w) - 0.5 * (s / w) ** 2,
        lambda s, w: special.erf(s / w / np.sqrt(2)),
    ),
    "gamma": Family(
        "gamma",
        2,
        _gamma_fit,
        lambda s, k, b: (k - 1) * np.log(s) - s / b - special.gammaln(k) - k * np.log(b),
        lambda s, k, b: special.gammainc(k, s / b),
    ),
    "log_normal": Family(
        "log-normal",
        2,
        _log_normal_fit,
        lambda s, m, w: -np.log(s * w) - 0.5 * np.log(2 * np.pi) - 0.5 * ((np.log(s) - m) / w) ** 2,
        lambda s, m, w: special.ndtr((np.log(s) - m) / w),
    ),
    "shifted_exponential": Family(
        "shifted exponential",
        2,
        lambda s: (float(s[0]), max(float(s.mean() - s[0]), 1e-12)),
        lambda s, low, theta: -(s - low) / theta - np.log(theta),
        lambda s, low, theta: -np.expm1(-(s - low) / theta),
    ),
}
"""Densities by name; one of your own is one entry."""


@dataclass(frozen=True)
class DensityFit:
    """How well one density fits one feature's sizes."""

    parameters: tuple[float, ...]
    log_likelihood: float
    """Nats per firing, less n_parameters / n (Akaike): comparable between densities."""
    distance: float
    """Kolmogorov-Smirnov: largest difference of the cumulative distributions, in [0, 1]."""


def fit_densities(sizes: Any) -> dict[str, DensityFit]:
    """Every density of `FAMILIES`, fitted to the sizes of one feature's active codes.

    Parameters
    ----------
    sizes : array (n,)
        Positive; zeros are left out.

    Returns
    -------
    dict of str to DensityFit
        Empty if there are fewer than 20 sizes, or all are equal.

    Raises
    ------
    ValueError
        If a size is negative or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.lm import fit_densities
    >>> sizes = np.random.default_rng(0).exponential(2.0, 2000)
    >>> fits = fit_densities(sizes)
    >>> max(fits, key=lambda name: fits[name].log_likelihood), fits["exponential"].distance < 0.03
    ('exponential', True)
    """
    if not len(sizes):
        return {}
    s = np.asarray(check_array(sizes, "sizes", {"n": None}), np.float64)
    if s.min() < 0:
        raise ValueError(f"`sizes` must not be negative, got {s.min():.3g}")
    s = np.sort(s[s > 0])
    n = len(s)
    if n < _FEWEST or s[0] == s[-1]:
        return {}
    steps = np.arange(n + 1) / n
    fits = {}
    for name, family in FAMILIES.items():
        parameters = family.fit(s)
        gain = float(family.log_density(s, *parameters).mean()) - family.n_parameters / n
        cumulative = family.cumulative(s, *parameters)
        distance = max((steps[1:] - cumulative).max(), (cumulative - steps[:-1]).max())
        fits[name] = DensityFit(parameters, gain, float(distance))
    return fits
