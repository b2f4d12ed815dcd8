"""The data of a fit: normalised batches drawn from an array that may be larger than memory."""

from __future__ import annotations

import numpy as np

from overica.ranges import check_unit, normalised
from overica.rows import Rows, chunks, in_memory


class Samples:
    """Rows of an array, centred and scaled when they are drawn, with some held out for the evidence.

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

    Raises
    ------
    ValueError
        If all samples are equal: there is no unit to measure them in. If they are of a size whose square is no number.
    """

    def __init__(
        self,
        X: np.ndarray | Rows,
        *,
        center: bool,
        rng: np.random.Generator,
        n_held_out: int = 3000,
    ) -> None:
        self._X: np.ndarray | Rows = X
        self.mean, self.unit = _moments(X, center)
        if self.unit == 0:
            raise ValueError(
                "`X` must vary: expected some variance, got samples that are all equal"
            )
        check_unit(self.unit, X.dtype)
        order = rng.permutation(len(X))
        size = min(n_held_out, len(X) // 10) if len(X) >= 500 else 0
        self._rows = np.sort(order[size:])
        self.held_out = self.normalise(X[np.sort(order[:size])] if size else X[:])

    @property
    def n_features(self) -> int:
        """Columns of X."""
        return int(self._X.shape[1])

    @property
    def in_memory(self) -> bool:
        """Whether X lies in memory, so that about as much again may be used."""
        return in_memory(self._X)

    @property
    def n_rows(self) -> int:
        """Rows that are learned from."""
        return int(self._rows.size)

    def normalise(self, X: np.ndarray | Rows) -> np.ndarray:
        """``(X - mean) / unit`` in double precision: unit variance per feature on average."""
        return normalised(np.asarray(X, np.float64), self.mean, self.unit)

    def draw(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """A batch of `size` rows drawn with replacement; all of them, once, if there are no more than that."""
        if size >= self.n_rows:
            return self.normalise(self._X[self._rows])
        # In the order of the file: a memory map is read from front to back.
        return self.normalise(self._X[np.sort(self._rows[rng.integers(0, self.n_rows, size)])])


def _moments(X: np.ndarray | Rows, center: bool) -> tuple[np.ndarray, float]:
    """Mean per feature (zero if not centred), and the root mean square about it over all entries.

    In units of the largest entry, so that squares neither overflow nor vanish; centred in a second pass, so
    that they do not cancel; row by row, so that the last bits do not depend on how X lies in memory.
    """
    n_samples, n_features = X.shape
    largest = max(float(np.abs(part).max()) for part in chunks(X))
    if largest == 0.0:
        return np.zeros(n_features), 0.0
    mean = np.zeros(n_features)
    if center:
        for part in chunks(X):
            mean += (part.astype(np.float64, order="C") / largest).sum(axis=0) / n_samples
    power = 0.0
    for part in chunks(X):
        power += float(((part.astype(np.float64, order="C") / largest - mean) ** 2).sum())
    # What is left of a constant array after its mean is rounding.
    spread = float(np.sqrt(power / (n_samples * n_features)))
    if spread <= 8 * np.finfo(X.dtype).eps * float(np.abs(mean).max()):
        spread = 0.0
    return mean * largest, spread * largest
