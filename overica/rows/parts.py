"""All rows in order, part by part, and what is made of the parts put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from overica.rows.rows import Rows
from overica.rows.streams import Stream

_CHUNK_NUMBERS = 2**19
"""Numbers of a part: four megabytes in double precision."""


def chunks(X: np.ndarray | Rows | Stream, n_rows: int | None = None) -> Iterator[np.ndarray]:
    """All rows in order, at most so many at a time; by default some half a million numbers.

    Examples
    --------
    >>> [len(part) for part in chunks(np.zeros((2**18 + 1, 2)))]
    [262144, 1]
    """
    if isinstance(X, Stream):
        for batch in X.batches():
            yield from chunks(batch, n_rows)
        return
    size = max(1, _CHUNK_NUMBERS // max(1, X.shape[1])) if n_rows is None else n_rows
    for start in range(0, len(X), size):
        yield X[start : start + size]


def part_by_part(
    function: Callable[[np.ndarray], np.ndarray], X: np.ndarray | Rows | Stream, n_rows: int
) -> np.ndarray:
    """A function of rows, (n_samples, ...), of all of them, at most so many at a time.

    Examples
    --------
    >>> part_by_part(lambda part: 2 * part, np.arange(3.0)[:, None], 2).ravel()
    array([0., 2., 4.])
    """
    parts = (function(part) for part in chunks(X, n_rows))
    if isinstance(X, Stream):
        return np.concatenate(list(parts))
    first = next(parts)
    if len(first) == len(X):
        return first
    found = np.empty((len(X), *first.shape[1:]), first.dtype)
    found[: len(first)] = first
    start = len(first)
    for part in parts:
        found[start : start + len(part)] = part
        start += len(part)
    return found
