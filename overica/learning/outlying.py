"""Rows so much longer than all others that they are no samples of the same kind, such as attention sinks.

The first token of a text can be a hundred or a thousand times as long as the others in a transformer's activations.
A few such rows hold nearly all the power of the data: measured in units of their root mean square the rest is next
to zero, below any penalty, and nothing is learned from it.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

SHARE = 0.03
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
_DIRECTIONS = 512
"""Rows of a factor of two in length whose directions are looked at."""
_BINS = 64
"""Per factor of two, of the histogram that tells quantiles of lengths, to half a percent."""
_REACH = 1100
"""Factors of two to either side of one that a double holds, and some."""
LEFT_OUT = "left out of learning, and coded by `transform` like any other."


@dataclass(frozen=True, eq=False)
class Outlying:
    """The rows left out, ascending, and their lengths over the median of all."""

    rows: np.ndarray
    lengths: np.ndarray
    beyond: float = np.inf
    """The length, in the unit of `Lengths`, from which on rows are left out."""
    among: int | None = None
    """How many rows were looked at, if not all."""

    @classmethod
    def none(cls) -> Outlying:
        """No rows."""
        return cls(np.empty(0, np.int64), np.empty(0))

    def message(self, fate: str = LEFT_OUT) -> str:
        """What a user is told, and what becomes of such rows.

        Examples
        --------
        >>> print(Outlying(np.array([0, 128, 256, 384]), np.array([90.0, 110, 100, 120])).message())
        4 rows of `X` (0, 128, 256, ...) are 90 to 120 times as long as the median row: left out of learning, and \
coded by `transform` like any other.
        >>> print(Outlying(np.array([7]), np.array([90.0]), among=500).message("kept."))
        1 of 500 rows of `X` that were looked at (7) is 90 times as long as the median row: kept.
        """
        n = len(self.rows)
        first = ", ".join(str(row) for row in self.rows[:3]) + (", ..." if n > 3 else "")
        low, high = (f"{value:.3g}" for value in (self.lengths.min(), self.lengths.max()))
        times = low if low == high else f"{low} to {high}"
        rows = f"row{'s' * (n > 1)} of `X`"
        if self.among is not None:
            rows = f"of {self.among} rows of `X` that were looked at"
        verb = "are" if n > 1 else "is"
        return f"{n} {rows} ({first}) {verb} {times} times as long as the median row: {fate}"

    def warn(self, fate: str = LEFT_OUT) -> None:
        """Say so, if there are any."""
        if self.rows.size:
            warnings.warn(self.message(fate), UserWarning, stacklevel=4)


class Lengths:
    """Lengths of rows about a centre as they come by: a histogram of all, and which are far, by factors of two.

    Lengths are in a unit that a few rows in a hundred exceed. Rows shorter than it are near, those of class k have
    lengths of ``2^(k-1)`` to ``2^k``, k from 1. A gap of a factor of four has no end within a class.

    The rows left out are those above the lowest gap of a factor of four that ends above ``8 q``, where q is the length
    that three in a hundred of the rows that are not at the centre exceed. There is no limit to how long rows of a
    legitimate heavy tail may be: where sources are mostly absent, the few samples in which one is present can be any
    number of times longer than the noise in the rest. But their lengths take all values in between; and if not,
    magnitudes being all alike, such samples point along several columns, where sinks all point the same way. More than
    two in a thousand rows are hence left out only if they lie along one line.
    """

    def __init__(self) -> None:
        self.n_rows = 0
        self._histogram = np.zeros(2 * _REACH * _BINS, np.int64)
        self._longest_near = 0.0
        self._far: list[tuple[np.ndarray, np.ndarray]] = []
        self._directions: dict[int, list[np.ndarray]] = {}

    def add(self, lengths: np.ndarray) -> np.ndarray:
        """Let rows come by; their classes, 0 for those that are near."""
        away = lengths > 0
        bins = np.floor(np.log2(lengths[away]) * _BINS).astype(np.int64) + _REACH * _BINS
        np.add.at(self._histogram, bins, 1)
        classes = np.where(away, np.maximum(np.frexp(lengths)[1], 0), 0)
        near = classes == 0
        self._longest_near = max(self._longest_near, float(lengths[near].max(initial=0.0)))
        far = np.flatnonzero(~near)
        self._far.append((self.n_rows + far, lengths[far]))
        self.n_rows += len(lengths)
        return classes

    def point(self, number: int, directions: np.ndarray) -> None:
        """Unit vectors along rows of a class, of which the first few hundred are kept."""
        kept = self._directions.setdefault(number, [])
        room = _DIRECTIONS - sum(map(len, kept))
        if room > 0:
            kept.append(directions[:room].copy())

    def outlying(self) -> Outlying:
        """The rows left out."""
        if self.n_rows < _FEWEST:
            return Outlying.none()
        most = int(SHARE * self._histogram.sum())
        if most == 0:
            return Outlying.none()
        exceeded = self._quantile(most)
        rows, lengths = (np.concatenate(found) for found in zip(*self._far, strict=True))
        tail = np.sort([exceeded, self._longest_near, *lengths])
        tail = tail[tail >= exceeded]
        ends = tail[1:]
        wide = (ends > _GAP * tail[:-1]) & (ends > _BEYOND * exceeded)
        gaps = np.flatnonzero(wide & (ends > self._longest_near))
        if not gaps.size:
            return Outlying.none()
        beyond = float(tail[gaps[0] + 1])
        out = lengths >= beyond
        if out.sum() > _SCATTERED * self.n_rows and not self._aligned(beyond):
            return Outlying.none()
        median = self._quantile(int(self._histogram.sum()) // 2)
        return Outlying(rows[out], lengths[out] / median, beyond)

    def _quantile(self, n_longer: int) -> float:
        """The length that so many rows exceed."""
        longer = np.cumsum(self._histogram[::-1])
        place = len(longer) - 1 - int(np.searchsorted(longer, n_longer, side="right"))
        return float(2.0 ** ((place + 0.5) / _BINS - _REACH))

    def _aligned(self, beyond: float) -> bool:
        """Whether rows of at least this length lie along one line through the centre."""
        first = int(np.frexp(beyond)[1])
        some = [part for k, parts in self._directions.items() if k >= first for part in parts]
        U = np.concatenate(some)
        singular = np.linalg.svd(U, compute_uv=False)
        return bool(singular[0] ** 2 > _ALIGNED * len(U))
