"""Rows so much longer than all others that they are no samples of the same kind, such as attention sinks.

The first token of a text can be a hundred or a thousand times as long as the others in a transformer's activations.
A few such rows hold nearly all the power of the data: measured in units of their root mean square the rest is next
to zero, below any penalty, and nothing is learned from it.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from overica.ranges import unit_rows
from overica.rows import Rows, chunks, some_rows

_SHARE = 0.03
"""At most this many rows are left out: what happens more often is a feature."""
_BEYOND = 8.0
"""Times the length that one row in thirty exceeds."""
_GAP = 4.0
"""Times the next shorter row's length. The lengths of heavy-tailed samples spread out, but leave no such gap."""
_SCATTERED = 0.002
"""At most this many rows are left out whatever their directions."""
_ALIGNED = 0.8
"""Share of squared unit vectors along one line."""
_FEWEST = 100
_REFERENCE = 2000


@dataclass(frozen=True, eq=False)
class Outlying:
    """The rows left out, ascending, and their lengths over the median of the others'."""

    rows: np.ndarray
    lengths: np.ndarray

    @classmethod
    def none(cls) -> Outlying:
        """No rows."""
        return cls(np.empty(0, np.int64), np.empty(0))

    @property
    def message(self) -> str:
        """What a user is told.

        Examples
        --------
        >>> print(Outlying(np.array([0, 128, 256, 384]), np.array([90.0, 110, 100, 120])).message)
        4 rows of `X` (0, 128, 256, ...) are 90 to 120 times as long as the median row: they are left out of learning, \
and `transform` codes them like any other.
        """
        n = len(self.rows)
        first = ", ".join(str(row) for row in self.rows[:3]) + (", ..." if n > 3 else "")
        low, high = (f"{value:.3g}" for value in (self.lengths.min(), self.lengths.max()))
        times = low if low == high else f"{low} to {high}"
        what = f"rows of `X` ({first}) are" if n > 1 else f"row of `X` ({first}) is"
        return (
            f"{n} {what} {times} times as long as the median row: {'they are' if n > 1 else 'it is'} left out of "
            f"learning, and `transform` codes {'them' if n > 1 else 'it'} like any other."
        )

    def warn(self) -> None:
        """Say so, if there are any."""
        if self.rows.size:
            warnings.warn(self.message, UserWarning, stacklevel=4)


def outlying(X: np.ndarray | Rows) -> Outlying:
    """Rows far beyond the others: few, long, and with nothing in between.

    Lengths are from the median of a few thousand rows, feature by feature, which huge rows do not move. With q the
    length that three in a hundred of the rows that are not at that centre exceed, the rows left out are those above
    the lowest gap of a factor of four that ends above ``8 q``. There is no limit to how long rows of a legitimate heavy
    tail may be: where sources are mostly absent, the few samples in which one is present can be any number of times
    longer than the noise in the rest. But their lengths take all values in between; and if not, magnitudes being all
    alike, such samples point along several columns, where sinks all point the same way. More than two in a thousand
    rows are hence left out only if they lie along one line.

    Parameters
    ----------
    X : array (n_samples, n_features) or Rows
        Read once, but for the rows that tell the centre. Of fewer than a hundred none is left out.

    Examples
    --------
    >>> X = np.random.default_rng(0).standard_t(3, size=(1000, 4))
    >>> outlying(X).rows
    array([], dtype=int64)
    >>> X[7] = 1000
    >>> outlying(X).rows
    array([7])
    """
    if len(X) < _FEWEST:
        return Outlying.none()
    centre = _centre(X)
    lengths = _lengths(X, centre)
    away = np.flatnonzero(lengths > 0)
    most = int(_SHARE * len(away))
    if most == 0:
        return Outlying.none()
    tail = away[np.argpartition(lengths[away], len(away) - most - 1)[len(away) - most - 1 :]]
    tail = tail[np.argsort(lengths[tail], kind="stable")]
    far = lengths[tail]
    gaps = np.flatnonzero((far[1:] > _GAP * far[:-1]) & (far[1:] > _BEYOND * far[0]))
    if not gaps.size:
        return Outlying.none()
    rows = np.sort(tail[gaps[0] + 1 :])
    if len(rows) > _SCATTERED * len(X) and not _aligned(X, rows, centre):
        return Outlying.none()
    median = float(np.median(lengths[away]))
    return Outlying(rows, lengths[rows] / median)


def _aligned(X: np.ndarray | Rows, rows: np.ndarray, centre: np.ndarray) -> bool:
    """Whether rows lie along one line through a centre; of many, some are looked at."""
    some = rows[:: -(-len(rows) // _REFERENCE)]
    U = unit_rows(np.asarray(X[some], np.float64) - centre)[0]
    singular = np.linalg.svd(U, compute_uv=False)
    return bool(singular[0] ** 2 > _ALIGNED * len(some))


def _centre(X: np.ndarray | Rows) -> np.ndarray:
    """Median of each feature over a few thousand rows."""
    rows = some_rows(len(X), _REFERENCE, np.random.default_rng(len(X)))
    return np.median(np.asarray(X[rows], np.float64), axis=0)


def _lengths(X: np.ndarray | Rows, centre: np.ndarray) -> np.ndarray:
    """Of all rows about a centre, (n_samples,), whatever the size of numbers."""
    found = []
    with np.errstate(over="ignore", invalid="ignore"):
        for part in chunks(X):
            Z = part.astype(np.float64, order="C") - centre
            largest = np.abs(Z).max(axis=1, initial=0.0)
            scaled = Z / np.where(largest > 0, largest, 1.0)[:, None]
            found.append(largest * np.sqrt((scaled**2).sum(axis=1)))
    return np.concatenate(found)
