"""From the words of a command to an estimator that is not fitted yet."""

from __future__ import annotations

import tomllib
from collections.abc import Container, Iterable, Mapping
from typing import Any

import numpy as np

from overica.studies.errors import unknown
from overica.studies.method import Assignment, Method
from overica.studies.registry import METHODS

STEPS = ("n_steps", "max_iter")
"""What methods call the steps of a run."""
_OWN = frozenset({"n_components", "random_state", "callback", "verbose", "checkpoint"})
"""Parameters that the command sets, or that no word can be."""


def learners() -> list[str]:
    """Methods that learn, by name.

    Examples
    --------
    >>> "batchtopk" in learners(), "oracle" in learners()
    (True, False)
    """
    return [name for name, known in METHODS.items() if not known.reference and name != "loaded"]


def settings(words: Iterable[str], known: Container[str] = ()) -> dict[str, Any]:
    """Parameters given as ``name=value``, the value as TOML has it; what is no TOML is a word.

    Raises
    ------
    ValueError
        If there is no equals sign, or a parameter is given that was before, or is `known` from elsewhere.

    Examples
    --------
    >>> settings(["learning_rate=3e-4", "whiten=true", "rule=natural", "annealing=[0.5, 0.05]"])
    {'learning_rate': 0.0003, 'whiten': True, 'rule': 'natural', 'annealing': [0.5, 0.05]}
    """
    found = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not (name.strip() and equals):
            raise ValueError(f"a setting must be NAME=VALUE, got {word!r}")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text.strip()
        name = name.strip().replace("-", "_")
        if name in found or name in known:
            raise ValueError(f"a setting must be given once, got {word!r} and another of `{name}`")
        found[name] = value
    return found


def build(
    method: str, n_components: int, *, seed: int, n_active: float | None, given: Mapping[str, Any]
) -> Any:
    """An estimator by the name of its method.

    Parameters
    ----------
    method : str
        Of `learners`.
    n_components : int
    seed : int
    n_active : float or None
        None leaves it to the method.
    given : mapping
        Parameters by name; ``steps`` is what the method calls its steps.

    Returns
    -------
    estimator

    Raises
    ------
    ValueError
        If there is no such method or parameter: names the nearest. If the method must be told `n_active`, or cannot.
    """
    if method not in learners():
        raise unknown("`method`", "method", method, learners())
    known = METHODS[method]
    estimator = _plain(known, n_components, n_active, seed)
    names = estimator.get_params(deep=False).keys()
    if n_active is not None and "n_active" not in names:
        raise ValueError(
            f"{method} learns how many features are active: `n_active` cannot be given"
        )
    told = dict(given)
    if "steps" in told:
        told[next((name for name in STEPS if name in names), "steps")] = told.pop("steps")
    for name in told:
        if name not in names - _OWN:
            raise unknown(f"method {method}", "parameter", name, names - _OWN)
    settable = {name: value for name, value in told.items() if name in known.parameters}
    estimator = _plain(known, n_components, n_active, seed, settable)
    return estimator.set_params(**{name: told[name] for name in told.keys() - settable.keys()})


def _plain(
    known: Method,
    n_components: int,
    n_active: float | None,
    seed: int,
    settable: Mapping[str, Any] | None = None,
) -> Any:
    if known.sweeps and known.family == "baseline" and n_active is None:
        raise ValueError(f"{known.name} must be told how many features are active: give `n_active`")
    # Nothing is learned from these samples, which come later; the number is left open.
    nothing: Any = n_active
    assignment = Assignment(n_components, nothing, False, seed, np.empty((0, 0)))
    return known.build(assignment, **(settable or {}))
