"""What a sound must be to be separated: long enough, finite, not silent, of channels that differ; offsets, clipping."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np

_SHORTEST = 0.5
"""Seconds."""
_RANK = 1e-10
"""Smallest ratio of the second to the first eigenvalue of the channels' covariance."""
_OFFSET = 1e-3
"""Share of a channel's power from which its mean is an offset, and not chance."""
_CLIPPED = 3
"""Equal frames in a row at a channel's peak."""
_CLIPPED_SHARE = 1e-4
_BLOCK = 2**18
"""Frames."""


class SeparationWarning(UserWarning):
    """The sources may be wrong, and why."""


def blocks(x: np.ndarray) -> Iterator[np.ndarray]:
    """Views of all rows in turn: what is computed of a long sound must not need its size in memory again."""
    for start in range(0, len(x), _BLOCK):
        yield x[start : start + _BLOCK]


def check_sound(x: np.ndarray, sample_rate: float) -> tuple[np.ndarray, float]:
    """Constant offset of every channel, and root mean square of what is left.

    An offset is no sound, yet in the lowest coefficients it would look like a source with a direction of its own.

    Parameters
    ----------
    x : array (n_frames, n_channels)
    sample_rate : float
        Frames per second.

    Raises
    ------
    ValueError
        If the sound is too short, not finite or silent, or its channels are multiples of one.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((8000, 2)) + [3.0, 0.0]
    >>> offset, unit = check_sound(x, 8000.0)
    >>> offset.round(1), round(unit, 1)
    (array([3., 0.]), 1.0)
    """
    n_frames, n_channels = x.shape
    if n_channels < 2:
        raise ValueError("`x` needs at least two different channels, got one")
    if n_frames < n_channels:
        raise ValueError(f"`x` must have shape (n_frames, n_channels), got {x.shape}: transposed?")
    if n_frames < _SHORTEST * sample_rate:
        raise ValueError(
            f"`x` must last at least {_SHORTEST:g} s, got {n_frames / sample_rate:.3g} s"
        )
    bad = sum(int((~np.isfinite(block)).sum()) for block in blocks(x))
    if bad:
        raise ValueError(f"`x` must be finite, got {bad} values that are NaN or infinite")
    if all((block == x[0]).all() for block in blocks(x)):
        raise ValueError("`x` must hold sound, got silence: all frames are the same")
    peak = max(float(np.abs(block).max()) for block in blocks(x))
    total, products = np.zeros(n_channels), np.zeros((n_channels, n_channels))
    for block in blocks(x):
        scaled = block.astype(np.float64) / peak
        total += scaled.sum(axis=0)
        products += scaled.T @ scaled
    mean, power = total / n_frames, np.diag(products) / n_frames
    offset = np.where(mean**2 > _OFFSET * power, mean, 0.0)
    covariance = products / n_frames - np.outer(mean, mean)
    eigenvalues = np.linalg.eigvalsh(covariance)
    if eigenvalues[-2] <= _RANK * eigenvalues[-1]:
        raise ValueError(
            "`x` needs at least two different channels, got channels that are multiples of one"
        )
    left = float((power - 2 * offset * mean + offset**2).mean())
    return offset * peak, float(np.sqrt(left)) * peak


def warn_if_clipped(x: np.ndarray) -> None:
    """Warn the caller's caller of every channel that often stays at its peak."""
    for c, channel in enumerate(x.T, start=1):
        high, low = channel.max(), channel.min()
        runs = 0
        for start in range(0, len(channel), 2**20):
            part = channel[start : start + 2**20 + _CLIPPED - 1]
            at_peak = (part >= high) | (part <= low)
            n_runs = len(at_peak) - _CLIPPED + 1
            inside = np.ones(max(n_runs, 0), bool)
            for shift in range(_CLIPPED):
                inside &= at_peak[shift : shift + n_runs]
            runs += int(inside.sum())
        if high > low and runs > _CLIPPED_SHARE * len(channel):
            warnings.warn(
                f"channel {c} of {x.shape[1]} is clipped ({runs} times {_CLIPPED} frames in a row at its peak): the "
                "sum of the sources is cut off there, and what is cut off is shared out among the estimates",
                SeparationWarning,
                stacklevel=3,
            )
