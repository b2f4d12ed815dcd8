"""Rows drawn to be learned from: from where they can be chosen, with replacement."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from overica.distributed import share
from overica.rows.rows import Rows

Position = dict[str, int] | None


class Draws(ABC):
    """Rows of samples, drawn as often as asked for.

    Attributes
    ----------
    n_rows : int
        How many there are to draw from.
    """

    n_rows: int

    @abstractmethod
    def draw(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """So many rows, as they are; all of them, once, if there are no more."""

    def batch(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """What this rank learns from of such a draw, which all ranks make alike; alone, all of it."""
        return share(self.draw(size, rng))

    def chosen(self, size: int, rng: np.random.Generator) -> np.ndarray | None:
        """Numbers in X of the rows that `batch` would give, from the same draws; None where rows have no numbers."""
        return None

    def read(self, chosen: np.ndarray) -> np.ndarray:
        """Rows by their numbers."""
        raise NotImplementedError(f"rows of {type(self).__name__} have no numbers")

    @property
    def position(self) -> Position:
        """Where drawing goes on, for JSON; None if the generator says that."""
        return None

    def seek(self, position: Any) -> None:
        """Go on from a `position`.

        Raises
        ------
        ValueError
            If it is of other data.
        """
        if position is not None:
            raise ValueError(
                f"`position` must be None for rows that are chosen by number, got {position!r}"
            )


class RowDraws(Draws):
    """Draws, with replacement, from rows that can be chosen; the generator's state is the position.

    Parameters
    ----------
    X : array (n_samples, n_features) or Rows
    left_out : array of int
        Rows that are never drawn, ascending.

    Examples
    --------
    >>> draws = RowDraws(np.arange(5.0)[:, None], np.array([0, 3]))
    >>> draws.n_rows, draws.draw(9, np.random.default_rng(0)).ravel()
    (3, array([1., 2., 4.]))
    """

    def __init__(self, X: np.ndarray | Rows, left_out: np.ndarray) -> None:
        self._X = X
        self.n_rows = len(X) - len(left_out)
        # So many rows that are not left out lie before each one that is.
        self._kept_before = left_out - np.arange(len(left_out))

    def draw(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """See `Draws.draw`; in the order of X, since a memory map is read from front to back."""
        return self._X[self.drawn(size, rng)]

    def batch(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """See `Draws.batch`; no other rows are read."""
        return self._X[self.chosen(size, rng)]

    def chosen(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """See `Draws.chosen`."""
        return share(self.drawn(size, rng))

    def read(self, chosen: np.ndarray) -> np.ndarray:
        """See `Draws.read`."""
        return self._X[chosen]

    def drawn(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """Numbers in X of the rows that `draw` would give, from the same draws."""
        if size >= self.n_rows:
            return self.numbers(np.arange(self.n_rows))
        return self.numbers(np.sort(rng.integers(0, self.n_rows, size)))

    def numbers(self, chosen: np.ndarray) -> np.ndarray:
        """Numbers in X of the rows with these numbers among those that can be drawn."""
        return chosen + np.searchsorted(self._kept_before, chosen, side="right")
