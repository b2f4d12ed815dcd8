"""Nested values of numbers, text and arrays as arrays by name and what JSON has words for, and back, to the bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

_ARRAY = "\0array"
"""Key of a place from which an array was taken: its name, and how it lay in memory."""


def pack(value: Any) -> tuple[dict[str, np.ndarray], Any]:
    """The arrays of nested mappings and sequences by name, and the rest with their names where they were.

    Arrays are copied, and know whether they lay column by column: BLAS rounds products of the two layouts differently.

    Parameters
    ----------
    value : mapping, sequence, array, number, text, bool or None
        Keys are text. Tuples come back as lists, NumPy's numbers as Python's.

    Raises
    ------
    TypeError
        If something in it is of another kind.

    Examples
    --------
    >>> arrays, facts = pack({"step": 3, "A": np.eye(2), "rest": (None, np.float64(0.5))})
    >>> arrays, facts["rest"]
    ({'A': array([[1., 0.],
           [0., 1.]])}, [None, 0.5])
    >>> unpack(arrays, facts)["A"].tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    arrays: dict[str, np.ndarray] = {}
    return arrays, _packed(value, "", arrays)


def unpack(arrays: Mapping[str, np.ndarray], facts: Any) -> Any:
    """The value of which `pack` made these; arrays are new ones."""
    if isinstance(facts, list):
        return [unpack(arrays, each) for each in facts]
    if not isinstance(facts, dict):
        return facts
    if _ARRAY not in facts:
        return {name: unpack(arrays, each) for name, each in facts.items()}
    name, by_columns = facts[_ARRAY]
    stored = np.array(arrays[name], order="C")
    return stored.T if by_columns else stored


def series_values(history: Mapping[str, list[float]]) -> dict[str, np.ndarray]:
    """Figures by name, one per step, as arrays."""
    return {name: np.array(figures, np.float64) for name, figures in history.items()}


def remember(history: dict[str, list[float]], values: Mapping[str, np.ndarray]) -> None:
    """Put figures in the place of those that a history holds."""
    history.clear()
    history.update({name: figures.tolist() for name, figures in values.items()})


def _packed(value: Any, path: str, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.ndarray):
        by_columns = value.flags.f_contiguous and not value.flags.c_contiguous
        arrays[path] = np.array(value.T if by_columns else value, order="C")
        return {_ARRAY: [path, by_columns]}
    inner = f"{path}." if path else ""
    if isinstance(value, Mapping):
        return {name: _packed(each, inner + name, arrays) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_packed(each, f"{inner}{i}", arrays) for i, each in enumerate(value)]
    raise TypeError(f"expected numbers, text and arrays, got {type(value).__name__} at {path!r}")
