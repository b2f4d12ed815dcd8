"""Does an instantaneous mixture explain the channels?

Where one source alone is heard, the windows around a coefficient hold multiples of one complex vector, whatever the
room. In an instantaneous mixture that vector is real but for its phase; delays turn its entries against each other, and
reverberation, frequency by frequency, by any angle. The higher the frequency, the further a delay turns them: of
microphones some centimetres apart the lower ones, where voices are loudest, see nearly nothing.
"""

from __future__ import annotations

import numpy as np

from overica.separation.one_source import LOWEST

INSTANTANEOUS = 0.7
"""Least share of coefficients of one source whose channels differ by a real factor, see `share_real`."""
_SAMPLE = 20_000
_LOUD = 0.3
_APART = 2
"""Windows between those that are compared: further apart they share little sound."""
_ONE_SOURCE = 0.99
"""Share of the power along one vector."""
_REAL = 0.15
"""Largest tangent of the angle between a vector and its real part."""
_NEAR = 0.15
"""Largest tangent of the angle to a column."""


def one_source_vectors(Z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Complex unit vectors (n_points, n_channels) of loud coefficients whose neighbours in time are its multiples.

    From low to high frequencies.
    """
    n_windows = Z.shape[2]
    if n_windows < 2 * _APART + 1:
        return np.empty((0, len(Z)), complex)
    middle = Z[:, LOWEST:-1, _APART : n_windows - _APART]
    power = (np.abs(middle) ** 2).sum(axis=0).ravel()
    heard = power > 1e-10 * power.max()
    loud = np.flatnonzero(heard & (power >= np.quantile(power[heard], 1 - _LOUD)))
    loud = rng.permutation(loud)[:_SAMPLE]
    rows, windows = np.unravel_index(loud, middle.shape[1:])
    shifts = np.arange(3) * _APART
    blocks = Z[:, LOWEST + rows[:, None], windows[:, None] + shifts].transpose(1, 0, 2)
    vectors, lengths, _ = np.linalg.svd(blocks, full_matrices=False)
    alone = lengths[:, 0] ** 2 >= _ONE_SOURCE * (lengths**2).sum(axis=1)
    upwards = np.flatnonzero(alone)[np.argsort(rows[alone], kind="stable")]
    return np.asarray(vectors[upwards, :, 0])


def share_real(vectors: np.ndarray) -> float:
    """Share of the higher half of unit vectors that are real but for a phase; NaN if there are none."""
    if len(vectors) == 0:
        return float("nan")
    vectors = vectors[len(vectors) // 2 :]
    square = np.abs((vectors**2).sum(axis=1))
    return float((np.sqrt(np.maximum(1 - square, 0) / (1 + square)) < _REAL).mean())


def share_explained(vectors: np.ndarray, A: np.ndarray) -> float:
    """Share of unit vectors within .15 rad of a unit column; NaN if there are none."""
    if len(vectors) == 0:
        return float("nan")
    nearest = np.minimum(np.abs(vectors @ A).max(axis=1), 1.0)
    return float((np.sqrt(1 - nearest**2) / np.maximum(nearest, 1e-9) < _NEAR).mean())
