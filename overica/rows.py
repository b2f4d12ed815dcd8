"""Samples that are read part by part: memory maps, several files, half precision. None is ever copied whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import array_api_compat
import numpy as np

from overica._validation import Array, as_floating, as_numpy

_CHUNK_NUMBERS = 2**19
"""Numbers of a part: four megabytes in double precision."""


class Rows:
    """A matrix whose rows lie anywhere, and come in the precision that is worked in: float32 or float64.

    Rows are asked for by a slice or an array of indices and come as a NumPy array: half precision as float32, integers
    as float64, tensors from their device.

    Parameters
    ----------
    X : array (n_samples, n_features)
        A NumPy array, memory-mapped or not, a torch tensor, or anything else with `shape` and `dtype` whose rows
        are chosen by slices and by index arrays, such as `overica.lm.ShardedRows`.

    Attributes
    ----------
    shape : tuple of int
    dtype : numpy.dtype
        Of what comes.

    Raises
    ------
    ValueError
        If X does not hold real numbers.

    Examples
    --------
    >>> X = Rows(np.ones((3, 2), np.float16))
    >>> X.shape, X.dtype, X[1:]
    ((3, 2), dtype('float32'), array([[1., 1.], [1., 1.]], dtype=float32))
    """

    def __init__(self, X: Array) -> None:
        self._X = X
        self.shape = tuple(int(length) for length in X.shape)
        self.dtype: np.dtype = self[:0].dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: slice | np.ndarray) -> np.ndarray:
        return as_numpy(as_floating(self._X[key], "X"))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All rows in memory."""
        rows = self[:]
        return rows if dtype is None else rows.astype(dtype, copy=False)


def is_streamed(X: Any) -> bool:
    """Whether samples are read part by part: what is mapped, in half precision, or has rows but is no array."""
    if array_api_compat.is_torch_array(X):
        return X.ndim > 0 and X.element_size() == 2 and X.is_floating_point()
    if isinstance(X, np.ndarray):
        return X.ndim > 0 and (X.dtype == np.float16 or not in_memory(X))
    # Sparse matrices have rows, but none that could be read; scikit-learn refuses them in its own words.
    by_rows = all(hasattr(X, name) for name in ("shape", "dtype", "__getitem__"))
    return by_rows and len(X.shape) > 0 and not hasattr(X, "toarray")


def in_memory(X: Any) -> bool:
    """Whether samples lie in memory: a tensor, or an array that is no view of a memory-mapped file."""
    owner = X._X if isinstance(X, Rows) else X
    if array_api_compat.is_torch_array(owner):
        return True
    found = isinstance(owner, np.ndarray)
    while isinstance(owner, np.ndarray):
        if isinstance(owner, np.memmap):
            return False
        owner = owner.base
    return found


def some_rows(n_rows: int, most: int, rng: np.random.Generator) -> np.ndarray:
    """Positions of at most so many of the rows, ascending.

    Drawn, since what recurs every so many rows, such as the first token of a text, must not be all there is.

    Examples
    --------
    >>> some_rows(3, 4, np.random.default_rng(0)), len(some_rows(30, 4, np.random.default_rng(0)))
    (array([0, 1, 2]), 4)
    """
    if n_rows <= most:
        return np.arange(n_rows)
    return np.sort(rng.choice(n_rows, most, replace=False))


def chunks(X: np.ndarray | Rows) -> Iterator[np.ndarray]:
    """All rows in order, some half a million numbers at a time.

    Examples
    --------
    >>> [len(part) for part in chunks(np.zeros((2**18 + 1, 2)))]
    [262144, 1]
    """
    n_rows = max(1, _CHUNK_NUMBERS // max(1, X.shape[1]))
    for start in range(0, len(X), n_rows):
        yield X[start : start + n_rows]
