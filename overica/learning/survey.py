"""One pass over all samples: how many there are, how long, about what mean, of what size, and whether numbers."""

from __future__ import annotations

import numpy as np

from overica.learning.moments import Moments, enough_rows, products_of
from overica.learning.outlying import SHARE, Lengths, Outlying
from overica.learning.shifted_sums import Sums
from overica.ranges import unit_rows
from overica.rows import Rows, Stream
from overica.rows.parts import chunks
from overica.rows.reservoir import Reservoir
from overica.rows.rows import some_rows
from overica.rows.signatures import signatures

_REFERENCE = 2000
"""Rows that tell the centre and the unit of lengths."""
_KEPT = 8192
"""Rows of a stream that stay in memory."""
_LARGEST = float(np.finfo(np.float64).max)
_SQUARES = 1e-140, 1e140
"""Lengths in this range have squares that can be summed."""


class Survey:
    """What a pass over samples finds.

    Sums are of shifted samples, ``(x - c) / 2^k``: about a centre c, the median of a few thousand rows feature by
    feature, which huge rows do not move, so that nothing cancels; and over a power of two above ``|x - c|``, so that no
    square overflows or vanishes. Every factor of two in length has sums of its own. So rows that turn out at the end to
    be too long for samples of the same kind are left out to the last bit, however much longer they are, and are not
    read again.

    Parameters
    ----------
    X : array (n_samples, n_features), Rows or Stream
        Read once, but for the few thousand rows that tell the centre: drawn from what can be read anywhere, the first
        ones of a stream.
    every : bool
        Whether second moments of a stream are those of all rows, not of enough of them.

    Attributes
    ----------
    n_samples : int
    outlying : Outlying
    reservoir : array (n, n_features)
        Of a stream some rows that are not outlying, drawn evenly.
    complete : bool
        Whether second moments are those of all rows.
    total : int
        Sum of a stream's `overica.rows.signatures`.

    Raises
    ------
    ValueError
        If a row is not finite, or batches of a stream do not fit together.
    """

    def __init__(self, X: np.ndarray | Rows | Stream, *, every: bool = False) -> None:
        self._dtype = X.dtype
        self._set_centre(_reference(X))
        self._lengths = Lengths()
        self._sums: dict[int, Sums] = {}
        self._streamed = isinstance(X, Stream)
        self._enough = np.inf if every else enough_rows(len(self._centre))
        self._rng = np.random.default_rng(0)
        kept, self.total = Reservoir(_KEPT, self._rng), 0
        for part in chunks(X):
            self._add(part)
            if self._streamed:
                kept.add(part)
                self.total = (self.total + int(signatures(part).sum())) % 2**64
        self.n_samples = self._lengths.n_rows
        self.complete = self.n_samples <= self._enough
        self.outlying = self._lengths.outlying()
        if self._streamed:
            self.reservoir = kept.rows[self.keeps(kept.rows)]

    def keeps(self, rows: np.ndarray) -> np.ndarray:
        """Which of some rows are not outlying, a mask."""
        return self._shifted(rows)[1] < self.outlying.beyond

    def moments(self, *, center: bool) -> Moments:
        """Of the rows that are not outlying."""
        sums, top = self._counting()
        centre = np.ldexp(self._centre, -top)
        return Moments.of(sums, centre, top + self._exponent, self._dtype, center=center)

    def second_moments(self, moments: Moments) -> np.ndarray:
        """Of a stream, see `overica.learning.moments.second_moments`."""
        sums, top = self._counting()
        return products_of(sums, np.ldexp(self._centre, -top), top + self._exponent, moments)

    def _counting(self) -> tuple[Sums, int]:
        """Sums over the rows that count, in units of a power of two of the unit of lengths."""
        beyond = self.outlying.beyond
        # The gap ends within a class that holds nothing of below it.
        first = np.inf if np.isinf(beyond) else np.frexp(beyond)[1]
        return Sums.together({k: sums for k, sums in self._sums.items() if k < first})

    def _set_centre(self, reference: np.ndarray) -> None:
        """The centre, and as unit of lengths a power of two that few rows exceed."""
        centre = np.median(reference, axis=0)
        with np.errstate(over="ignore", invalid="ignore"):
            lengths = unit_rows(np.nan_to_num(reference - centre))[1]
        away = np.sort(lengths[lengths > 0])
        unit = (
            away[-1 - int(SHARE * len(away))]
            if len(away)
            else float(np.abs(centre).max(initial=0.0))
        )
        self._exponent = int(np.clip(np.frexp(min(unit, _LARGEST))[1], -1020, 1020))
        self._scale = 2.0**-self._exponent
        self._centre = centre * self._scale

    def _shifted(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows about the centre in the unit, and their lengths, whatever the size of numbers."""
        Z = rows.astype(np.float64, order="C")
        Z *= self._scale
        Z -= self._centre
        with np.errstate(over="ignore", under="ignore"):
            lengths = np.sqrt(np.einsum("ij,ij->i", Z, Z))
        odd = np.flatnonzero(~((lengths > _SQUARES[0]) & (lengths < _SQUARES[1])))
        if len(odd):
            with np.errstate(over="ignore"):
                lengths[odd] = np.minimum(unit_rows(Z[odd])[1], _LARGEST)
        return Z, lengths

    def _add(self, part: np.ndarray) -> None:
        share = min(1.0, self._enough / (self._lengths.n_rows + len(part)))
        some = self._rng.random(len(part)) < share if self._streamed else np.zeros(len(part), bool)
        Z, lengths = self._shifted(part)
        classes = self._lengths.add(lengths)
        for k in np.unique(classes):
            mine = classes == k
            # Most parts are near throughout, and then need no copy.
            scaled = Z if k == 0 and mine.all() else np.ldexp(Z[mine], -k)
            scaled_lengths = np.ldexp(lengths[mine], -k)
            if k > 0:
                self._lengths.point(int(k), scaled / scaled_lengths[:, None])
            sums = self._sums.setdefault(int(k), Sums(Z.shape[1], products=self._streamed))
            sums.add(scaled, scaled_lengths)
            if self._streamed:
                sums.add_products(scaled[some[mine]], 1 / share)


def outlying(X: np.ndarray | Rows | Stream) -> Outlying:
    """Rows far beyond the others: few, long, and with nothing in between; see `overica.learning.outlying.Lengths`.

    Parameters
    ----------
    X : array (n_samples, n_features), Rows or Stream
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
    return Survey(X).outlying


def _reference(X: np.ndarray | Rows | Stream) -> np.ndarray:
    known = X.beginning if isinstance(X, Stream) else X
    rows = some_rows(len(known), _REFERENCE, np.random.default_rng(len(known)))
    return np.asarray(known[rows], np.float64)
