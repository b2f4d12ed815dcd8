"""Rows that are read when they are needed, wherever they lie, in the precision that is worked in."""

from __future__ import annotations

from typing import Any

import array_api_compat
import numpy as np

from overica._validation import Array, as_floating, as_numpy


class Rows:
    """A matrix whose rows lie anywhere, and come in the precision that is worked in: float32 or float64.

    Rows are asked for by a slice or an array of indices and come as a NumPy array: half precision as float32, integers
    as float64, tensors from their device. They are read in the order in which they lie, each once, and are finite.

    Parameters
    ----------
    X : array (n_samples, n_features)
        A NumPy array, memory-mapped or not, a torch tensor, or anything else with `shape` and `dtype` whose rows
        are chosen by slices and by rising index arrays, such as `overica.rows.ShardedRows`. Where it has a method
        `place`, that says which row one is, in errors.

    Attributes
    ----------
    shape : tuple of int
    dtype : numpy.dtype
        Of what comes.

    Raises
    ------
    ValueError
        If X does not hold real numbers, or a row that is read is not finite: names the row.

    Examples
    --------
    >>> X = Rows(np.ones((3, 2), np.float16))
    >>> X.shape, X.dtype, X[1:]
    ((3, 2), dtype('float32'), array([[1., 1.], [1., 1.]], dtype=float32))
    """

    def __init__(self, X: Array) -> None:
        self._X = X
        self.shape = tuple(int(length) for length in X.shape)
        self.dtype: np.dtype = self._read(slice(0, 0)).dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: slice | np.ndarray) -> np.ndarray:
        if isinstance(key, slice) or not len(key) or (np.diff(key) > 0).all():
            rows = self._read(key)
        else:
            once, back = np.unique(key, return_inverse=True)
            rows = self._read(once)[back]
        if not np.isfinite(rows).all():
            self._refuse(key, rows)
        return rows

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All rows in memory."""
        rows = self[:]
        return rows if dtype is None else rows.astype(dtype, copy=False)

    def head(self, n_rows: int) -> np.ndarray:
        """The first rows, unchecked."""
        return self._read(slice(0, n_rows))

    def _read(self, key: slice | np.ndarray) -> np.ndarray:
        return as_numpy(as_floating(self._X[key], "X"))

    def _refuse(self, key: slice | np.ndarray, rows: np.ndarray) -> None:
        first = first_bad(rows)
        index = range(*key.indices(len(self)))[first] if isinstance(key, slice) else int(key[first])
        place = getattr(self._X, "place", "row {}".format)(index)
        raise ValueError(f"`X` must be finite, got {bad_value(rows[first])} in {place}")


def first_bad(rows: np.ndarray) -> int:
    """The first row that is not finite."""
    return int(np.flatnonzero(~np.isfinite(rows).reshape(len(rows), -1).all(axis=1))[0])


def bad_value(row: np.ndarray) -> str:
    """What of a row is not finite, in words."""
    return "NaN" if np.isnan(row).any() else "infinity"


def in_memory(X: Any) -> bool:
    """Whether samples lie in memory: a tensor or an array that is no view of a memory-mapped file."""
    owner = X._X if isinstance(X, Rows) else X
    if array_api_compat.is_torch_array(owner):
        return file_of(owner) is None
    return isinstance(owner, np.ndarray) and file_of(owner) is None


def file_of(X: Any) -> str | None:
    """The file that an array or tensor is a map of, as far as that is known."""
    if array_api_compat.is_torch_array(X):
        # Of `torch.load(mmap=True)` torch itself does not know it any more.
        filename: str | None = getattr(X.untyped_storage(), "filename", None)
        return filename
    owner = X
    while isinstance(owner, np.ndarray):
        if isinstance(owner, np.memmap) and owner.filename is not None:
            return str(owner.filename)
        owner = owner.base
    return None


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
