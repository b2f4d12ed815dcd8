"""The mixing matrix from time-frequency coefficients, and how many sources they support.

Speech is sparse there: in many coefficients one source is far above the others. With real columns the real and the
imaginary parts x' and x'' of such a coefficient are parallel, and their common direction is the source's column;
coefficients in which several sources meet, or nobody speaks, are left out. `OvercompleteICA`, with its noise annealed,
learns more columns than wanted from those that stay; a mixture of directions (`directions`) drops the surplus one at a
time, and its held-out evidence says how many are needed.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from overica.estimator import OvercompleteICA
from overica.learning import LearningError
from overica.separation.direction_clusters import (
    distinct_columns,
    nested_mixtures,
    spread_out,
)

_LOUD = 0.3
"""Share of the coefficients, the loudest, that are looked at."""
_PARALLEL = 0.05
"""Largest ratio of the shorter to the longer axis of the ellipse x' cos + x'' sin."""
_FEWEST = 400
"""Below this, the next most parallel coefficients are taken too."""
_CROWD = 2.0
"""Points of one window, in those of the median window."""
_MOST = 10_000
"""Points that are learned from, and as many held out."""
_EXAMINED = 2_000_000
LOWEST = 3
"""First frequency that is looked at: the window spreads an offset over those below."""
_SURPLUS = 2
_MOST_SOURCES = 8
"""Largest number that "auto" tries with two channels; half of it more for every further one."""
_GAIN = 0.003
"""Held-out nats per coefficient for which a source is believed; in 20 s what is none gains less than .001."""
_GAIN_IN_ALL = 6.0
"""The same, nats over all held-out coefficients: what counts in short sounds, where chance gains up to 3."""
_GAIN_SHARE = 0.02
"""The same with more than two channels, of the evidence without it: points at which two sources meet lie along the
plane of their columns, which takes several clusters, each of some .01 of the evidence."""
_REPEATED = 0.99999


@dataclass(frozen=True)
class Mixing:
    """A learned mixing matrix and the evidence for its number of columns."""

    columns: np.ndarray
    """Unit columns, the largest entry of each positive, (n_channels, n_sources)."""
    evidence: dict[int, float]
    """Held-out log density of one-source directions, nats above uniform ones, by number of sources."""
    supported: int
    """Number of sources that the evidence supports."""


def one_source_points(Z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Loud coefficients that one source fills alone, as real vectors (n_points, n_channels) in random order.

    A coefficient x, turned by the phase that makes ``sum_c x_c^2`` real, has its longer axis as real part; the axes'
    squared lengths are ``(|x|^2 +- |sum_c x_c^2|) / 2``.
    """
    # At half the sample rate coefficients are real by construction; the lowest hold drifts of the offset, no voice.
    inner = Z[:, LOWEST:-1]
    step = max(1, inner[0].size // _EXAMINED)
    X = inner.reshape(len(Z), -1)[:, ::step].astype(np.complex128)
    power = (np.abs(X) ** 2).sum(axis=0)
    heard = power > 1e-10 * power.max()
    loud = heard & (power >= np.quantile(power[heard], 1 - _LOUD))
    X, power = X[:, loud], power[loud]
    square = (X**2).sum(axis=0)
    ratio = np.sqrt(np.maximum(power - np.abs(square), 0) / (power + np.abs(square)))
    limit = max(_PARALLEL, float(np.sort(ratio)[min(_FEWEST, ratio.size) - 1]))
    chosen = np.flatnonzero(ratio <= limit)
    chosen = chosen[rng.permutation(len(chosen))]
    windows = (np.arange(0, inner[0].size, step)[loud] % Z.shape[2])[chosen]
    chosen = chosen[_not_crowded(windows)][: 2 * _MOST]
    return (X[:, chosen] * np.exp(-0.5j * np.angle(square[chosen]))).real.T


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


def learn_mixing(Z: np.ndarray, n_sources: int | None, rng: np.random.Generator) -> Mixing:
    """Directions of the sources.

    Parameters
    ----------
    Z : array (n_channels, n_frequencies, n_windows)
        Complex coefficients.
    n_sources : int or None
        None finds it: the least number from which no larger one raises the held-out evidence, for each source more, by
        .003 nats per coefficient and by 6 in all (with more than two channels, by 2 % as well).
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
    U = points / np.linalg.norm(points, axis=1, keepdims=True)
    held_out, U = U[1::2], U[::2]
    most = _MOST_SOURCES + (len(Z) - 2) * _MOST_SOURCES // 2
    most = min(max(most, n_sources or 0), len(U) // 10)
    start = _over_provided(points, U, _SURPLUS + most + most // 4, rng)
    mixtures = nested_mixtures(U, start)
    evidence = {k: mixtures[k].score(held_out) for k in sorted(mixtures) if k <= most}
    gain = max(_GAIN, _GAIN_IN_ALL / len(held_out))
    supported = _supported(evidence, gain, _GAIN_SHARE if len(Z) > 2 else 0.0)
    wanted = supported if n_sources is None else n_sources
    if max(mixtures) < wanted:
        raise ValueError(
            f"`n_sources` must be at most {max(mixtures)}: no more directions are heard, got {n_sources}"
        )
    enough = mixtures[min(k for k in mixtures if k >= wanted)]
    # One cluster per source, whose tails are as heavy as its points make them, says best where it is.
    columns = enough.merged().improved(U).columns[:, :wanted]
    return Mixing(fix_signs(columns), evidence, supported)


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


def _over_provided(
    points: np.ndarray, U: np.ndarray, n_columns: int, rng: np.random.Generator
) -> np.ndarray:
    """Columns of an annealed fit with surplus; far more than sources, from points far from one another."""
    start = distinct_columns(spread_out(U, n_columns, rng), _REPEATED)
    ica = OvercompleteICA(
        start.shape[1], init=start, max_iter=40, center=False, whiten=False,
        random_state=int(rng.integers(2**31)),
    )  # fmt: skip
    with warnings.catch_warnings():
        # Where it stops is where the mixture of directions begins.
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            learned = ica.fit(points[: 2 * len(U)]).mixing_
        except LearningError:
            return start
    return np.column_stack([learned, start])


def _supported(evidence: dict[int, float], gain: float, share: float) -> int:
    best = min(evidence)
    for n_sources in sorted(evidence):
        each = max(gain, share * evidence[best])
        if evidence[n_sources] > evidence[best] + (n_sources - best) * each:
            best = n_sources
    return best
