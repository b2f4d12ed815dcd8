"""What studies compare: a way to features, and what it is told."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from overica.datasets import Mixture
from overica.studies.flops import no_flops

FAMILIES = {"ica": "overcomplete ICA", "sae": "sparse autoencoders", "baseline": "baselines"}
"""What methods are, in the order of tables, and how many of them are called."""


@dataclass(frozen=True, eq=False)
class Assignment:
    """What a method is told before it sees samples.

    Examples
    --------
    >>> told = Assignment(8, n_active=2.0, nonnegative=True, seed=0, X=np.zeros((10, 4)))
    >>> told.n_components, told.truth
    (8, None)
    """

    n_components: int
    """Features to learn."""
    n_active: float
    """Mean number of active features per sample to reach."""
    nonnegative: bool
    """Whether sources are never negative."""
    seed: int
    """Of everything the method draws."""
    X: np.ndarray
    """(n_samples, n_features), what is learned from."""
    truth: Mixture | None = None
    """Where it is known; for the oracle alone."""


@dataclass(frozen=True, eq=False)
class Method:
    """One way to features: how it is built, and what is known of it.

    A method of your own is one instance in `METHODS`.

    Examples
    --------
    >>> from overica.baselines import PCABaseline
    >>> mine = Method(
    ...     "mine",
    ...     "PCA again",
    ...     "baseline",
    ...     lambda told: PCABaseline(told.n_components),
    ...     sweeps=False,
    ... )
    >>> mine.build(Assignment(2, 1.0, False, 0, np.empty((0, 0)))).n_components
    2
    """

    name: str
    """Key in `METHODS`."""
    label: str
    """For tables and pictures."""
    family: str
    """One of `FAMILIES`."""
    build: Callable[..., Any]
    """``build(assignment, **parameters)`` returns a featuriser that is not fitted yet. A kind of study with a registry
    of its own may ask for something else."""
    sweeps: bool
    """Whether it is told how many features are to be active, and so is fitted once per level. The others are fitted
    once, and their features encoded at every level."""
    flops: Callable[[Any, np.ndarray], float] = field(default=no_flops)
    """``flops(fitted, X)``: floating-point operations of the fit."""
    encodes: bool = True
    """Whether it has codes of its own, at a level of its own, to be reported beside the levels of the study."""
    overcomplete: bool = True
    """Whether it can learn more features than samples have dimensions."""
    by_variance: bool = False
    """Whether it goes by variances alone, of which white samples have none to tell."""
    one_sided: bool = False
    """Whether its codes are never negative, whatever the sources."""
    parameters: frozenset[str] = frozenset()
    """Parameters that a study may set."""
    reference: bool = False
    """Whether it is told the truth, or learns nothing, and so does not compete."""
    needs_truth: bool = False
    """Whether it makes sense only where the true features are known."""


_RESERVED = frozenset(
    {
        "n_components",
        "n_active",
        "random_state",
        "nonnegative",
        "sparsity_coefficient",
        "components",
    }
    | {"offset", "verbose", "callback", "init", "solver", "device", "self"}
    | {"checkpoint", "checkpoint_every", "warm_start"}
)
"""Parameters that the study sets itself, or that no table can hold."""


def settable(kind: Callable[..., Any]) -> frozenset[str]:
    """Names of the parameters of a class that a study may set."""
    return frozenset(inspect.signature(kind).parameters) - _RESERVED
