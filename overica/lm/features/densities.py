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

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import stats

from overica._validation import check_array

_FEWEST = 20
_EQUAL = 1e-5
"""Standard deviation over mean below which sizes are all one."""


@dataclass(frozen=True)
class Family:
    """One density of positive sizes."""

    label: str
    n_parameters: int
    distribution: Any
    """Of `scipy.stats`."""
    held: dict[str, float] = field(default_factory=lambda: {"floc": 0.0})
    """What is not fitted: that it begins at zero."""


FAMILIES: dict[str, Family] = {
    "exponential": Family("exponential", 1, stats.expon),
    "half_normal": Family("half-normal", 1, stats.halfnorm),
    "gamma": Family("gamma", 2, stats.gamma),
    "log_normal": Family("log-normal", 2, stats.lognorm),
    "shifted_exponential": Family("shifted exponential", 2, stats.expon, {}),
}
"""Densities by name; one of your own is one entry."""


@dataclass(frozen=True)
class DensityFit:
    """How well one density fits one feature's sizes.

    Examples
    --------
    >>> fit = DensityFit((0.0, 2.0), log_likelihood=-1.7, distance=0.02)
    >>> fit.distance < 0.03
    True
    """

    parameters: tuple[float, ...]
    """Of the family's `distribution`: shapes, location, scale."""
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
    if n < _FEWEST or s.std() < _EQUAL * s.mean():
        return {}
    steps = np.arange(n + 1) / n
    fits = {}
    for name, family in FAMILIES.items():
        parameters = family.distribution.fit(s, **family.held)
        # Frozen distributions would be shorter, and each takes longer to make than to ask.
        gain = float(family.distribution.logpdf(s, *parameters).mean()) - family.n_parameters / n
        cumulative = family.distribution.cdf(s, *parameters)
        distance = max((steps[1:] - cumulative).max(), (cumulative - steps[:-1]).max())
        fits[name] = DensityFit(tuple(map(float, parameters)), gain, float(distance))
    return fits
