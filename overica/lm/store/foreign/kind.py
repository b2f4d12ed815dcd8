"""What a kind of file with arrays is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np

from overica.lm.store.precision import Widened

Parts = list[Any]
"""Consecutive parts of one array, each mapped: NumPy arrays, or `Widened` of bfloat16."""
READABLE = ("float16", "float32", "float64")


class Kind(Protocol):
    """How arrays lie in files of one kind."""

    name: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]

    def read(self, path: Path) -> dict[str, Parts]:
        """All arrays of a file by name, none of them copied into memory where that can be helped.

        Raises
        ------
        ValueError
            If the file is damaged, is not whole yet, or holds what cannot be read: names it.
        ImportError
            If a package is missing.
        """
        ...


def unfinished(path: Path, reason: object) -> ValueError:
    """What is said of a file that ends too early."""
    return ValueError(f"{path} is damaged, or another process still writes it: {reason}")


def is_activations(parts: Parts) -> bool:
    """Whether an array is of real numbers, and of rows or of contexts of rows."""
    return parts[0].dtype.name in READABLE and parts[0].ndim in (2, 3)


def is_integers(parts: Parts) -> bool:
    """Whether an array may be of token ids."""
    return not isinstance(parts[0], Widened) and np.issubdtype(parts[0].dtype, np.integer)
