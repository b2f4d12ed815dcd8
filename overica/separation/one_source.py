"""Where one source alone is heard: directions, each with its own accuracy.

Speech is sparse in time and frequency: in many places one source is far above the others. There the coefficients of
some windows in a row, at one frequency, are ``x_t = s_t a + e_t`` with one real column a, and their real and imaginary
parts, two vectors for each window, lie along a line. The direction of that line is measured as well as the line is
thin: with l the squares along it, and r those across in any one dimension,

    rho = r / l,

the direction is off by about sqrt(rho) over the root of the degrees of freedom, whatever lies across: sensor noise,
another source, or both. So no level of the noise need be known: where it is high directions are poor, and say so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

LOWEST = 3
"""First frequency that is looked at: the window spreads an offset over those below."""
WINDOWS = 3
"""In a row."""
_LOUD = 0.5
"""Share of the places, the loudest, that are looked at."""
_WIDEST = 0.05
"""Largest rho: what is wider is no line."""
_FEWEST = 400
"""Below this, the next thinnest are taken too."""
_CROWD = 2.0
"""Points of one window, in those of the median window."""
_MOMENT = 6
"""Windows that a bump or pop reaches at most,"""
_AROUND = 16
"""and to which on either side its windows are compared."""
_POP = 10.0
"""How many times their power a pop has."""
_EXAMINED = 60_000
_MOST = 10_000
_BLOCK = 1000


@dataclass(frozen=True)
class OneSourcePoints:
    """Directions in random order."""

    directions: np.ndarray
    """Unit vectors of either sign, (n_points, n_channels)."""
    spreads: np.ndarray
    """rho, (n_points,)."""
    share: float
    """Of the loud places, how many hold one source alone: small where there is much noise, or many talk at once."""

    def blocks(self) -> Iterator[OneSourcePoints]:
        """So many at a time that what is computed of them stays near the processor."""
        for start in range(0, len(self.spreads), _BLOCK):
            part = slice(start, start + _BLOCK)
            yield replace(self, directions=self.directions[part], spreads=self.spreads[part])


def one_source_points(Z: np.ndarray, rng: np.random.Generator) -> OneSourcePoints:
    """Directions of the loud places of coefficients Z (n_channels, n_frequencies, n_windows).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> S = rng.standard_normal((20, 50)) + 1j * rng.standard_normal((20, 50))
    >>> points = one_source_points(np.stack([0.6 * S, 0.8 * S]), rng)
    >>> np.abs(points.directions).round(3).min(axis=0).tolist(), points.share
    ([0.6, 0.8], 1.0)
    """
    n_channels, _, n_windows = Z.shape
    # At half the sample rate coefficients are real by construction; the lowest hold drifts of the offset, no voice.
    inner = Z[:, LOWEST:-1]
    power = np.einsum("cfw,cfw->fw", inner, inner.conj()).real.astype(np.float64)
    row = min(WINDOWS, n_windows)
    power = np.lib.stride_tricks.sliding_window_view(power, row, axis=1).sum(axis=2)
    pops = np.lib.stride_tricks.sliding_window_view(_pops(inner), row).any(axis=1)
    power[:, pops] = 0.0
    heard = power > 1e-10 * power.max()
    loud = np.flatnonzero(heard & (power >= np.quantile(power[heard], 1 - _LOUD)))
    loud = rng.permutation(loud)[:_EXAMINED]
    frequencies, windows = np.unravel_index(loud, power.shape)
    # (n_places, n_channels, row), then real and imaginary parts as rows.
    X = inner[:, frequencies[:, None], windows[:, None] + np.arange(row)].transpose(1, 0, 2)
    X = np.concatenate([X.real, X.imag], axis=2).transpose(0, 2, 1).astype(np.float64)
    _, lengths, vectors = np.linalg.svd(X, full_matrices=False)
    squares = lengths**2
    spreads = squares[:, 1:].sum(axis=1) / (n_channels - 1) / squares[:, 0]
    limit = max(_WIDEST, float(np.sort(spreads)[min(_FEWEST, len(spreads)) - 1]))
    thin = np.flatnonzero(spreads <= limit)
    chosen = thin[_not_crowded(windows[thin])][:_MOST]
    share = float((spreads <= _WIDEST).mean())
    return OneSourcePoints(vectors[chosen, 0], spreads[chosen], share)


def _pops(Z: np.ndarray) -> np.ndarray:
    """Which windows are far above all that is before and after, and over in a moment: nobody's sound.

    Examples
    --------
    >>> Z = np.ones((2, 5, 40))
    >>> Z[:, :, 20:23] = 9.0
    >>> np.flatnonzero(_pops(Z)).tolist()
    [19, 20, 21, 22, 23]
    """
    power = np.einsum("cfw,cfw->w", Z, Z.conj()).real.astype(np.float64)
    beside = np.zeros_like(power)
    for shift in range(_MOMENT, _AROUND + 1):
        beside[shift:] = np.maximum(beside[shift:], power[:-shift])
        beside[:-shift] = np.maximum(beside[:-shift], power[shift:])
    # In a sound that is hardly longer than a moment there is nothing to compare with, nor where all else is silent.
    far = (power > _POP * beside) & (beside > 1e-6 * power.max())
    # The first and the last window of a pop hold little of it, and yet more than of anything else.
    return np.asarray(np.convolve(far, np.ones(3), "same") > 0)


def _not_crowded(windows: np.ndarray) -> np.ndarray:
    """Whether each of points, in random order, is among the first of its window.

    What sounds for a moment, as a bump of a microphone does, fills all frequencies of a few windows with one direction.
    So that it outvotes no talker, no window has many times as many points as others have.
    """
    order = np.argsort(windows, kind="stable")
    counts = np.bincount(windows)
    rank = np.empty(len(windows), int)
    rank[order] = np.arange(len(windows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rank < _CROWD * np.median(counts[counts > 0])
