"""The data of a fit: batches in the model's units, drawn from what may be larger than memory."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np

from overica.backend import fits_beside, gathered_on
from overica.learning.moments import second_moments
from overica.learning.outlying import Outlying
from overica.learning.splitting import split
from overica.learning.survey import Survey
from overica.learning.units import Units
from overica.rows import Rows, Stream
from overica.rows.drawing import Draws, Position
from overica.rows.parts import chunks
from overica.rows.rows import in_memory

if TYPE_CHECKING:
    import torch

_FEWEST = 500
"""Rows that can be split."""


class Samples:
    """Rows of an array, in the model's units when they are drawn, with some held out for the evidence.

    Parameters
    ----------
    X : array (n_samples, n_features), Rows or Stream
        Never copied whole; read once for the units, and then as it is drawn.
    center : bool
        Subtract the mean.
    rng : numpy.random.Generator
        Chooses the held-out rows.
    n_held_out : int
        At most this many rows, and at most a tenth, are held out. Fewer than 500 rows are too few to split:
        then all are both learned from and judged by.

    Attributes
    ----------
    units : Units
        Plain ones to begin with: about the mean, of unit variance per feature on average. See `measured_in`.
    outlying : Outlying
        Rows that count nowhere: not in the units, not among the rows drawn, not among those held out.

    Raises
    ------
    ValueError
        If all samples are equal: there is no unit to measure them in. If they are of a size whose square is no number.
    """

    units: Units
    held_out: np.ndarray

    def __init__(
        self,
        X: np.ndarray | Rows | Stream,
        *,
        center: bool,
        rng: np.random.Generator,
        n_held_out: int = 3000,
    ) -> None:
        self._X, self._survey = X, Survey(X)
        self._residents: dict[torch.device, torch.Tensor] = {}
        self.outlying: Outlying = self._survey.outlying
        self._moments = self._survey.moments(center=center)
        n_counting = self._survey.n_samples - len(self.outlying.rows)
        size = min(n_held_out, n_counting // 10) if n_counting >= _FEWEST else 0
        self.split: bool = size > 0
        """Whether the held-out rows are others than those learned from."""
        self._split = split(X, self._survey, size, rng)
        self._measure(self.plain_units)

    @property
    def plain_units(self) -> Units:
        """About the mean, of unit variance per feature on average."""
        return Units(self._moments.mean, self._moments.unit)

    @property
    def mean(self) -> np.ndarray:
        """What is subtracted."""
        return self.units.mean

    @property
    def unit(self) -> float:
        """Root mean square of an entry about the mean."""
        return self.units.unit

    @property
    def n_features(self) -> int:
        """Dimensions of the samples as they are drawn."""
        return self.units.n_dimensions

    @property
    def in_memory(self) -> bool:
        """Whether X lies in memory, so that about as much again may be used."""
        return in_memory(self._X)

    @property
    def n_rows(self) -> int:
        """Rows that are learned from."""
        return self._split.draws.n_rows

    @property
    def position(self) -> Position:
        """Where in a stream drawing goes on, for JSON; None where the generator's state says it."""
        return self._split.draws.position

    @property
    def draws(self) -> Draws:
        """Rows that are learned from, as they are."""
        return self._split.draws

    def resident(self, device: torch.device) -> torch.Tensor | None:
        """X as it is on a device, in its own precision, if it lies in memory and is small beside that of the device.

        Sent once, whatever the units.
        """
        if device not in self._residents:
            if isinstance(self._X, Stream) or not self.in_memory:
                return None
            n_bytes = int(np.prod(self._X.shape)) * self._X.dtype.itemsize
            if not fits_beside(n_bytes, device):
                return None
            self._residents[device] = gathered_on(device, chunks(self._X), len(self._X))
        return self._residents[device]

    def seek(self, position: Position) -> None:
        """Go on drawing from a `position`."""
        self._split.draws.seek(position)

    def second_moments(self, *, every: bool = False) -> np.ndarray:
        """``mean z z'`` of samples in plain units; see `overica.learning.moments`."""
        if isinstance(self._X, Stream):
            if every and not self._survey.complete:
                self._survey = Survey(self._X, every=True)
            return self._survey.second_moments(self._moments)
        return second_moments(self._X, self.outlying.rows, self._moments, every=every)

    def measured_in(self, units: Units) -> Samples:
        """The same rows, with the same held out, in other units."""
        other = copy.copy(self)
        other._measure(units)
        return other

    def normalise(self, X: np.ndarray | Rows) -> np.ndarray:
        """Samples in the units, in double precision."""
        return self.units.forward(np.asarray(X, np.float64))

    def batch(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """The samples of a learning step, as `draw` has them; of several ranks, each has its share."""
        return self.normalise(self._split.draws.batch(size, rng))

    def draw(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """`size` rows, drawn with replacement, or the next ones of a stream; all, once, if there are no more."""
        return self.normalise(self._split.draws.draw(size, rng))

    def plain(self, n_rows: int) -> np.ndarray:
        """Some of the rows that are learned from, in plain units: the same whoever asks."""
        rows = self._split.some(n_rows)
        return self.plain_units.forward(np.asarray(rows, np.float64))

    def _measure(self, units: Units) -> None:
        self.units = units
        self.held_out = self.normalise(self._split.judges)
