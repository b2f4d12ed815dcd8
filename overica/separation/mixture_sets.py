"""Sets of mixtures with known sources: a new one is a function and a line in `MIXTURES`.

Each is called as ``make(seed, **arguments)``, where every seed is another mixture.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from overica._validation import check_choice, check_scalar
from overica.datasets import load_talkers, make_talkers, spread_directions
from overica.datasets.talkers import TalkerMixture, apart


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
    noise: float | None = None,
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
    noise : float, optional
        Decibels of the mixture over the noise, white and independent in the channels; none if not given.
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
    n_frames = len(make_talkers(n_talkers, n_seconds=n_seconds, folder=folder).x)
    voices = load_talkers(folder)
    sets = list(itertools.combinations(range(len(voices.names)), n_talkers))
    around, which = divmod(seed // mixings, len(sets))
    who = list(sets[np.random.default_rng(0).permutation(len(sets))[which]])
    own = seed % mixings + mixings * around
    A = spread_directions(n_talkers, np.random.default_rng(own).uniform(0, np.pi / n_talkers))
    sources = voices.signals[who, :n_frames].T
    names = tuple(voices.names[j] for j in who)
    x = _with_noise(sources @ A.T, noise, np.random.default_rng([seed, 1]))
    return Drawn(x, sources, A, voices.sample_rate, names, seed=own)


def clips(seed: int, n_talkers: int = 3, *, n_seconds: int = 1, folder: str | None = None) -> Drawn:
    """Short clips from anywhere in the recordings, in which talkers talk throughout or not, as they come.

    Clips of one seed and different lengths have the same talkers and directions, and begin anywhere.

    Examples
    --------
    >>> clips(0, 3, n_seconds=2).x.shape
    (16000, 2)
    """
    check_scalar(n_seconds, "n_seconds", minimum=1, integer=True)
    rng = np.random.default_rng(seed)
    whole = make_talkers(n_talkers, folder=folder, random_state=rng)
    for seconds in range(1, n_seconds + 1):
        length = round(seconds * whole.sample_rate)
        if length > len(whole.x):
            raise ValueError(
                f"`n_seconds` must be at most {len(whole.x) / whole.sample_rate:g}, got {n_seconds}"
            )
        first = int(rng.integers(0, len(whole.x) - length + 1))
    return _drawn(whole, whole.sources[first : first + length], seed)


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
    equal = make_talkers(n_talkers, n_seconds=n_seconds, folder=folder, random_state=seed)
    gains = np.append(np.ones(n_talkers - 1), 10 ** (-decibels / 20))
    return _drawn(equal, equal.sources * gains, seed)


def desk(
    seed: int,
    n_talkers: int = 3,
    *,
    n_channels: int = 2,
    panning: str = "half turn",
    noise: float | None = None,
    weaker: float = 0.0,
    n_seconds: float = 4.0,
    folder: str | None = None,
) -> Drawn:
    """Talkers as a mixing desk has them, with noise of the channels.

    Talkers are different stretches of the recordings, of as many voices as there are, so that they may be many.

    Parameters
    ----------
    seed : int
    n_talkers : int
    n_channels : int
        With more than two, directions are drawn at random until they are well apart, as in `make_talkers`.
    panning : str
        Of two channels. "half turn": directions divide it evenly, turned by some angle. "pan pot": any from the left
        channel alone to the right one alone, at least 15 degrees apart.
    noise : float, optional
        Decibels of the mixture over the noise, white and independent in the channels; none if not given.
    weaker : float
        Decibels by which the last talker is weaker than the others.
    n_seconds : float
    folder : str, optional
        Of WAV files, one talker each; those of the package if not given.

    Examples
    --------
    >>> mixture = desk(0, 4, panning="pan pot", noise=20.0)
    >>> mixture.x.shape, bool((mixture.mixing >= 0).all())
    ((32000, 2), True)
    """
    check_choice(panning, "panning", PANNINGS)
    voices = load_talkers(folder)
    n_frames = round(check_scalar(n_seconds, "n_seconds", strict=True) * voices.sample_rate)
    n_voices, n_stretches = len(voices.names), voices.signals.shape[1] // n_frames
    if n_talkers > n_voices * n_stretches:
        raise ValueError(
            f"`n_talkers` must be at most {n_voices * n_stretches}, the stretches of {n_seconds:g} s, got {n_talkers}"
        )
    rng = np.random.default_rng(seed)
    stretches = np.argsort(rng.random((n_voices, n_stretches)), axis=1)
    who = np.concatenate([rng.permutation(n_voices) for _ in range(n_stretches)])[:n_talkers]
    which = [stretches[voice, (who[:j] == voice).sum()] for j, voice in enumerate(who)]
    sources = np.stack(
        [voices.signals[v, k * n_frames : (k + 1) * n_frames] for v, k in zip(who, which, strict=True)],
        axis=1,
    )  # fmt: skip
    sources = sources / sources.std(axis=0)
    sources[:, -1] *= 10 ** (-weaker / 20)
    A = PANNINGS[panning](n_talkers, rng) if n_channels == 2 else apart(n_channels, n_talkers, rng)
    x = _with_noise(sources @ A.T, noise, rng)
    names = tuple(voices.names[v] for v in who)
    return Drawn(x, sources, A, voices.sample_rate, names, seed=seed)


def _with_noise(x: np.ndarray, decibels: float | None, rng: np.random.Generator) -> np.ndarray:
    """White noise, independent in the channels, so many decibels below."""
    if decibels is None:
        return x
    return np.asarray(x + x.std() * 10 ** (-decibels / 20) * rng.standard_normal(x.shape))


def _half_turn(n_talkers: int, rng: np.random.Generator) -> np.ndarray:
    return spread_directions(n_talkers, rng.uniform(0, np.pi / n_talkers))


def _pan_pot(n_talkers: int, rng: np.random.Generator) -> np.ndarray:
    between = np.radians(_PANNED_APART) * np.arange(n_talkers)
    if between[-1] > np.pi / 2:
        raise ValueError(f"`n_talkers` must be at most 7 between two channels, got {n_talkers}")
    angles = np.sort(rng.uniform(0, np.pi / 2 - between[-1], n_talkers)) + between
    return np.stack([np.cos(angles), np.sin(angles)])


_PANNED_APART = 15.0
PANNINGS = {"half turn": _half_turn, "pan pot": _pan_pot}
MIXTURES: dict[str, Callable[..., Drawn]] = {
    make.__name__: make for make in (talkers, clips, levels, desk)
}
"""Sets of mixtures by name."""


def _drawn(like: TalkerMixture, sources: np.ndarray, seed: int) -> Drawn:
    """The talkers and directions of a mixture with other sound."""
    x = sources @ like.mixing.T
    return Drawn(x, sources, like.mixing, like.sample_rate, like.names, seed=seed)
