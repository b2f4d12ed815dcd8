"""The data of a fit: scaled batches of an array that may be larger than memory."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from overica.ranges import check_unit
from overica.rows import Rows, chunks, in_memory
from overica.sae.centre import starting_offset

_RESIDENT_NUMBERS = 2**27
_DRAWN_AT_ONCE = 64


class Batches:
    """Rows drawn with replacement, without `centre` and divided by a unit: their mean length is sqrt(n_features).

    Arrays in memory are scaled once, up to half a gigabyte; of what lies in files, or of more, only the drawn rows
    are ever copied.

    Parameters
    ----------
    X : array (n_samples, n_features) or Rows
    batch_size : int
        Rows of a batch; all of X, each row once, where X has no more.
    rng : numpy.random.Generator
    device : torch.device

    Attributes
    ----------
    centre : array (n_features,)
        What is subtracted, in units of X; see `overica.sae.centre.starting_offset`.
    unit : float
        In units of X.
    variance : float
        Of a scaled sample about the mean, summed over features: what a constant leaves unexplained.

    Raises
    ------
    ValueError
        If all of X is zero: there is no unit to measure it in. If it is of a size whose square is no number.
    """

    def __init__(
        self,
        X: np.ndarray | Rows,
        batch_size: int,
        rng: np.random.Generator,
        device: torch.device,
    ) -> None:
        self._X, self._rng, self._device = X, rng, device
        self.size = min(batch_size, len(X))
        self.centre, self.unit, self.variance = _moments(X)
        if self.unit == 0:
            raise ValueError("`X` must not be zero throughout: there is nothing to learn")
        check_unit(self.unit, X.dtype)
        self._resident: Tensor | None = None
        if in_memory(X) and X.shape[0] * X.shape[1] <= _RESIDENT_NUMBERS:
            self._resident = self.scaled(X)
        self._drawn: list[Tensor] = []

    def scaled(self, X: np.ndarray | Rows) -> Tensor:
        """Rows in the network's units and precision, on its device."""
        result = torch.empty(X.shape, dtype=torch.float32)
        start = 0
        for part in chunks(X):
            out = result[start : start + len(part)].numpy()
            if self.centre.any():
                # In double precision: data far from zero have few digits to lose.
                part = part - self.centre
            np.divide(part, self.unit, out=out, casting="same_kind")
            start += len(part)
        return result.to(self._device)

    def draw(self) -> Tensor:
        """The next batch, (size, n_features)."""
        if self._resident is None:
            if self.size == len(self._X):
                return self.scaled(self._X)
            # In the order of the file: a memory map is read from front to back.
            rows = np.sort(self._rng.integers(0, len(self._X), self.size))
            return self.scaled(self._X[rows])
        if self.size == len(self._X):
            return self._resident
        if not self._drawn:
            rows = self._rng.integers(0, len(self._X), (_DRAWN_AT_ONCE, self.size))
            self._drawn = list(torch.from_numpy(rows).to(self._device))
        return self._resident.index_select(0, self._drawn.pop())


def _moments(X: np.ndarray | Rows) -> tuple[np.ndarray, float, float]:
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
