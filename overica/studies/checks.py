"""What the keys of a study's configuration may hold: a check takes a value and its name, and returns the value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from overica._validation import check_scalar

Check = Callable[[Any, str], Any]


def count(value: Any, name: str) -> int:
    """An integer from 1."""
    return int(check_scalar(value, name, minimum=1, integer=True))


def whole(value: Any, name: str) -> int:
    """An integer from 0."""
    return int(check_scalar(value, name, minimum=0, integer=True))


def positive(value: Any, name: str) -> float:
    """A number above 0."""
    return float(check_scalar(value, name, strict=True))


def share(value: Any, name: str) -> float:
    """A number between 0 and 1."""
    if positive(value, name) >= 1:
        raise ValueError(f"`{name}` must be below 1, got {value!r}")
    return float(value)


def flag(value: Any, name: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError(f"`{name}` must be true or false, got {value!r}")
    return value


def table(value: Any, name: str) -> dict[str, Any]:
    """A table of parameters."""
    if not isinstance(value, dict):
        raise ValueError(f"`{name}` must be a table of parameters, got {value!r}")
    return dict(value)


def processes(value: Any, name: str) -> int:
    """A number of processes, or -1."""
    if isinstance(value, bool) or not isinstance(value, int) or value == 0:
        raise ValueError(f"`{name}` must be a number of processes or -1, got {value!r}")
    return value


def optional(check: Check) -> Check:
    """None, or what another check lets pass."""
    return lambda value, name: None if value is None else check(value, name)


def ascending(what: str, check: Check = positive) -> Check:
    """A list of different numbers, as an ascending tuple; `what` says of what."""

    def checked(value: Any, name: str) -> tuple[float, ...]:
        if isinstance(value, str) or not isinstance(value, Sequence) or not value:
            raise ValueError(f"`{name}` must list {what}, got {value!r}")
        return tuple(sorted({check(each, f"{name}[{i}]") for i, each in enumerate(value)}))

    return checked


def path(value: Any, name: str) -> str:
    """Of a file or folder."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"`{name}` must be a path, got {value!r}")
    return value


def over(defaults: Mapping[str, Any]) -> Check:
    """A table, before which stand the study's own defaults."""
    return lambda value, name: {**defaults, **table(value, name)}
