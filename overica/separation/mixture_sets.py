"""Sets of mixtures with known sources: a new one is a function and a line in `MIXTURES`.

Each is called as ``make(seed, **arguments)``, where every seed is another mixture.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from overica._validation import check_scalar
from overica.datasets import load_talkers, spread_directions
from overica.datasets.talkers import TalkerMixture, Talkers


@dataclass(frozen=True, eq=False, kw_only=True)
class Drawn(TalkerMixture):
    """A mixture of a set."""

    seed: int
    """For those who separate it."""


def talkers(
    seed: int,
    n_talkers: int = 3,
    *,
    n_seconds: float | None = None,
    mixings: int = 2,
    folder: str | None = None,
) -> Drawn:
    """Every set of talkers, mixed several times in directions that divide the half turn evenly, turned by some angle.

    Parameters
    ----------
    seed : int
        Seeds go through the mixings of a first set, then of a second, and begin again with other angles.
    n_talkers : int
    n_seconds : float, optional
        From the beginning; all if not given.
    mixings : int
        Angles of each set, before the next.
    folder : str, optional
        Of WAV files, one talker each; those of the package if not given.

    Examples
    --------
    >>> first, second, third = (talkers(seed, 3, n_seconds=1.0) for seed in range(3))
    >>> (
    ...     first.names == second.names,
    ...     first.names == third.names,
    ...     bool((first.mixing == third.mixing).all()),
    ... )
    (True, False, True)
    """
    check_scalar(mixings, "mixings", minimum=1, integer=True)
    voices = _voices(folder, n_talkers)
    sets = list(itertools.combinations(range(len(voices.names)), n_talkers))
    around, which = divmod(seed // mixings, len(sets))
    who = list(sets[np.random.default_rng(0).permutation(len(sets))[which]])
    own = seed % mixings + mixings * around
    A = _directions(n_talkers, np.random.default_rng(own))
    return _mixed(voices, who, A, _frames(voices, n_seconds), own)


def clips(seed: int, n_talkers: int = 3, *, n_seconds: int = 1, folder: str | None = None) -> Drawn:
    """Short clips from anywhere in the recordings, in which talkers talk throughout or not, as they come.

    Clips of one seed and different lengths have the same talkers and directions, and begin anywhere.

    Examples
    --------
    >>> clips(0, 3, n_seconds=2).x.shape
    (16000, 2)
    """
    check_scalar(n_seconds, "n_seconds", minimum=1, integer=True)
    voices = _voices(folder, n_talkers)
    rng = np.random.default_rng(seed)
    who = rng.permutation(len(voices.names))[:n_talkers]
    A = _directions(n_talkers, rng)
    n_frames = voices.signals.shape[1]
    for seconds in range(1, n_seconds + 1):
        length = _frames(voices, seconds)
        first = int(rng.integers(0, n_frames - length + 1))
    return _mixed(voices, who, A, length, seed, first)


def levels(
    seed: int,
    n_talkers: int = 3,
    *,
    decibels: float = 6.0,
    n_seconds: float | None = None,
    folder: str | None = None,
) -> Drawn:
    """One talker weaker than the others, by so many decibels.

    Examples
    --------
    >>> levels(0, 3, decibels=20.0, n_seconds=1.0).sources.std(axis=0).argmin()
    np.int64(2)
    """
    check_scalar(decibels, "decibels")
    voices = _voices(folder, n_talkers)
    rng = np.random.default_rng(seed)
    who = rng.permutation(len(voices.names))[:n_talkers]
    A = _directions(n_talkers, rng)
    gains = np.append(np.ones(n_talkers - 1), 10 ** (-decibels / 20))
    return _mixed(voices, who, A, _frames(voices, n_seconds), seed, gains=gains)


MIXTURES: dict[str, Callable[..., Drawn]] = {
    make.__name__: make for make in (talkers, clips, levels)
}
"""Sets of mixtures by name."""


def _voices(folder: str | None, n_talkers: int) -> Talkers:
    voices = load_talkers(folder)
    check_scalar(n_talkers, "n_talkers", minimum=1, integer=True)
    if n_talkers > len(voices.names):
        raise ValueError(f"`n_talkers` must be at most {len(voices.names)}, got {n_talkers}")
    return voices


def _directions(n_talkers: int, rng: np.random.Generator) -> np.ndarray:
    return spread_directions(n_talkers, rng.uniform(0, np.pi / n_talkers))


def _frames(voices: Talkers, n_seconds: float | None) -> int:
    n_frames = voices.signals.shape[1]
    if n_seconds is None:
        return n_frames
    wanted = round(check_scalar(n_seconds, "n_seconds", strict=True) * voices.sample_rate)
    if not 1 <= wanted <= n_frames:
        most = n_frames / voices.sample_rate
        raise ValueError(f"`n_seconds` must be at most {most:g}, got {n_seconds!r}")
    return wanted


def _mixed(
    voices: Talkers,
    who: list[int] | np.ndarray,
    A: np.ndarray,
    n_frames: int,
    seed: int,
    first: int = 0,
    gains: np.ndarray | float = 1.0,
) -> Drawn:
    sources = voices.signals[who, first : first + n_frames].T * gains
    names = tuple(voices.names[j] for j in who)
    return Drawn(sources @ A.T, sources, A, voices.sample_rate, names, seed=seed)
