"""From an autoencoder's parameters to the settings of its training, checked once and before any work."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sklearn.base import clone

from overica._validation import check_scalar
from overica.distributed.ranks import check_divisible
from overica.sae.arithmetic import Arithmetic
from overica.sae.coefficients import Coefficient, FixedCoefficient, TargetL0
from overica.sae.trainer import Training

RELATIVE_RATE = 0.03
"""Learning rate as a share of the size of an entry of a unit direction."""


def training(parameters: Any, n_features: int) -> Training:
    """Settings of the optimiser.

    Raises
    ------
    ValueError
        Naming the parameter, what was expected, and what came.
    """
    warm_up, cool_down = (
        _share(getattr(parameters, name), name) for name in ("warm_up", "cool_down")
    )
    if warm_up + cool_down > 1:
        raise ValueError(
            f"`warm_up` and `cool_down` must together be at most 1, got {warm_up} and {cool_down}"
        )
    clip = parameters.clip
    return Training(
        n_steps=check_scalar(parameters.n_steps, "n_steps", minimum=1, integer=True),
        learning_rate=learning_rate(parameters.learning_rate, n_features),
        betas=_betas(parameters.betas),
        warm_up=warm_up,
        cool_down=cool_down,
        clip=None if clip is None else check_scalar(clip, "clip", strict=True),
        revive=_flag(parameters.revive, "revive"),
        arithmetic=Arithmetic(parameters.precision, _flag(parameters.compile, "compile")),
    )


def learning_rate(value: Any, n_features: int) -> float:
    """A given learning rate, or ``0.03 / sqrt(n_features)``.

    Examples
    --------
    >>> learning_rate(None, 36), learning_rate(3e-4, 36)
    (0.005, 0.0003)
    """
    if value is None:
        return RELATIVE_RATE / math.sqrt(n_features)
    return float(check_scalar(value, "learning_rate", strict=True))


def n_components(value: Any, n_features: int) -> int:
    """A given number of components, or twice the number of features."""
    if value is None:
        return 2 * n_features
    return int(check_scalar(value, "n_components", minimum=1, integer=True))


def n_active(value: Any, sparsity_coefficient: Any, width: int) -> float | None:
    """A given number of active codes, or half the square root of the width; None where a coefficient is given.

    Raises
    ------
    ValueError
        If both are given, or more codes are to be active than there are.

    Examples
    --------
    >>> n_active(None, None, 32), n_active(None, None, 4096), n_active(2.5, None, 32)
    (3.0, 32.0, 2.5)
    """
    if sparsity_coefficient is not None:
        if value is not None:
            raise ValueError(
                f"give `n_active` or `sparsity_coefficient`, not both: got n_active={value!r} and "
                f"sparsity_coefficient={sparsity_coefficient!r}"
            )
        check_scalar(sparsity_coefficient, "sparsity_coefficient")
        return None
    if value is None:
        return float(max(1, round(math.sqrt(width) / 2)))
    target = float(check_scalar(value, "n_active", strict=True))
    if target > width:
        raise ValueError(f"`n_active` must be at most n_components={width}, got {value!r}")
    return target


def batch_size(value: Any) -> int:
    """A given number of samples, at least one."""
    size = int(check_scalar(value, "batch_size", minimum=1, integer=True))
    check_divisible(size, "`batch_size`")
    return size


def coefficient(given: Any, target: float | None, n_steps: int) -> Coefficient:
    """What presses for sparsity: a given coefficient, or what steers to a number of active codes."""
    if target is None:
        return FixedCoefficient(float(given))
    return TargetL0(target, n_steps)


def orthogonality(value: Any) -> Any:
    """None, or something that can be called and has a coefficient."""
    if value is None:
        return None
    if not callable(value) or not hasattr(value, "coefficient"):
        raise ValueError(
            "`orthogonality` must be None or called as penalty(W_dec, codes, step), with an attribute "
            f"`coefficient`; got {value!r}"
        )
    check_scalar(value.coefficient, "orthogonality.coefficient", minimum=-math.inf)
    # What a penalty remembers from step to step belongs to one fit.
    return clone(value, safe=False)


def _betas(value: Any) -> tuple[float, float]:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        raise ValueError(f"`betas` must be a pair of numbers, got {value!r}")
    first, second = (check_scalar(beta, f"betas[{i}]") for i, beta in enumerate(value))
    if max(first, second) >= 1:
        raise ValueError(f"`betas` must be below 1, got {value!r}")
    return first, second


def _share(value: Any, name: str) -> float:
    share = float(check_scalar(value, name))
    if share > 1:
        raise ValueError(f"`{name}` must be a share of the run, at most 1, got {value!r}")
    return share


def _flag(value: Any, name: str) -> bool:
    if value not in (True, False):
        raise ValueError(f"`{name}` must be True or False, got {value!r}")
    return bool(value)
