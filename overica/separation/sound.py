"""What a sound must be to be separated: long enough, finite, not silent, of channels that differ; what is doubtful."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator

import numpy as np

_SHORTEST = 0.5
"""Seconds."""
_RANK = 1e-10
"""Smallest ratio of the second to the first eigenvalue of the channels' covariance."""
_NEARLY = 1e-6
"""The same, from which it is told: rounding of a mono sound to 16 bits is some 75 dB below it."""
_SAME = 1e-4
"""How far a factor between channels may be from one."""
_OFFSET = 1e-3
"""Share of a channel's power from which its mean is an offset, and not chance."""
_CLIPPED = 3
"""Equal frames in a row at a channel's peak."""
_CLIPPED_SHARE = 1e-4
_PLAIN = 2.0
"""How many more frames stand at the peak of a clipped channel than one step below it, where there are few steps."""
_COARSE_DB = 40.0
"""Rounding to steps is noise; nearer below the sound, in decibels, it is told."""
_LOOKED_AT = 2**17
"""Frames."""
_BLOCK = 2**18
"""Frames."""


class SeparationWarning(UserWarning):
    """The sources may be wrong, and why."""


def blocks(x: np.ndarray) -> Iterator[np.ndarray]:
    """Views of all rows in turn: what is computed of a long sound must not need its size in memory again."""
    for start in range(0, len(x), _BLOCK):
        yield x[start : start + _BLOCK]


def check_channels(n_channels: int) -> None:
    """Raise a ValueError where there is one channel alone."""
    if n_channels < 2:
        raise ValueError("`x` needs at least two different channels, got one")


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
        If the sound is too short, not finite or silent, or no two of its channels differ by more than a factor.

    Warns
    -----
    SeparationWarning
        To the caller's caller, if a channel is silent or a copy of another, but enough are left; if all are copies of
        one but for what is 60 dB below it.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((8000, 2)) + [3.0, 0.0]
    >>> offset, unit = check_sound(x, 8000.0)
    >>> offset.round(1), round(unit, 1)
    (array([3., 0.]), 1.0)
    """
    n_frames, n_channels = x.shape
    check_channels(n_channels)
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
    found = _alike(covariance)
    if eigenvalues[-2] <= _RANK * eigenvalues[-1]:
        raise ValueError(
            "`x` needs at least two different channels, got channels that are multiples of one: "
            + "; ".join(found)
        )
    for words in found:
        warnings.warn(f"{words}: the others decide", SeparationWarning, stacklevel=3)
    if eigenvalues[-2] <= _NEARLY * eigenvalues[-1]:
        decibels = -10 * np.log10(eigenvalues[-2] / eigenvalues[-1])
        warnings.warn(
            f"the channels are multiples of one but for a difference {decibels:.0f} dB below it: one source, or a mono "
            "recording with noise",
            SeparationWarning,
            stacklevel=3,
        )
    left = float((power - 2 * offset * mean + offset**2).mean())
    return offset * peak, float(np.sqrt(left)) * peak


def _alike(covariance: np.ndarray) -> list[str]:
    """What is said of channels that are silent or multiples of an earlier one."""
    power = np.diag(covariance)
    silent = power <= _RANK * power.max()
    found = [f"channel {c + 1} is silent" for c in np.flatnonzero(silent)]
    for c, k in itertools.combinations(np.flatnonzero(~silent), 2):
        factor = covariance[c, k] / power[c]
        if power[k] - factor * covariance[c, k] <= _RANK * power[k]:
            same = "identical" if abs(factor - 1) < _SAME else "of opposite polarity"
            what = (
                same
                if abs(abs(factor) - 1) < _SAME
                else f"the same but for a factor of {factor:.3g}"
            )
            found.append(f"channels {c + 1} and {k + 1} are {what}")
    return found


def warn_of_samples(x: np.ndarray) -> None:
    """Warn the caller's caller of every channel that often stays at its peak, and of coarse steps."""
    steps = [_steps(channel) for channel in x.T]
    noisy = [
        (decibels, c) for c, (decibels, _) in enumerate(steps, start=1) if decibels < _COARSE_DB
    ]
    if noisy:
        decibels, c = min(noisy)
        warnings.warn(
            f"the sound is coarsely quantised: channel {c} of {x.shape[1]} takes {steps[c - 1][1]} values, whose "
            f"rounding is noise {decibels:.0f} dB below the sound; sources can be no better",
            SeparationWarning,
            stacklevel=3,
        )
    coarse = {c for _, c in noisy}
    for c, channel in enumerate(x.T, start=1):
        runs = _runs_at_peak(channel)
        clipped = runs > _CLIPPED_SHARE * len(channel)
        if clipped and (c not in coarse or _stays_at_peak(channel)):
            warnings.warn(
                f"channel {c} of {x.shape[1]} is clipped ({runs} times {_CLIPPED} frames in a row at its peak): the "
                "sum of the sources is cut off there, and what is cut off is shared out among the estimates",
                SeparationWarning,
                stacklevel=3,
            )


def _steps(channel: np.ndarray) -> tuple[float, int]:
    """Decibels from the noise of rounding to the smallest step between values up to the sound; number of values."""
    part = channel[:: max(1, len(channel) // _LOOKED_AT)].astype(np.float64)
    values = np.unique(part)
    gaps = np.diff(values)
    # Of single precision is what is smaller, not of the steps.
    gaps = gaps[gaps > np.finfo(np.float32).eps * np.abs(values).max()]
    if not len(gaps):
        return np.inf, len(values)
    return float(10 * np.log10(12 * part.var() / gaps.min() ** 2)), len(values)


def _stays_at_peak(channel: np.ndarray) -> bool:
    """Whether the outer values are more frequent than those next to them: coarse steps alone make them less."""
    values, counts = np.unique(channel, return_counts=True)
    return len(values) > 3 and bool(counts[0] + counts[-1] > _PLAIN * (counts[1] + counts[-2]))


def _runs_at_peak(channel: np.ndarray) -> int:
    """How often so many frames in a row are at the peak."""
    high, low = channel.max(), channel.min()
    if high == low:
        return 0
    runs = 0
    for start in range(0, len(channel), 2**20):
        part = channel[start : start + 2**20 + _CLIPPED - 1]
        at_peak = (part >= high) | (part <= low)
        n_runs = len(at_peak) - _CLIPPED + 1
        inside = np.ones(max(n_runs, 0), bool)
        for shift in range(_CLIPPED):
            inside &= at_peak[shift : shift + n_runs]
        runs += int(inside.sum())
    return runs
