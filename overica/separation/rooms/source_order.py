"""One order of the sources at all frequencies.

A source begins and ends at all frequencies together: over time its share at one frequency is like that at others. With
shares of mean zero and unit length over time, the order sought has the largest sum of their correlations with the
sources' means over frequencies (Sawada, Araki and Makino 2011, "Underdetermined convolutive blind source separation via
frequency bin-wise clustering and permutation alignment", IEEE Transactions on Audio, Speech, and Language Processing
19). Means and orders are found in turns, first from one frequency outwards, from several such frequencies.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

_STARTS = 8
_ROUNDS = 30


def in_one_order(shares: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Which cluster of each frequency is which source.

    Parameters
    ----------
    shares : array (n_frequencies, n_clusters, n_windows)
    rng : numpy.random.Generator

    Returns
    -------
    order : array of int, (n_frequencies, n_clusters)
        ``shares[f, order[f]]`` are in one order.
    agreement : float
        Mean correlation of a share with the mean of its source.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> talks = (rng.random((2, 50)) < 0.5).astype(float)
    >>> shares = np.stack([talks[rng.permutation(2)] for _ in range(20)])
    >>> order, agreement = in_one_order(shares, rng)
    >>> found = np.take_along_axis(shares, order[:, :, None], axis=1)
    >>> bool((found == found[0]).all()), round(agreement, 6)
    (True, 1.0)
    """
    return _ordered(_series(shares), rng)


def chance_agreement(shares: np.ndarray) -> float:
    """The agreement of `in_one_order` where nothing agrees: every frequency is moved round in time by itself."""
    series = _series(shares)
    # Of its own: what is known of chance changes nothing of what is found.
    rng = np.random.default_rng(0)
    n_windows = series.shape[2]
    moved = (np.arange(n_windows) + rng.integers(0, n_windows, (len(series), 1, 1))) % n_windows
    return _ordered(np.take_along_axis(series, moved, axis=2), rng)[1]


def _series(shares: np.ndarray) -> np.ndarray:
    return _unit(shares - shares.mean(axis=2, keepdims=True))


def _ordered(series: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    best: tuple[float, np.ndarray] | None = None
    for first in rng.integers(0, len(series), _STARTS):
        order = _outwards(series, int(first))
        for _ in range(_ROUNDS):
            means = _unit(np.take_along_axis(series, order[:, :, None], axis=1).sum(axis=0))
            correlations = means @ series.swapaxes(1, 2)
            before, order = order, _orders(correlations)
            if (order == before).all():
                break
        value = float(np.take_along_axis(correlations, order[:, :, None], axis=2).mean())
        if best is None or value > best[0]:
            best = value, order
    assert best is not None
    return best[1], best[0]


def _unit(series: np.ndarray) -> np.ndarray:
    length = np.sqrt((series**2).sum(axis=-1, keepdims=True))
    return np.asarray(series / np.where(length > 0, length, 1))


def _outwards(series: np.ndarray, first: int) -> np.ndarray:
    """Orders from one frequency to its neighbours and so on, each by the sum of those before."""
    n_frequencies, n_clusters, _ = series.shape
    order = np.empty((n_frequencies, n_clusters), int)
    total = np.zeros_like(series[0])
    for f in np.argsort(np.abs(np.arange(n_frequencies) - first), kind="stable"):
        order[f] = _orders((_unit(total) @ series[f].T)[None])[0]
        total += series[f, order[f]]
    return order


def _orders(correlations: np.ndarray) -> np.ndarray:
    """Of matrices (n, n_sources, n_clusters) the clusters of the sources with the largest sums."""
    return np.stack([linear_sum_assignment(each, maximize=True)[1] for each in correlations])
