"""The keys of a study's configuration: what each may hold."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from overica._validation import check_scalar
from overica.compare.methods import METHODS
from overica.compare.suggestions import StudyError, unknown
from overica.datasets import DATASETS


@dataclass(frozen=True)
class Choice:
    """A data set or a method of a study: which, what it is called there, and its arguments."""

    name: str
    """Key in `DATASETS` or `METHODS`."""
    label: str
    """What it is called in the results; the name, unless the study says otherwise."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """For the data set's maker or the method's class."""

    def as_table(self) -> dict[str, Any]:
        """As it would stand in a TOML file."""
        return {"name": self.name, "label": self.label, **self.arguments}


def choices(
    given: Any,
    where: str,
    key: str,
    noun: str,
    kinds: Mapping[str, Any],
    parameters: Callable[[str], frozenset[str]],
) -> tuple[Choice, ...]:
    """The choices of a list of names and tables.

    Parameters
    ----------
    given : list
        As the study has it.
    where, key, noun : str
        File, key and what it lists, for messages.
    kinds : mapping
        What can be chosen, by name.
    parameters : callable
        Names of the arguments that a kind takes.

    Raises
    ------
    StudyError
        If the list is empty or malformed, a name or argument unknown, or a label there twice.
    """
    if isinstance(given, str) or not isinstance(given, Sequence) or not given:
        raise StudyError(f"{where}`{key}` must list at least one {noun}, got {given!r}")
    chosen = []
    for i, entry in enumerate(given):
        at = f"{where}`{key}[{i}]`"
        if isinstance(entry, str):
            entry = {"name": entry}
        if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
            raise StudyError(f"{at} must be a name or a table with a `name`, got {entry!r}")
        arguments = {k: v for k, v in entry.items() if k not in ("name", "label")}
        name, label = entry["name"], entry.get("label", entry["name"])
        if name not in kinds:
            raise unknown(at, noun, name, kinds)
        if not isinstance(label, str) or not label or "/" in label:
            raise StudyError(f"{at}: `label` must be a name without slashes, got {label!r}")
        for argument in arguments:
            if argument not in parameters(name):
                raise unknown(at, f"argument of {name}", argument, parameters(name))
        chosen.append(Choice(name, label, arguments))
    labels = [choice.label for choice in chosen]
    for i, label in enumerate(labels):
        if label in labels[:i]:
            raise StudyError(
                f"{where}`{key}[{i}]`: {label!r} is there already; give this one a `label` of its own"
            )
    return tuple(chosen)


def dataset_parameters(name: str) -> frozenset[str]:
    """Arguments of a data set that a study may give."""
    parameters = inspect.signature(DATASETS[name]).parameters
    return frozenset(parameters) - {"random_state"}


def method_parameters(name: str) -> frozenset[str]:
    """Parameters of a method that a study may give."""
    return METHODS[name].parameters


def _count(value: Any, name: str) -> int:
    return int(check_scalar(value, name, minimum=1, integer=True))


def _seed(value: Any, name: str) -> int:
    return int(check_scalar(value, name, minimum=0, integer=True))


def _n_components(value: Any, name: str) -> str | float | int:
    if isinstance(value, str):
        if value != "true":
            raise ValueError(f'`{name}` must be "true", a ratio or a number, got {value!r}')
        return value
    if isinstance(value, float):
        return float(check_scalar(value, name, strict=True))
    return _count(value, name)


def _levels(value: Any, name: str) -> tuple[float, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        raise ValueError(f"`{name}` must list multiples of the true L0, got {value!r}")
    levels = [float(check_scalar(v, f"{name}[{i}]", strict=True)) for i, v in enumerate(value)]
    return tuple(sorted(set(levels)))


def _share(value: Any, name: str) -> float:
    share = float(check_scalar(value, name, strict=True))
    if share >= 1:
        raise ValueError(f"`{name}` must be below 1, got {value!r}")
    return share


def _flag(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"`{name}` must be true or false, got {value!r}")
    return value


def _jobs(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value == 0:
        raise ValueError(f"`{name}` must be a number of processes or -1, got {value!r}")
    return value


def _samples(value: Any, name: str) -> int | None:
    return None if value is None else int(check_scalar(value, name, minimum=10, integer=True))


CHECKS: dict[str, Callable[[Any, str], Any]] = {
    "n_seeds": _count,
    "seed": _seed,
    "n_components": _n_components,
    "levels": _levels,
    "n_samples": _samples,
    "n_evaluated": _count,
    "held_out": _share,
    "fresh_data": _flag,
    "n_jobs": _jobs,
}
