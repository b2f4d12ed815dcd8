"""Rows of a map-style torch `Dataset`, fetched by their numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from overica._validation import as_floating, as_numpy
from overica.rows.streams import features_of


class DatasetRows:
    """A data set whose items are samples, as a matrix: `dataset[i]` is row i.

    An item is an array or tensor (n_features,), a tuple or list that begins with one, or a mapping to one alone.
    Several are fetched at once where the data set has `__getitems__`.

    Parameters
    ----------
    dataset : torch.utils.data.Dataset
        With a length.

    Attributes
    ----------
    shape : (int, int)
    dtype : numpy.dtype

    Raises
    ------
    ValueError
        If it is empty, or an item is no sample as the first one is: names the item.

    Examples
    --------
    >>> X = DatasetRows([(np.array([1.0, 2.0]), "label"), (np.array([3.0, 4.0]), "label")])
    >>> X.shape, X[1:]
    ((2, 2), array([[3., 4.]]))
    """

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset
        if not len(dataset):
            raise ValueError("`X` must hold a sample or more, got an empty data set")
        first = self._row(0, dataset[0])
        if first.ndim != 1:
            raise ValueError(
                f"item 0 of `X` must have shape (n_features,), got {first.shape}: a data set of batches goes into a "
                "`DataLoader` with batch_size=None"
            )
        self.shape = (len(dataset), len(first))
        self.dtype = first.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: slice | np.ndarray) -> np.ndarray:
        rows = range(*key.indices(len(self))) if isinstance(key, slice) else [int(i) for i in key]
        found = np.empty((len(rows), self.shape[1]), self.dtype)
        for place, (row, item) in enumerate(zip(rows, self._items(rows), strict=True)):
            got = self._row(row, item)
            if got.shape != found.shape[1:] or got.dtype != self.dtype:
                raise ValueError(
                    f"item {row} of `X` must be {self.dtype} of shape {found.shape[1:]} as the first one is, "
                    f"got {got.dtype} {got.shape}"
                )
            found[place] = got
        return found

    def place(self, row: int) -> str:
        """Where a row lies, in words."""
        return f"item {row}"

    def _items(self, rows: Any) -> Any:
        if len(rows) and hasattr(self._dataset, "__getitems__"):
            return self._dataset.__getitems__(list(rows))
        return (self._dataset[row] for row in rows)

    def _row(self, row: int, item: Any) -> np.ndarray:
        return as_numpy(as_floating(features_of(item, f"item {row} of `X`"), "X"))
