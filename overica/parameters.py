"""From the estimator's parameters to the settings of a fit, checked once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from overica._validation import check_choice, check_scalar
from overica.backend import torch_device
from overica.distributed.ranks import check_divisible
from overica.inference import SOLVERS, Solver
from overica.learning import Model, get_rule
from overica.learning.fitting import FitSettings
from overica.priors import Prior, get_prior
from overica.ranges import reach, unit_columns
from overica.schedules import Annealing, get_schedule

AUTO = "auto"
"""The prior that is Laplace unless samples determine their sources and the evidence says otherwise."""
_SAMPLES_PER_STEP = 1500
_SAMPLES_PER_COMPONENT = 4
_WIDE = 2048
"""Components from which on a step of four samples each keeps a GPU busy: below, it waits for the host to launch."""


def fit_settings(parameters: Any, n_features: int, unit: float) -> tuple[FitSettings, int | str]:
    """Settings in normalised units, and the number of components ("auto" left as it is).

    Raises
    ------
    ValueError
        Naming the parameter, what was expected, and what came.
    """
    noise_variance = parameters.noise_variance
    if noise_variance is not None:
        noise_variance = check_scalar(noise_variance, "noise_variance", strict=True)
        if not 1 / reach(np.float64) <= noise_variance / unit / unit <= reach(np.float64):
            raise ValueError(
                f"`noise_variance` must be of a size with the variance of X, {unit**2:.0e}, got {noise_variance:.0e}"
            )
    n_restarts = parameters.n_restarts
    if n_restarts is not None:
        n_restarts = check_scalar(n_restarts, "n_restarts", minimum=1, integer=True)
    n_components = _n_components(parameters.n_components, n_features)
    settings = FitSettings(
        rule=get_rule(parameters.rule),
        schedule=get_schedule(parameters.schedule),
        annealing=_annealing(parameters.annealing),
        learning_rate=check_scalar(parameters.learning_rate, "learning_rate", strict=True),
        n_steps=check_scalar(parameters.max_iter, "max_iter", minimum=1, integer=True),
        batch_size=_batch_size(parameters.batch_size, n_components, n_features),
        init=_init(parameters.init, unit),
        overprovision=check_scalar(parameters.overprovision, "overprovision", minimum=1.0),
        n_restarts=n_restarts,
        noise_variance=noise_variance,
        any_shape=isinstance(parameters.prior, str) and parameters.prior == AUTO,
    )
    return settings, n_components


def template(prior: str | Prior, solver: str | Solver, device: str) -> Model:
    """A model without a mixing matrix yet: prior of scale one, solver, device."""
    prior = sparse_prior(prior).with_scale(1.0)
    if not isinstance(solver, Solver):
        check_choice(solver, "solver", ("auto", *SOLVERS))
    return Model(np.empty((0, 0)), prior, 1.0, solver=solver, device=device)


def sparse_prior(prior: str | Prior) -> Prior:
    """The prior of sparse sources that a parameter names: Laplace for "auto"."""
    return get_prior("laplace" if isinstance(prior, str) and prior == AUTO else prior)


def resolve_device(device: str, prior: str | Prior, n_components: int | str | None = None) -> str:
    """ "cpu" or a torch device: "auto" is CUDA, if there is one, where kernels do not serve or there is much to do."""
    kernels_do = sparse_prior(prior).l1_weights() is not None and not _wide(n_components)
    if device == "cpu" or (device == "auto" and kernels_do):
        return "cpu"
    return str(torch_device(device))


def _wide(n_components: int | str | None) -> bool:
    """Whether there is enough work in a step for a GPU."""
    return isinstance(n_components, int | np.integer) and int(n_components) >= _WIDE


def _n_components(value: Any, n_features: int) -> int | str:
    if value is None:
        return n_features
    if isinstance(value, str):
        if value != "auto":
            raise ValueError(f'`n_components` must be an integer, None or "auto", got {value!r}')
        return value
    return int(check_scalar(value, "n_components", minimum=1, integer=True))


def _batch_size(value: Any, n_components: int | str, n_features: int) -> int:
    if value is None:
        # A source of a wide dictionary is active in few samples, and each needs some of them in every batch.
        width = 2 * n_features if isinstance(n_components, str) else n_components
        return max(_SAMPLES_PER_STEP, _SAMPLES_PER_COMPONENT * width)
    size = int(check_scalar(value, "batch_size", minimum=1, integer=True))
    check_divisible(size, "`batch_size`")
    return size


def _annealing(value: Any) -> Annealing:
    if isinstance(value, Annealing):
        return value
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        raise ValueError(f"`annealing` must be a pair (start, end), got {value!r}")
    return Annealing(*value)


def _init(value: Any, unit: float) -> str | np.ndarray:
    if isinstance(value, str):
        return value
    try:
        A = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"`init` must be a name or a matrix of numbers, got {value!r}") from None
    # What is no finite matrix is for the start to refuse.
    return unit_columns(A) if A.ndim == 2 and np.isfinite(A).all() else A
