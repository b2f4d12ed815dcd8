"""Entries of a study's lists: names, or tables of a name, a label and arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from overica.studies.errors import StudyError, unknown


@dataclass(frozen=True)
class Choice:
    """A data set or a method of a study: which, what it is called there, and its arguments."""

    name: str
    """Key in a registry, such as `METHODS`."""
    label: str
    """What it is called in the results; the name, unless the study says otherwise."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """For the maker or class of that name."""

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
