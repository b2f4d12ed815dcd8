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

from collections.abc import Mapping
from typing import Any

import numpy as np

from overica._validation import check_choice
from overica.priors.base import Prior
from overica.priors.check import check_prior
from overica.priors.exponential import Exponential
from overica.priors.laplace import Laplace
from overica.priors.log_concave import LogConcave
from overica.priors.smooth_laplace import SmoothLaplace
from overica.priors.soft_uniform import SoftUniform

PRIORS: dict[str, type[Prior]] = {
    "laplace": Laplace,
    "exponential": Exponential,
    "smooth_laplace": SmoothLaplace,
}
"""Priors by name that the estimator learns with."""
_BESIDES: dict[str, type[Prior]] = {"soft_uniform": SoftUniform, "log_concave": LogConcave}
"""The others, by the names that files know."""


def get_prior(prior: str | Prior) -> Prior:
    """The prior of that name with its default parameters, or the instance itself.

    Parameters
    ----------
    prior : str or Prior

    Returns
    -------
    Prior

    Raises
    ------
    ValueError
        If it is neither an instance of `Prior` nor a name in `PRIORS`.

    Examples
    --------
    >>> get_prior("exponential")
    Exponential(scale=1.0)
    """
    if isinstance(prior, Prior):
        return prior
    if not isinstance(prior, str):
        raise ValueError(f"`prior` must be a name or an instance of Prior, got {prior!r}")
    return PRIORS[check_choice(prior, "prior", PRIORS)]()


def prior_to_config(prior: Prior) -> dict[str, Any]:
    """Name and parameters of a prior of this package, its scale aside; the inverse of `prior_from_config`.

    Parameters
    ----------
    prior : Prior

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If its class is another: one of your own has to be in `PRIORS`.

    Examples
    --------
    >>> prior_to_config(SmoothLaplace(sharpness=5.0))
    {'name': 'smooth_laplace', 'sharpness': 5.0}
    """
    names = [name for name, kind in (_BESIDES | PRIORS).items() if kind is type(prior)]
    if not names:
        raise ValueError(
            f"`prior` must be of a class in PRIORS to be saved, got {prior!r}: register its class"
        )
    parameters = {
        key: value.tolist() if isinstance(value, np.ndarray) else value
        for key, value in vars(prior).items()
        if key != "scale" and not key.startswith("_")
    }
    return {"name": names[0], **parameters}


def prior_from_config(config: Mapping[str, Any]) -> Prior:
    """A prior of scale one from its name and parameters.

    Parameters
    ----------
    config : mapping
        Of ``name`` and parameters.

    Returns
    -------
    Prior

    Raises
    ------
    ValueError
        If there is no such prior, or it has other parameters.

    Examples
    --------
    >>> prior_from_config({"name": "smooth_laplace", "sharpness": 5.0}).sharpness
    5.0
    """
    known, parameters = _BESIDES | PRIORS, dict(config)
    name = check_choice(parameters.pop("name", None), "prior", known)
    try:
        return known[name](**parameters)
    except TypeError as error:
        raise ValueError(
            f"`prior` {name!r} cannot have the parameters {parameters}: {error}"
        ) from None


__all__ = [
    "PRIORS",
    "Exponential",
    "Laplace",
    "LogConcave",
    "Prior",
    "SmoothLaplace",
    "SoftUniform",
    "check_prior",
    "get_prior",
    "prior_from_config",
    "prior_to_config",
]
