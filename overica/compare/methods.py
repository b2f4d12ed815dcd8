"""The methods that are compared: overcomplete ICA, every sparse autoencoder, and baselines."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from overica.baselines import BASELINES
from overica.coding import Featuriser, SparseCoder
from overica.compare.flops import ica_flops, no_flops
from overica.datasets import Mixture
from overica.estimator import OvercompleteICA
from overica.random_state import generator
from overica.ranges import unit_rows
from overica.sae import SAES, get_orthogonality

FAMILIES = ("ica", "sae", "baseline")
"""What the methods are, in the order of tables."""


@dataclass(frozen=True, eq=False)
class Assignment:
    """What a method is told before it sees samples. The truth in `data` is for the oracle alone."""

    n_components: int
    """Features to learn."""
    n_active: float
    """Mean number of active features per sample to reach."""
    nonnegative: bool
    """Whether sources are never negative."""
    seed: int
    """Of everything the method draws."""
    data: Mixture
    """The samples to learn from, with their truth."""


@dataclass(frozen=True, eq=False)
class Method:
    """One way to features: how it is built, and what is known of it.

    A method of your own is one instance in `METHODS`.
    """

    name: str
    """Key in `METHODS`."""
    label: str
    """For tables and pictures."""
    family: str
    """One of `FAMILIES`."""
    build: Callable[..., Featuriser]
    """``build(assignment, **parameters)`` returns a featuriser that is not fitted yet."""
    sweeps: bool
    """Whether it is told how many features are to be active, and so is fitted once per level. The others are fitted
    once, and their features encoded by MAP at every level."""
    flops: Callable[[Any, np.ndarray], float] = field(default=no_flops)
    """``flops(fitted, X)``: floating-point operations of the fit."""
    encodes: bool = True
    """Whether it has codes of its own, at a level of its own, to be reported beside the levels of the study."""
    one_sided: bool = False
    """Whether its codes are never negative, whatever the sources."""
    parameters: frozenset[str] = frozenset()
    """Parameters that a study may set."""


_RESERVED = frozenset(
    {
        "n_components",
        "n_active",
        "random_state",
        "nonnegative",
        "prior",
        "sparsity_coefficient",
        "components",
    }
    | {"offset", "verbose", "callback", "init", "solver", "device", "self"}
)
"""Parameters that the study sets itself, or that no table can hold."""


def settable(kind: Callable[..., Any], *, without: frozenset[str] = _RESERVED) -> frozenset[str]:
    """Names of the parameters of a class that a study may set.

    Examples
    --------
    >>> sorted(settable(BASELINES["fastica"]))
    ['max_iter']
    """
    return frozenset(inspect.signature(kind).parameters) - without


def _ica(assignment: Assignment, **parameters: Any) -> Featuriser:
    """The estimator with its defaults; the prior alone follows the data, whose sources are of one sign or two."""
    prior = "exponential" if assignment.nonnegative else "laplace"
    return OvercompleteICA(
        assignment.n_components, prior=prior, random_state=assignment.seed, **parameters
    )


def _sae(name: str) -> Callable[..., Featuriser]:
    def build(assignment: Assignment, **parameters: Any) -> Featuriser:
        orthogonality = parameters.pop("orthogonality", None)
        if isinstance(orthogonality, Mapping):
            # As a file has it: a name of `ORTHOGONALITY`, and a coefficient.
            orthogonality = get_orthogonality(**orthogonality)
        sae: Featuriser = SAES[name](
            assignment.n_components,
            n_active=assignment.n_active,
            random_state=assignment.seed,
            orthogonality=orthogonality,
            **parameters,
        )
        return sae

    return build


def _baseline(name: str) -> Callable[..., Featuriser]:
    kind = BASELINES[name]

    def build(assignment: Assignment, **parameters: Any) -> Featuriser:
        known = {
            "n_active": assignment.n_active,
            "nonnegative": assignment.nonnegative,
            "random_state": assignment.seed,
        }
        taken = known.keys() & inspect.signature(kind).parameters.keys()
        told = {name: known[name] for name in taken}
        baseline: Featuriser = kind(assignment.n_components, **told, **parameters)
        return baseline

    return build


def _random(assignment: Assignment) -> Featuriser:
    rng = generator(assignment.seed)
    n_features = assignment.data.X.shape[1]
    rows = rng.standard_normal((assignment.n_components, n_features))
    return _fixed(assignment, rows, None)


def _oracle(assignment: Assignment) -> Featuriser:
    return _fixed(assignment, assignment.data.mixing.T, assignment.data.offset)


def _fixed(assignment: Assignment, rows: np.ndarray, offset: np.ndarray | None) -> Featuriser:
    """Exact codes on features that are not learned. Where no offset is known and sources have both signs, it is the
    mean of the samples."""
    if offset is None and not assignment.nonnegative:
        offset = assignment.data.X.mean(axis=0)
    return SparseCoder(
        unit_rows(rows)[0],
        n_active=assignment.n_active,
        nonnegative=assignment.nonnegative,
        offset=offset,
    )


METHODS: dict[str, Method] = {
    "ica": Method(
        "ica", "Overcomplete ICA", "ica", _ica, sweeps=False, flops=ica_flops,
        parameters=settable(OvercompleteICA),
    ),
    **{
        name: Method(
            name, kind.label, "sae", _sae(name), sweeps=True, flops=kind.flops, one_sided=kind.one_sided,
            parameters=settable(kind),
        )
        for name, kind in SAES.items()
    },
    **{
        name: Method(
            name, kind.label, "baseline", _baseline(name), sweeps=kind.sweeps, flops=kind.flops,
            encodes=kind.encodes, one_sided=kind.one_sided, parameters=settable(kind),
        )
        for name, kind in BASELINES.items()
    },
    "random": Method(
        "random", "Random dictionary", "baseline", _random, sweeps=False, encodes=False
    ),
    "oracle": Method(
        "oracle", "True dictionary", "baseline", _oracle, sweeps=False, encodes=False
    ),
}  # fmt: skip
"""Methods by name."""
