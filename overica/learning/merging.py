"""Columns that point the same way are one: copies are merged."""

from __future__ import annotations

import numpy as np

_BLOCK = 256
"""Columns whose cosines with all others are looked at together."""
SAME_DIRECTION = 0.9
"""Cosine above which two columns count as copies of one."""


def merge_columns(
    A: np.ndarray,
    usage: np.ndarray,
    n_components: int,
    *,
    nonnegative: bool,
    threshold: float = SAME_DIRECTION,
) -> np.ndarray:
    """Indices of the columns left once copies are merged, but no fewer than wanted; most used first.

    Of the closest pair the less used goes, while more than `n_components` are left and some pair is closer than
    `threshold`. A fit with surplus columns leaves copies of true columns, close to them; which of the others are
    too many is for `overica.learning.worth` to say.

    Parameters
    ----------
    A : array (n_features, n_columns)
    usage : array (n_columns,)
        Mean absolute code times norm: how much of the data a column carries.
    n_components : int
        Fewest to keep. To merge all copies, see `distinct_columns`.
    nonnegative : bool
        Whether opposite columns differ (non-negative sources).
    threshold : float
        Cosine above which two columns are copies.

    Examples
    --------
    >>> A = np.array([[1.0, 0.999, 0.0], [0.0, 0.04, 1.0]])
    >>> merge_columns(A, np.array([2.0, 1.0, 3.0]), 2, nonnegative=False)
    array([2, 0])
    """
    kept = _without_copies(A, usage, n_components, nonnegative, threshold)
    return kept[np.argsort(-usage[kept], kind="stable")]


def distinct_columns(
    A: np.ndarray, usage: np.ndarray, *, nonnegative: bool, threshold: float = SAME_DIRECTION
) -> np.ndarray:
    """Indices of the columns left once copies are merged, most used first."""
    kept = _without_copies(A, usage, 1, nonnegative, threshold)
    return kept[np.argsort(-usage[kept], kind="stable")]


def _without_copies(
    A: np.ndarray, usage: np.ndarray, n_components: int, nonnegative: bool, threshold: float
) -> np.ndarray:
    left = A.shape[1]
    alive = np.ones(left, bool)
    for i, j in _close_pairs(A, nonnegative, threshold):
        if left <= max(n_components, 1):
            break
        if alive[i] and alive[j]:
            alive[i if usage[i] < usage[j] else j] = False
            left -= 1
    return np.flatnonzero(alive)


def _close_pairs(A: np.ndarray, nonnegative: bool, threshold: float) -> np.ndarray:
    """Pairs of columns, the first before the second, whose cosine is at least the threshold, the closest first."""
    unit = A / np.maximum(np.linalg.norm(A, axis=0), np.finfo(A.dtype).tiny)
    pairs, heights = [], []
    for start in range(0, A.shape[1], _BLOCK):
        cosines = unit[:, start : start + _BLOCK].T @ unit[:, start:]
        if not nonnegative:
            cosines = np.abs(cosines)
        i, j = np.nonzero(np.triu(cosines, 1) >= threshold)
        heights.append(cosines[i, j])
        pairs.append(np.stack([i, j], axis=1) + start)
    return np.concatenate(pairs)[np.argsort(-np.concatenate(heights), kind="stable")]
