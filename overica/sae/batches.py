"""The data of a fit: scaled batches of samples that may be more than memory holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from overica.learning.survey import outlying
from overica.random_state import generator
from overica.ranges import check_unit
from overica.rows import Rows, Stream
from overica.rows.drawing import Draws, Position, RowDraws
from overica.rows.parts import chunks
from overica.rows.rows import in_memory, some_rows
from overica.rows.shuffling import StreamDraws
from overica.sae.centre import starting_offset

_RESIDENT_NUMBERS = 2**27
_LOOKED_AT = 2**16
_LOOKED_AT_NUMBERS = 2**24
"""Rows, and numbers, that tell centre, unit and variance."""


class Batches:
    """Rows drawn with replacement, without `centre` and divided by a unit: their mean length is sqrt(n_features).

    Arrays in memory are scaled once, up to half a gigabyte; of what lies in files, or of more, only the drawn rows
    are ever copied. Of a stream the next rows are drawn, see `overica.rows.StreamDraws`. Nothing is read to its end
    beforehand: centre, unit and variance are those of at most some ten thousand rows, drawn evenly, or the first ones
    of a stream.

    Parameters
    ----------
    X : array (n_samples, n_features), Rows or Stream
    batch_size : int
        Rows of a batch; all of X, each row once, where X has no more.
    rng : numpy.random.Generator
        Draws the numbers of rows, so that its state says what comes next, but for streams.
    device : torch.device

    Attributes
    ----------
    centre : array (n_features,)
        What is subtracted, in units of X; see `overica.sae.centre.starting_offset`.
    unit : float
        In units of X.
    variance : float
        Of a scaled sample about the mean, summed over features: what a constant leaves unexplained.
    outlying : overica.learning.outlying.Outlying
        Which of the rows that are looked at are far longer than all others. They are drawn like any other.

    Raises
    ------
    ValueError
        If all rows that are looked at are equal, or all zero: there is no unit to measure X in. If its size has no
        square in its dtype.
    """

    def __init__(
        self,
        X: np.ndarray | Rows | Stream,
        batch_size: int,
        rng: np.random.Generator,
        device: torch.device,
    ) -> None:
        self._rng, self._device = rng, device
        self.size = batch_size
        known, rows = _looked_at(X)
        self.centre, self.unit, self.variance = checked_units(known)
        found = outlying(known)
        among = None if len(rows) == X.shape[0] else len(rows)
        self.outlying = replace(found, rows=rows[found.rows], among=among)
        self._resident: Tensor | None = None
        self._draws: Draws
        if isinstance(X, Stream):
            self._draws = StreamDraws(X, int(rng.integers(2**63)))
            return
        if in_memory(X) and X.shape[0] * X.shape[1] <= _RESIDENT_NUMBERS:
            self._resident = self.scaled(X)
        self._draws = self._numbers = RowDraws(X, np.empty(0, np.int64))

    @property
    def position(self) -> Position:
        """Where in a stream drawing goes on, for JSON; None where the generator's state says it."""
        return self._draws.position

    def seek(self, position: Position) -> None:
        """Go on drawing from a `position`."""
        self._draws.seek(position)

    def scaled(self, X: np.ndarray | Rows) -> Tensor:
        """Rows in the network's units and precision, on its device."""
        return scaled(X, self.centre, self.unit).to(self._device)

    def batch(self) -> Tensor:
        """The samples of a training step, (size, n_features), as `draw` has them; of several ranks each has a share."""
        if self._resident is None:
            return self.scaled(self._draws.batch(self.size, self._rng))
        return self._residents(self._numbers.chosen(self.size, self._rng))

    def draw(self) -> Tensor:
        """As many samples as a step has, the same in all ranks."""
        if self._resident is None:
            return self.scaled(self._draws.draw(self.size, self._rng))
        return self._residents(self._numbers.drawn(self.size, self._rng))

    def _residents(self, rows: np.ndarray) -> Tensor:
        assert self._resident is not None
        if len(rows) == len(self._resident):
            return self._resident
        return self._resident.index_select(0, torch.from_numpy(rows).to(self._device))


class OneBatch:
    """One batch that is given, drawn whenever one is asked for; see `Batches`.

    Parameters
    ----------
    X : array (n_samples, n_features)
    device : torch.device
    units : (array (n_features,), float) or None
        `centre` and `unit`; None: those of X.
    """

    def __init__(
        self, X: np.ndarray, device: torch.device, units: tuple[np.ndarray, float] | None = None
    ) -> None:
        self.centre, self.unit = units or checked_units(X)[:2]
        self._x = scaled(X, self.centre, self.unit).to(device)
        self.variance = float(self._x.double().var(dim=0, correction=0).sum())

    position: Position = None
    """Nowhere to go on from."""

    def seek(self, position: Position) -> None:
        """Nothing: the batch is given anew."""

    def batch(self) -> Tensor:
        """All of it."""
        return self._x

    draw = batch


def scaled(X: np.ndarray | Rows, centre: np.ndarray, unit: float) -> Tensor:
    """``(X - centre) / unit`` in single precision."""
    result = torch.empty(X.shape, dtype=torch.float32)
    start = 0
    for part in chunks(X):
        out = result[start : start + len(part)].numpy()
        if centre.any():
            # In double precision: data far from zero have few digits to lose.
            part = part - centre
        np.divide(part, unit, out=out, casting="same_kind")
        start += len(part)
    return result


def checked_units(X: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Centre, unit and variance of samples, if there is a unit."""
    centre, unit, variance = _moments(X)
    if unit == 0:
        raise ValueError("`X` must not be zero throughout: there is nothing to learn")
    if all((part == X[:1]).all() for part in chunks(X)):
        raise ValueError("`X` must vary: expected some variance, got samples that are all equal")
    check_unit(unit, X.dtype)
    return centre, unit, variance


def _looked_at(X: np.ndarray | Rows | Stream) -> tuple[np.ndarray, np.ndarray]:
    """Rows that tell the moments of all, and their numbers."""
    known = X.beginning if isinstance(X, Stream) else X
    most = min(_LOOKED_AT, max(1, _LOOKED_AT_NUMBERS // known.shape[1]))
    rows = some_rows(len(known), most, generator(0))
    return known[rows] if len(known) > most else known[:], rows


def _moments(X: np.ndarray) -> tuple[np.ndarray, float, float]:
    """The centre, the unit about it, and the variance of X in that unit.

    In units of the largest entry, so that squares neither overflow nor vanish.
    """
    n_samples, n_features = X.shape
    largest = max(float(np.abs(part).max()) for part in chunks(X))
    if largest == 0.0:
        return np.zeros(n_features), 0.0, 0.0
    centre = starting_offset(X, largest)
    length, power, mean = 0.0, 0.0, np.zeros(n_features)
    for part in chunks(X):
        scaled = part.astype(np.float64) / largest - centre
        squares = np.einsum("ij,ij->i", scaled, scaled)
        length += float(np.sqrt(squares).sum()) / n_samples
        power += float(squares.sum()) / n_samples
        mean += scaled.sum(axis=0) / n_samples
    unit = length / np.sqrt(n_features)
    variance = float(max(0.0, power - mean @ mean) / unit**2)
    return centre * largest, float(unit * largest), variance
