"""Rows drawn evenly from however many come by, in memory for as many as are kept."""

from __future__ import annotations

import numpy as np


class Reservoir:
    """A sample without replacement of all rows added so far (Vitter's algorithm R, a batch at a time).

    Parameters
    ----------
    size : int
        Rows that are kept.
    rng : numpy.random.Generator

    Attributes
    ----------
    rows : array (n, n_features)
        Those kept, n being `size` or all there were.

    Examples
    --------
    >>> reservoir = Reservoir(3, np.random.default_rng(0))
    >>> for batch in np.arange(8.0).reshape(4, 2, 1):
    ...     reservoir.add(batch)
    >>> reservoir.rows.shape, len(np.unique(reservoir.rows))
    ((3, 1), 3)
    """

    def __init__(self, size: int, rng: np.random.Generator) -> None:
        self._size, self._rng = size, rng
        self._kept: np.ndarray | None = None
        self._n_seen = 0

    @property
    def rows(self) -> np.ndarray:
        """Those kept."""
        assert self._kept is not None
        return self._kept[: self._n_seen]

    def add(self, batch: np.ndarray) -> None:
        """Let rows come by."""
        if self._kept is None:
            self._kept = np.empty((self._size, batch.shape[1]), batch.dtype)
        free = min(max(0, self._size - self._n_seen), len(batch))
        self._kept[self._n_seen : self._n_seen + free] = batch[:free]
        late = batch[free:]
        # The i-th row of all takes a place drawn among i, if that is one of those kept. Of two that take the same, the
        # later one stays, as NumPy's assignment has it.
        places = self._rng.integers(0, self._n_seen + free + 1 + np.arange(len(late)))
        taken = places < self._size
        self._kept[places[taken]] = late[taken]
        self._n_seen += len(batch)
