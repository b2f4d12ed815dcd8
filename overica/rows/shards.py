"""Rows in several arrays, memory-mapped or not, read as one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from overica._validation import Array, as_floating, as_numpy, check_scalar
from overica.random_state import generator
from overica.rows.rows import file_of


class ShardedRows:
    """A matrix whose rows lie in consecutive arrays, memory-mapped or not; what is asked for is read, no more.

    Parameters
    ----------
    shards : sequence of array (n_rows_i, n_features)
        NumPy arrays, maps or tensors. At least one; of one width and one dtype.
    names : sequence of str, optional
        What each is called in messages. None: the file that it is a map of, where that is known.

    Attributes
    ----------
    shape : (int, int)
        ``(n_rows, n_features)``.
    dtype : numpy.dtype
        That of the shards; of tensors in half precision float32.
    ndim : int
        2.
    precision : str
        What the shards' numbers are called.

    Raises
    ------
    ValueError
        If shards do not fit together: names the first that does not.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.rows import ShardedRows
    >>> X = ShardedRows([np.zeros((3, 2)), np.ones((2, 2))])
    >>> X.shape, X[3], X[[4, 0]]
    ((5, 2), array([1., 1.]), array([[1., 1.], [0., 0.]]))
    >>> X[2:4].shape
    (2, 2)
    >>> X.place(3)
    'row 0 of shard 1'
    >>> ShardedRows([np.zeros((3, 2)), np.ones((2, 3))])
    Traceback (most recent call last):
    ...
    ValueError: `X` must be of shards of one width: expected (n_rows, n_features=2) in shard 1, got (2, 3)
    """

    ndim = 2

    def __init__(self, shards: Sequence[Array], names: Sequence[str] | None = None) -> None:
        self._shards, self.names = list(shards), names
        if not self._shards:
            raise ValueError("`X` must have a shard or more, got none")
        for number in range(len(self._shards)):
            self._check(number)
        self._starts = np.concatenate([[0], np.cumsum([len(shard) for shard in self._shards])])
        self.shape = (int(self._starts[-1]), int(self._shards[0].shape[1]))
        self.dtype = _read(self._shards[0], slice(0, 0)).dtype
        self.precision = precision_of(self._shards[0])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> np.ndarray:
        """One row, (n_features,), of an integer; rows, (n, n_features), of a slice, index array or mask."""
        if isinstance(key, slice):
            return self._span(range(len(self))[key])
        index = np.asarray(key)
        if index.dtype == bool:
            if index.shape != (len(self),):
                raise IndexError(f"a mask must have shape ({len(self)},), got {index.shape}")
            index = np.flatnonzero(index)
        if index.ndim > 1 or (index.size and index.dtype.kind not in "iu"):
            raise IndexError(
                f"rows are chosen by an integer, a slice or a 1d array, got {type(key).__name__}"
            )
        rows = self._take(self._indices(np.atleast_1d(index).astype(np.int64)))
        return rows if index.ndim else rows[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All rows in memory."""
        if copy is False:
            raise ValueError("rows of several files cannot be one array without a copy")
        rows = self._take(np.arange(len(self)))
        return rows if dtype is None else rows.astype(dtype, copy=False)

    def batches(self, batch_size: int, random_state: Any = None) -> Iterator[np.ndarray]:
        """Every row once, `batch_size` at a time; see `row_batches`."""
        return row_batches(self, batch_size, random_state)

    def place(self, row: int) -> str:
        """Where a row lies, in words."""
        shard = int(np.searchsorted(self._starts, row, side="right")) - 1
        return f"row {row - self._starts[shard]} of {self._named(shard)}"

    def _named(self, number: int) -> str:
        path = self.names[number] if self.names else file_of(self._shards[number])
        return f"shard {number}" if path is None else f"shard {number} ({Path(path).name})"

    def _check(self, number: int) -> None:
        """Refuse a shard that has no rows of numbers, or others than the first one."""
        first, shard = self._shards[0], self._shards[number]
        got = tuple(shard.shape)
        if len(got) != 2 or got[1] != first.shape[-1]:
            wanted = "n_features" if number == 0 else f"n_features={first.shape[1]}"
            raise ValueError(
                f"`X` must be of shards of one width: expected (n_rows, {wanted}) in {self._named(number)}, got {got}"
            )
        if precision_of(shard) != precision_of(first):
            raise ValueError(
                f"`X` must be of shards of one dtype: expected {precision_of(first)} in {self._named(number)}, "
                f"got {precision_of(shard)}"
            )

    def _indices(self, index: np.ndarray) -> np.ndarray:
        n_rows = len(self)
        if index.size and (index.min() < -n_rows or index.max() >= n_rows):
            raise IndexError(f"rows must be in 0..{n_rows - 1}, got {index.min()}..{index.max()}")
        return np.where(index < 0, index + n_rows, index)

    def _span(self, rows: range) -> np.ndarray:
        """Rows of a slice: those next to each other in one shard are read as they lie."""
        if len(rows) and rows.step == 1:
            shard = int(np.searchsorted(self._starts, rows.start, side="right")) - 1
            start = int(self._starts[shard])
            if rows.stop <= self._starts[shard + 1]:
                return _read(self._shards[shard], slice(rows.start - start, rows.stop - start))
        return self._take(np.array(rows, np.int64))

    def _take(self, index: np.ndarray) -> np.ndarray:
        found = np.empty((index.size, self.shape[1]), self.dtype)
        shard_of = np.searchsorted(self._starts, index, side="right") - 1
        for shard in np.unique(shard_of):
            mine = np.flatnonzero(shard_of == shard)
            # In the order of the file: a memory map is read from front to back.
            mine = mine[np.argsort(index[mine], kind="stable")]
            found[mine] = _read(self._shards[shard], index[mine] - self._starts[shard])
        return found


def _read(shard: Array, key: slice | np.ndarray) -> np.ndarray:
    rows = shard[key]
    return rows if isinstance(rows, np.ndarray) else as_numpy(as_floating(rows, "X"))


def precision_of(shard: Array) -> str:
    """What the numbers of an array or tensor are called, as NumPy and torch both say."""
    return getattr(shard, "precision", str(shard.dtype)).removeprefix("torch.")


def row_batches(
    X: np.ndarray | ShardedRows, batch_size: int, random_state: Any = None
) -> Iterator[np.ndarray]:
    """Every row of `X` once, `batch_size` rows at a time; the last batch may be smaller.

    Parameters
    ----------
    X : array (n_rows, n_features) or ShardedRows
    batch_size : int
    random_state : int, numpy Generator or None
        Draws the order; None keeps the order of the rows.

    Yields
    ------
    array (batch_size, n_features)
        A copy in memory.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.rows.shards import row_batches
    >>> [len(batch) for batch in row_batches(np.zeros((5, 2)), 2)]
    [2, 2, 1]
    """
    batch_size = check_scalar(batch_size, "batch_size", minimum=1, integer=True)
    order = None if random_state is None else generator(random_state).permutation(len(X))
    for start in range(0, len(X), batch_size):
        stop = min(start + batch_size, len(X))
        yield np.array(X[start:stop] if order is None else X[order[start:stop]])
