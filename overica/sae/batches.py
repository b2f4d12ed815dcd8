"""The data of a fit: scaled batches of an array that may be larger than memory."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

_CHUNK_NUMBERS = 2**22
_RESIDENT_NUMBERS = 2**27
_DRAWN_AT_ONCE = 64


class Batches:
    """Rows drawn with replacement, divided by a unit that makes their mean length sqrt(n_features).

    Arrays in memory are scaled once, up to half a gigabyte; of a memory map, or of more, only the drawn rows are
    ever copied.

    Parameters
    ----------
    X : array (n_samples, n_features)
    batch_size : int
        Rows of a batch; all of X, each row once, where X has no more.
    rng : numpy.random.Generator
    device : torch.device

    Attributes
    ----------
    unit : float
        In units of X.
    variance : float
        Of a scaled sample about the mean, summed over features: what a constant leaves unexplained.

    Raises
    ------
    ValueError
        If all of X is zero: there is no unit to measure it in.
    """

    def __init__(
        self, X: np.ndarray, batch_size: int, rng: np.random.Generator, device: torch.device
    ) -> None:
        self._X, self._rng, self._device = X, rng, device
        self.size = min(batch_size, len(X))
        self.unit, self.variance = _moments(X)
        if self.unit == 0:
            raise ValueError("`X` must not be zero throughout: there is nothing to learn")
        self._resident: Tensor | None = None
        if not is_mapped(X) and X.size <= _RESIDENT_NUMBERS:
            self._resident = self.scaled(X)
        self._drawn: list[Tensor] = []

    def scaled(self, X: np.ndarray) -> Tensor:
        """Rows in the network's units and precision, on its device."""
        result = torch.empty(X.shape, dtype=torch.float32)
        rows = max(1, _CHUNK_NUMBERS // X.shape[1])
        for start in range(0, len(X), rows):
            part = slice(start, start + rows)
            np.divide(X[part], self.unit, out=result[part].numpy(), casting="same_kind")
        return result.to(self._device)

    def draw(self) -> Tensor:
        """The next batch, (size, n_features)."""
        if self._resident is None:
            if self.size == len(self._X):
                return self.scaled(np.asarray(self._X))
            # In the order of the file: a memory map is read from front to back.
            rows = np.sort(self._rng.integers(0, len(self._X), self.size))
            return self.scaled(self._X[rows])
        if self.size == len(self._X):
            return self._resident
        if not self._drawn:
            rows = self._rng.integers(0, len(self._X), (_DRAWN_AT_ONCE, self.size))
            self._drawn = list(torch.from_numpy(rows).to(self._device))
        return self._resident.index_select(0, self._drawn.pop())


def is_mapped(X: np.ndarray) -> bool:
    """Whether an array, or the one it is a view of, lies in a memory-mapped file."""
    owner: object = X
    while isinstance(owner, np.ndarray):
        if isinstance(owner, np.memmap):
            return True
        owner = owner.base
    return False


def _moments(X: np.ndarray) -> tuple[float, float]:
    """The unit, and the variance of X in that unit.

    In units of the largest entry, so that squares neither overflow nor vanish.
    """
    n_samples, n_features = X.shape
    rows = max(1, _CHUNK_NUMBERS // n_features)
    chunks = [slice(start, start + rows) for start in range(0, n_samples, rows)]
    largest = max(float(np.abs(X[part]).max()) for part in chunks)
    if largest == 0.0:
        return 0.0, 0.0
    length, power, mean = 0.0, 0.0, np.zeros(n_features)
    for part in chunks:
        scaled = X[part].astype(np.float64) / largest
        squares = np.einsum("ij,ij->i", scaled, scaled)
        length += float(np.sqrt(squares).sum()) / n_samples
        power += float(squares.sum()) / n_samples
        mean += scaled.sum(axis=0) / n_samples
    unit = length / np.sqrt(n_features)
    return float(unit * largest), float(max(0.0, power - mean @ mean) / unit**2)
