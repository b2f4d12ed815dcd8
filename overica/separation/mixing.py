"""The mixing matrix from time-frequency coefficients, and how many sources they support.

In many places of time and frequency one source is far above the others, and its column of the mixing matrix is measured
there (`one_source`). A mixture of clusters of such measurements (`direction_clusters`) begins with more directions than
wanted and drops the surplus one at a time; what each of them adds says how many there are (`counting`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from overica.separation.counting import (
    count_probabilities,
    largest_considered,
    most_probable,
    pooled,
)
from overica.separation.direction_clusters import nested_mixtures, spread_out
from overica.separation.one_source import one_source_points

_SURPLUS = 4
_MOST_SOURCES = 8
"""Largest number that "auto" tries with two channels; half of it more for every further one."""


@dataclass(frozen=True)
class Mixing:
    """A learned mixing matrix and the evidence for its number of columns."""

    columns: np.ndarray
    """Unit columns, the largest entry of each positive, (n_channels, n_sources)."""
    evidence: dict[int, float]
    """Log density of one-source directions, nats above uniform ones, by number of sources."""
    probabilities: dict[int, float]
    """Of the numbers of sources, see `counting`."""

    @property
    def supported(self) -> int:
        """The most probable number of sources."""
        return most_probable(self.probabilities)


def learn_mixing(Z: np.ndarray, n_sources: int | None, rng: np.random.Generator) -> Mixing:
    """Directions of the sources.

    Parameters
    ----------
    Z : array (n_channels, n_frequencies, n_windows)
        Complex coefficients.
    n_sources : int or None
        None takes the most probable number.
    rng : numpy.random.Generator

    Returns
    -------
    Mixing

    Raises
    ------
    ValueError
        If fewer directions are found than wanted.
    """
    points = one_source_points(Z, rng)
    n_points = len(points.spreads)
    most = _MOST_SOURCES + (len(Z) - 2) * _MOST_SOURCES // 2
    most = max(min(max(most, n_sources or 0), n_points // 20), 1)
    mixtures = nested_mixtures(points, spread_out(points, _SURPLUS + most + most // 4, rng))
    evidence = {k: mixtures[k].score(points) for k in sorted(mixtures) if k <= most}
    if not evidence:
        evidence = {min(mixtures): mixtures[min(mixtures)].score(points)}
    probabilities = count_probabilities(evidence, n_points, points.share)
    if len(Z) > 2:
        largest = largest_considered(probabilities)
        wide = {k: mixtures[k].score_with_planes(points) for k in evidence if k <= largest}
        of_wide = count_probabilities(wide, n_points, points.share)
        probabilities = pooled(probabilities, of_wide)
    wanted = most_probable(probabilities) if n_sources is None else n_sources
    if max(mixtures) < wanted:
        raise ValueError(
            f"`n_sources` must be at most {max(mixtures)}: no more directions are heard, got {n_sources}"
        )
    enough = mixtures[min(k for k in mixtures if k >= wanted)].trimmed(points)
    most_heard = np.argsort(-enough.shares.sum(axis=1), kind="stable")[:wanted]
    return Mixing(fix_signs(enough.columns[:, most_heard]), evidence, probabilities)


def fix_signs(A: np.ndarray) -> np.ndarray:
    """Columns of unit length whose entry of largest modulus is positive.

    Examples
    --------
    >>> fix_signs(np.array([[-3.0, 0.0], [4.0, -1.0]]))
    array([[-0.6,  0. ],
           [ 0.8,  1. ]])
    """
    A = A / np.linalg.norm(A, axis=0)
    largest = A[np.argmax(np.abs(A), axis=0), np.arange(A.shape[1])]
    return np.asarray(A * np.sign(largest) + 0.0)
