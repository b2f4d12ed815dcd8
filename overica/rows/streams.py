"""Samples that come in batches and can be had again: a torch `DataLoader`, or what else is iterated more than once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from overica._validation import as_floating, as_numpy
from overica.rows.rows import bad_value, first_bad

HEAD_NUMBERS = 2**22
"""Of the beginning, kept: a stream that has ended by then is an array."""


class Stream:
    """Batches of rows, read in order each time; no more than the beginning and one batch is in memory.

    A batch is an array or tensor (n, n_features); the first one of a tuple or list of them, as a `DataLoader` gives of
    samples with labels; the only one of a mapping. Numbers are widened as those of `overica.rows.Rows`.

    Parameters
    ----------
    X : iterable of array (n, n_features)
        That ends, and gives the same batches, in any order, each time it is iterated.

    Attributes
    ----------
    width : int
        n_features.
    dtype : numpy.dtype
        Of what comes, float32 or float64.
    beginning : array (n, n_features)
        Its first rows.
    batch_rows : int
        Rows of the first batch.
    n_rows : int or None
        How many there are, once it was read to its end.

    Raises
    ------
    ValueError
        If there is no batch, a batch does not fit to the first one, or a row is not finite: names batch and row.

    Examples
    --------
    >>> X = Stream([np.ones((2, 3)), np.ones((1, 3))])
    >>> X.width, [len(batch) for batch in X.batches()], X.n_rows
    (3, [2, 1], 3)
    >>> Stream([np.ones((2, 3)), np.ones((1, 4))])
    Traceback (most recent call last):
    ...
    ValueError: batch 1 of `X` must have shape (n, n_features=3) as those before it, got (1, 4)
    """

    def __init__(self, X: Any) -> None:
        self._X = X
        self._first: np.ndarray | None = None
        self.n_rows: int | None = None
        kept: list[np.ndarray] = []
        numbers = 0
        for batch in self.batches():
            # Of its own: what gives batches may write the next one over it.
            kept.append(batch.copy())
            numbers += batch.size
            if numbers >= HEAD_NUMBERS:
                break
        self.beginning = np.concatenate(kept)
        self.batch_rows = len(kept[0])
        self.width = int(self.beginning.shape[1])
        self.dtype = self.beginning.dtype

    @property
    def is_short(self) -> bool:
        """Whether its beginning is all there is."""
        return self.n_rows == len(self.beginning)

    @property
    def shape(self) -> tuple[int | None, int]:
        """``(n_rows, width)``."""
        return self.n_rows, self.width

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All rows in memory."""
        rows = self.beginning if self.is_short else np.concatenate(list(self.batches()))
        return rows if dtype is None else rows.astype(dtype, copy=False)

    def head(self, n_rows: int) -> np.ndarray:
        """The first rows."""
        return self.beginning[:n_rows]

    def batches(self) -> Iterator[np.ndarray]:
        """All batches from the first on, (n, n_features) each.

        Raises
        ------
        ValueError
            If there are not as many rows as the first time.
        """
        n_rows = 0
        for number, given in enumerate(iter(self._X)):
            batch = self._checked(number, given)
            n_rows += len(batch)
            yield batch
        if n_rows == 0:
            raise ValueError("`X` must give a batch of rows when it is iterated, got none")
        if self.n_rows not in (None, n_rows):
            raise ValueError(
                "`X` must give the same rows each time it is iterated, "
                f"got {self.n_rows} rows at first and {n_rows} now"
            )
        self.n_rows = n_rows

    def _checked(self, number: int, given: Any) -> np.ndarray:
        """A batch as an array, if it is one."""
        batch = as_numpy(as_floating(features_of(given, f"batch {number} of `X`"), "X"))
        name = f"batch {number} of `X`"
        if self._first is None:
            if batch.ndim != 2 or not batch.shape[1]:
                raise ValueError(
                    f"{name} must have shape (n, n_features), got {batch.shape}: what gives single rows goes into a "
                    "`DataLoader` with a batch size"
                )
            self._first = batch[:0].copy()
        first = self._first
        if batch.ndim != 2 or batch.shape[1] != first.shape[1]:
            raise ValueError(
                f"{name} must have shape (n, n_features={first.shape[1]}) as those before it, got {batch.shape}"
            )
        if batch.dtype != first.dtype:
            raise ValueError(f"{name} must be {first.dtype} as those before it, got {batch.dtype}")
        if not np.isfinite(batch).all():
            row = first_bad(batch)
            raise ValueError(
                f"`X` must be finite, got {bad_value(batch[row])} in row {row} of batch {number}"
            )
        return batch


def features_of(item: Any, name: str) -> Any:
    """What of an item are features: it itself, the first of a tuple or list of arrays, or the only one of a mapping.

    Examples
    --------
    >>> features_of((np.ones(2), 7), "item"), features_of({"x": np.ones(2)}, "item")
    (array([1., 1.]), array([1., 1.]))
    """
    if isinstance(item, Mapping):
        if len(item) != 1:
            keys = ", ".join(repr(key) for key in item)
            raise ValueError(
                f"{name} must hold one array, got a mapping of {keys}: wrap it so that it gives the array alone"
            )
        return next(iter(item.values()))
    if isinstance(item, list | tuple) and item and hasattr(item[0], "shape"):
        return item[0]
    return item
