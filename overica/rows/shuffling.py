"""Rows of a stream, one after the other for ever, shuffled within blocks of several batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from overica.rows.drawing import Draws
from overica.rows.signatures import signatures
from overica.rows.streams import Stream

_BLOCK_NUMBERS = 2**22
_BATCHES = 4
"""At least so many batches of the stream make a block."""


def _every(rows: np.ndarray) -> np.ndarray:
    return np.ones(len(rows), bool)


class StreamDraws(Draws):
    """Draws from what can only be read in order, by reading on: each row once in every time through.

    A block of rows is read and shuffled by a generator of ``(seed, number of the block)``. So a place in the stream is
    a few numbers, from which drawing goes on with the same rows, as long as the stream gives them in the same order.

    Parameters
    ----------
    X : Stream
    seed : int
        Of the order within blocks.
    keep : callable
        Which of some rows are drawn, a mask; all by default.
    n_rows : int, optional
        How many it keeps, if that is known.
    total : int, optional
        The sum of all rows' `signatures`, if they were all read before.

    Raises
    ------
    ValueError
        While drawing, if the stream gives other rows than the time before.

    Examples
    --------
    >>> X = Stream([np.arange(4.0)[:, None], np.arange(4.0, 6.0)[:, None]])
    >>> draws, rng = StreamDraws(X, seed=0), np.random.default_rng(0)
    >>> sorted(draws.draw(6, rng).ravel().astype(int).tolist()), draws.draw(4, rng).shape
    ([0, 1, 2, 3, 4, 5], (4, 1))
    >>> again = StreamDraws(X, seed=0)
    >>> again.seek(draws.position)
    >>> bool((again.draw(5, rng) == draws.draw(5, rng)).all())
    True
    """

    def __init__(
        self,
        X: Stream,
        seed: int,
        *,
        keep: Callable[[np.ndarray], np.ndarray] = _every,
        n_rows: int | None = None,
        total: int | None = None,
    ) -> None:
        self._X, self._seed, self._keep, self._total = X, seed, keep, total
        self.n_rows = np.iinfo(np.int64).max if n_rows is None else n_rows
        size = max(_BLOCK_NUMBERS // X.width, _BATCHES * X.batch_rows, 1)
        # Written over by the next block when all of one is drawn.
        self._block = np.empty((size, X.width), X.dtype)
        self._sought: dict[str, int] | None = None
        self._start()

    def draw(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """See `Draws.draw`; the next rows, whatever the generator."""
        if self._sought is not None:
            self._go_to(self._sought)
        parts, wanted = [], min(size, self.n_rows)
        while wanted:
            if self._taken == len(self._order):
                self._shuffle(self._next())
            rows = self._order[self._taken : self._taken + wanted]
            self._taken += len(rows)
            wanted -= len(rows)
            parts.append(self._block[rows])
        return np.concatenate(parts)

    @property
    def position(self) -> dict[str, int]:
        """The block by its number, its first row in this time through and what it holds, and how much is drawn."""
        if self._sought is not None:
            return self._sought
        return {
            "block": self._number,
            "row": self._row,
            "taken": self._taken,
            "signature": self._signature,
        }

    def seek(self, position: Any) -> None:
        """See `Draws.seek`; once rows are drawn, what lies before it in its time through is read and left."""
        if not isinstance(position, dict) or position.keys() != self.position.keys():
            raise ValueError(f"`position` must be one of a stream, got {position!r}")
        self._sought = position

    def _go_to(self, position: dict[str, int]) -> None:
        self._start()
        if position["block"] < 0:
            return
        self._number = position["block"] - 1
        for found in self._blocks:
            if found[0] == position["row"]:
                self._shuffle(found)
                break
        if self._signature != position["signature"]:
            raise ValueError(
                "`X` must give the same rows in the same order to go on from where it was left, got others: let it not "
                "shuffle (rows are, within blocks)"
            )
        self._taken = position["taken"]

    def _start(self) -> None:
        """Before the first block."""
        self._sought = None
        self._blocks = self._time_through()
        self._number, self._row, self._taken = -1, 0, 0
        self._signature: int = 0
        self._order = np.empty(0, np.int64)

    def _next(self) -> tuple[int, np.ndarray]:
        found = next(self._blocks, None)
        if found is None:
            self._blocks = self._time_through()
            found = next(self._blocks)
        return found

    def _shuffle(self, found: tuple[int, np.ndarray]) -> None:
        self._row, rows = found
        self._number += 1
        self._taken, self._signature = 0, _in_order(rows)
        rng = np.random.default_rng((self._seed, self._number))
        self._order = rng.permutation(np.flatnonzero(self._keep(rows)))

    def _time_through(self) -> Iterator[tuple[int, np.ndarray]]:
        """All blocks, each with the number of its first row."""
        row, total = 0, 0
        for block in _blocks(self._X.batches(), self._block):
            total = (total + int(signatures(block).sum())) % 2**64
            yield row, block
            row += len(block)
        if self._total not in (None, total):
            raise ValueError(
                "`X` must give the same rows each time it is iterated, got others: let it not drop any "
                "(`drop_last=False`), nor make them anew"
            )
        self._total = total


def _blocks(batches: Iterator[np.ndarray], block: np.ndarray) -> Iterator[np.ndarray]:
    """Batches put together in one array again and again, which is full but for the last time."""
    n_rows = 0
    for batch in batches:
        start = 0
        while start < len(batch):
            part = batch[start : start + len(block) - n_rows]
            block[n_rows : n_rows + len(part)] = part
            n_rows += len(part)
            start += len(part)
            if n_rows == len(block):
                yield block
                n_rows = 0
    if n_rows:
        yield block[:n_rows]


def _in_order(rows: np.ndarray) -> int:
    """A number of rows and their order."""
    places = 2 * np.arange(len(rows), dtype=np.uint64) + np.uint64(1)
    return int((signatures(rows) * places).sum())
