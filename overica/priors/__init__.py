"""Priors of the sources: one class per file, one line in `PRIORS`.

Examples
--------
>>> from overica.priors import PRIORS, get_prior
>>> sorted(PRIORS)
['exponential', 'laplace', 'smooth_laplace']
>>> get_prior("laplace")
Laplace(scale=1.0)
"""

from __future__ import annotations

from overica._validation import check_choice
from overica.priors.base import Prior
from overica.priors.check import check_prior
from overica.priors.exponential import Exponential
from overica.priors.laplace import Laplace
from overica.priors.smooth_laplace import SmoothLaplace

PRIORS: dict[str, type[Prior]] = {
    "laplace": Laplace,
    "exponential": Exponential,
    "smooth_laplace": SmoothLaplace,
}
"""Priors by name."""


def get_prior(prior: str | Prior) -> Prior:
    """The prior of that name with its default parameters, or the instance itself.

    Raises
    ------
    ValueError
        If it is neither an instance of `Prior` nor a name in `PRIORS`.
    """
    if isinstance(prior, Prior):
        return prior
    if not isinstance(prior, str):
        raise ValueError(f"`prior` must be a name or an instance of Prior, got {prior!r}")
    return PRIORS[check_choice(prior, "prior", PRIORS)]()


__all__ = [
    "PRIORS",
    "Exponential",
    "Laplace",
    "Prior",
    "SmoothLaplace",
    "check_prior",
    "get_prior",
]
