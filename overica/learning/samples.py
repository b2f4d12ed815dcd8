"""The data of a fit: batches in the model's units, drawn from an array that may be larger than memory."""

from __future__ import annotations

import copy

import numpy as np

from overica.learning.moments import Moments, second_moments
from overica.learning.outlying import Outlying, outlying
from overica.learning.units import Units
from overica.rows import Rows, in_memory, some_rows


class Samples:
    """Rows of an array, in the model's units when they are drawn, with some held out for the evidence.

    Parameters
    ----------
    X : array (n_samples, n_features) or Rows
        Never copied whole.
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
        X: np.ndarray | Rows,
        *,
        center: bool,
        rng: np.random.Generator,
        n_held_out: int = 3000,
    ) -> None:
        self._X: np.ndarray | Rows = X
        self.outlying: Outlying = outlying(X)
        self._moments = Moments.of(X, self.outlying.rows, center=center)
        order = rng.permutation(len(X))
        if self.outlying.rows.size:
            order = order[~np.isin(order, self.outlying.rows)]
        size = min(n_held_out, len(order) // 10) if len(order) >= 500 else 0
        self._rows = np.sort(order[size:])
        self._judges = np.sort(order[:size]) if size else self._rows
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
        return int(self._rows.size)

    @property
    def split(self) -> bool:
        """Whether the held-out rows are others than those learned from."""
        return self._judges is not self._rows

    def second_moments(self, *, every: bool = False) -> np.ndarray:
        """``mean z z'`` of samples in plain units; see `overica.learning.moments`."""
        return second_moments(self._X, self.outlying.rows, self._moments, every=every)

    def measured_in(self, units: Units) -> Samples:
        """The same rows, with the same held out, in other units."""
        other = copy.copy(self)
        other._measure(units)
        return other

    def normalise(self, X: np.ndarray | Rows) -> np.ndarray:
        """Samples in the units, in double precision."""
        return self.units.forward(np.asarray(X, np.float64))

    def draw(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """A batch of `size` rows drawn with replacement; all of them, once, if there are no more than that."""
        if size >= self.n_rows:
            return self.normalise(self._X[self._rows])
        # In the order of the file: a memory map is read from front to back.
        return self.normalise(self._X[np.sort(self._rows[rng.integers(0, self.n_rows, size)])])

    def plain(self, n_rows: int) -> np.ndarray:
        """Some of the rows that are learned from, in plain units: the same whoever asks."""
        n_all = len(self._rows)
        rows = self._rows[some_rows(n_all, n_rows, np.random.default_rng(n_all))]
        return self.plain_units.forward(np.asarray(self._X[rows], np.float64))

    def _measure(self, units: Units) -> None:
        self.units = units
        self.held_out = self.normalise(self._X[self._judges])
