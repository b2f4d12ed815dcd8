"""What makes a fit the same fit again: its parameters and its samples, in words and hashes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

import numpy as np

_ROWS = 64
"""Of the samples that are looked at, evenly chosen, first and last among them."""
_DIGITS = 16
_DEEPEST = 6
"""Levels of objects within objects that are looked into."""
FREE = frozenset(
    {"random_state", "device", "verbose", "callback", "checkpoint", "checkpoint_every"}
)
"""Parameters of estimators that do not make another fit; instead of the first the generator's state is looked at."""


def described(value: Any, depth: int = 0) -> Any:
    """A value in words that JSON has, the same in every process: arrays by shape and hash, objects by what they hold.

    Examples
    --------
    >>> described((1, None, "natural"))
    [1, None, 'natural']
    >>> described(np.zeros(3)) == described(np.ones(3))
    False
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if depth > _DEEPEST:
        return type(value).__qualname__
    if hasattr(value, "__array__"):
        array = np.asarray(value)
        return f"{array.dtype} array of shape {array.shape}, {_hash(array)}"
    if isinstance(value, Mapping):
        return {str(name): described(each, depth + 1) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [described(each, depth + 1) for each in value]
    if isinstance(value, type) or not hasattr(value, "__dict__") or hasattr(value, "__qualname__"):
        return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', type(value).__qualname__)}"
    return {"class": type(value).__qualname__} | described(_held(value), depth + 1)


def fingerprint(X: Any) -> dict[str, Any]:
    """Shape, dtype and a hash of some rows of samples: evenly chosen ones, or of a stream's `beginning`."""
    known = getattr(X, "beginning", X)
    rows = np.unique(np.linspace(0, len(known) - 1, _ROWS).round().astype(np.int64))
    return {
        "shape": list(X.shape) if known is X else [None, known.shape[1]],
        "dtype": str(X.dtype),
        "rows": _hash(np.asarray(known[rows])),
    }


def differences(there: Any, here: Any, name: str = "") -> Iterator[str]:
    """What differs between two descriptions.

    Examples
    --------
    >>> list(
    ...     differences(
    ...         {"rule": "natural", "X": {"shape": [9, 2]}},
    ...         {"rule": "natural", "X": {"shape": [8, 2]}},
    ...     )
    ... )
    ['X.shape is [8, 2], was [9, 2]']
    """
    if isinstance(there, dict) and isinstance(here, dict):
        for key in dict.fromkeys([*there, *here]):
            inner = f"{name}.{key}" if name else key
            yield from differences(there.get(key), here.get(key), inner)
    elif there != here:
        yield f"{name} is {here!r}, was {there!r}"


def _held(value: Any) -> dict[str, Any]:
    """What an object consists of: its parameters, its fields, or all that it has."""
    if hasattr(value, "get_params"):
        parameters = value.get_params(deep=False)
        return {name: each for name, each in parameters.items() if name not in FREE}
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return {name: each for name, each in vars(value).items() if not name.startswith("_")}


def _hash(array: np.ndarray) -> str:
    return sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:_DIGITS]
