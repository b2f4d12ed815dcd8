"""Every method that a study may list: overcomplete ICA, all sparse autoencoders, and all baselines."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from overica.baselines import BASELINES
from overica.coding import Featuriser, SparseCoder
from overica.estimator import OvercompleteICA
from overica.random_state import generator
from overica.ranges import unit_rows
from overica.sae import SAES, get_orthogonality
from overica.studies.flops import ica_flops
from overica.studies.loaded import LoadedDictionary
from overica.studies.method import Assignment, Method, settable


def _ica(assignment: Assignment, **parameters: Any) -> Featuriser:
    """The estimator with its defaults; the prior alone follows the data, whose sources are of one sign or two."""
    chosen = {"prior": "exponential" if assignment.nonnegative else "laplace"} | parameters
    return OvercompleteICA(assignment.n_components, random_state=assignment.seed, **chosen)


def _ica_nonnegative(assignment: Assignment, **parameters: Any) -> Featuriser:
    return _ica(assignment, **{"prior": "exponential"} | parameters)


def _sae(name: str) -> Callable[..., Featuriser]:
    def build(assignment: Assignment, **parameters: Any) -> Featuriser:
        orthogonality = parameters.get("orthogonality")
        if isinstance(orthogonality, Mapping):
            # As a file has it: a name of `ORTHOGONALITY`, and a coefficient.
            parameters["orthogonality"] = get_orthogonality(**orthogonality)
        sae: Featuriser = SAES[name](
            assignment.n_components,
            n_active=assignment.n_active,
            random_state=assignment.seed,
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


def _loaded(assignment: Assignment, path: str = "") -> Featuriser:
    if not path:
        raise ValueError("`path` must name a folder or file that overica.load reads, got none")
    dictionary = LoadedDictionary(path)
    # Read at once: what cannot be is told before anything is fitted.
    _ = dictionary.model
    return dictionary


def _random(assignment: Assignment) -> Featuriser:
    rng = generator(assignment.seed)
    rows = rng.standard_normal((assignment.n_components, assignment.X.shape[1]))
    return _fixed(assignment, rows, None)


def _oracle(assignment: Assignment) -> Featuriser:
    if assignment.truth is None:
        raise ValueError("`truth` must be known for the true dictionary, got None")
    return _fixed(assignment, assignment.truth.mixing.T, assignment.truth.offset)


def _fixed(assignment: Assignment, rows: np.ndarray, offset: np.ndarray | None) -> Featuriser:
    """Exact codes on features that are not learned. Where no offset is known and sources have both signs, it is the
    mean of the samples."""
    if offset is None and not assignment.nonnegative:
        offset = assignment.X.mean(axis=0)
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
    "ica_nonnegative": Method(
        "ica_nonnegative", "Overcomplete ICA, non-negative", "ica", _ica_nonnegative, sweeps=False,
        flops=ica_flops, one_sided=True, parameters=settable(OvercompleteICA),
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
            encodes=kind.encodes, one_sided=kind.one_sided, overcomplete=kind.overcomplete,
            by_variance=kind.by_variance, parameters=settable(kind),
        )
        for name, kind in BASELINES.items()
    },
    "loaded": Method(
        "loaded", "Dictionary from a file", "sae", _loaded, sweeps=False,
        parameters=frozenset({"path"}),
    ),
    "random": Method(
        "random", "Random dictionary", "baseline", _random, sweeps=False, encodes=False,
        reference=True,
    ),
    "oracle": Method(
        "oracle", "True dictionary", "baseline", _oracle, sweeps=False, encodes=False,
        reference=True, needs_truth=True,
    ),
}  # fmt: skip
"""Methods by name."""
