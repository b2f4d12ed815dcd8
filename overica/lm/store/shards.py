"""Rows in several memory-mapped files, read as one array."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from overica._validation import check_scalar
from overica.random_state import generator


class ShardedRows:
    """A matrix whose rows lie in consecutive arrays, memory-mapped or not; what is asked for is read, no more.

    Parameters
    ----------
    shards : sequence of array (n_rows_i, n_features)
        At least one; of one dtype.

    Attributes
    ----------
    shape : (int, int)
        ``(n_rows, n_features)``.
    dtype : numpy.dtype
    ndim : int
        2.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.lm import ShardedRows
    >>> X = ShardedRows([np.zeros((3, 2)), np.ones((2, 2))])
    >>> X.shape, X[3], X[[4, 0]]
    ((5, 2), array([1., 1.]), array([[1., 1.], [0., 0.]]))
    >>> X[2:4].shape
    (2, 2)
    """

    ndim = 2

    def __init__(self, shards: Sequence[np.ndarray]) -> None:
        self._shards = list(shards)
        self._starts = np.concatenate([[0], np.cumsum([len(shard) for shard in self._shards])])
        self.shape = (int(self._starts[-1]), int(self._shards[0].shape[1]))
        self.dtype = self._shards[0].dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> np.ndarray:
        """One row, (n_features,), of an integer; rows, (n, n_features), of a slice, index array or mask."""
        if isinstance(key, (int, np.integer)):
            row: np.ndarray = self._take(self._indices(np.array([key])))[0]
            return row
        if isinstance(key, slice):
            return self._take(np.arange(*key.indices(len(self))))
        index = np.asarray(key)
        if index.dtype == bool:
            if index.shape != (len(self),):
                raise IndexError(f"a mask must have shape ({len(self)},), got {index.shape}")
            index = np.flatnonzero(index)
        if index.ndim != 1 or (index.size and index.dtype.kind not in "iu"):
            raise IndexError(
                f"rows are chosen by an integer, a slice or a 1d array, got {type(key).__name__}"
            )
        return self._take(self._indices(index.astype(np.int64)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All rows in memory."""
        if copy is False:
            raise ValueError("rows of several files cannot be one array without a copy")
        rows = self._take(np.arange(len(self)))
        return rows if dtype is None else rows.astype(dtype, copy=False)

    def batches(self, batch_size: int, random_state: Any = None) -> Iterator[np.ndarray]:
        """Every row once, `batch_size` at a time; see `row_batches`."""
        return row_batches(self, batch_size, random_state)

    def _indices(self, index: np.ndarray) -> np.ndarray:
        n_rows = len(self)
        if index.size and (index.min() < -n_rows or index.max() >= n_rows):
            raise IndexError(f"rows must be in 0..{n_rows - 1}, got {index.min()}..{index.max()}")
        return np.where(index < 0, index + n_rows, index)

    def _take(self, index: np.ndarray) -> np.ndarray:
        found = np.empty((index.size, self.shape[1]), self.dtype)
        shard_of = np.searchsorted(self._starts, index, side="right") - 1
        for shard in np.unique(shard_of):
            mine = np.flatnonzero(shard_of == shard)
            # In the order of the file: a memory map is read from front to back.
            mine = mine[np.argsort(index[mine], kind="stable")]
            found[mine] = self._shards[shard][index[mine] - self._starts[shard]]
        return found


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
    >>> from overica.lm.store.shards import row_batches
    >>> [len(batch) for batch in row_batches(np.zeros((5, 2)), 2)]
    [2, 2, 1]
    """
    batch_size = check_scalar(batch_size, "batch_size", minimum=1, integer=True)
    order = None if random_state is None else generator(random_state).permutation(len(X))
    for start in range(0, len(X), batch_size):
        stop = min(start + batch_size, len(X))
        yield np.array(X[start:stop] if order is None else X[order[start:stop]])
