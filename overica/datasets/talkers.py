"""Talkers, and mixtures of them at fewer microphones: recorded speech with a known mixing matrix."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.io import wavfile

from overica._validation import check_scalar
from overica.datasets._checks import check_sizes

_FOLDER = Path(__file__).parent / "speech"


@dataclass(frozen=True, eq=False)
class Talkers:
    """Recordings of single talkers.

    Examples
    --------
    >>> load_talkers().signals.shape
    (4, 160000)
    """

    signals: np.ndarray
    """Zero mean, unit variance, (n_talkers, n_frames)."""
    sample_rate: float
    """Frames per second."""
    names: tuple[str, ...]
    """Language, voice (f, m) and, of a second recording of a voice, a letter."""


@dataclass(frozen=True, eq=False)
class TalkerMixture:
    """Talkers mixed without delay: ``x = sources @ mixing.T``.

    Examples
    --------
    >>> recording = make_talkers(3, n_seconds=1, random_state=0)
    >>> np.allclose(recording.x, recording.sources @ recording.mixing.T), recording.mixing.shape
    (True, (2, 3))
    """

    x: np.ndarray
    """The mixture, (n_frames, n_channels)."""
    sources: np.ndarray
    """(n_frames, n_talkers)."""
    mixing: np.ndarray
    """Unit columns, (n_channels, n_talkers)."""
    sample_rate: float
    """Frames per second."""
    names: tuple[str, ...]
    """Of the talkers."""


def load_talkers(folder: str | os.PathLike[str] | None = None) -> Talkers:
    """The four recordings that come with the package: 20 s each, 8 kHz, silences shortened.

    Parameters
    ----------
    folder : path, optional
        Of WAV files, one talker and one channel each, instead of those; all are cut to the shortest.

    Returns
    -------
    Talkers

    Raises
    ------
    ValueError
        If the files are fewer than one, have several channels or sample rates, or one is silent: says which.

    Notes
    -----

    Excerpts of the Asterisk core sound prompts, English by Allison Smith and French by June Wallack (CC BY-SA 3.0),
    Italian by Carlo Flora (CC BY 3.0); see the licence beside them.

    Examples
    --------
    >>> talkers = load_talkers()
    >>> talkers.names
    ('en_f', 'en_f_b', 'fr_f', 'it_m')
    >>> talkers.signals.shape, talkers.sample_rate
    ((4, 160000), 8000.0)
    """
    files = sorted(_FOLDER.glob("talker_*.wav") if folder is None else Path(folder).glob("*.wav"))
    read = [wavfile.read(path) for path in files]
    if len({rate for rate, _ in read}) != 1 or any(frames.ndim != 1 for _, frames in read):
        raise ValueError(
            "`folder` must hold WAV files of one channel and one sample rate, got "
            f"{[(path.name, rate, frames.shape) for path, (rate, frames) in zip(files, read, strict=True)]}"
        )
    shortest = min(len(frames) for _, frames in read)
    signals = np.stack([frames[:shortest].astype(np.float64) for _, frames in read])
    signals -= signals.mean(axis=1, keepdims=True)
    if not signals.any(axis=1).all():
        silent = [
            path.name for path, signal in zip(files, signals, strict=True) if not signal.any()
        ]
        raise ValueError(f"`folder` must hold no silence, got {silent}")
    signals /= signals.std(axis=1, keepdims=True)
    names = tuple(path.stem.removeprefix("talker_") for path in files)
    return Talkers(signals, float(read[0][0]), names)


def spread_directions(n_directions: int, offset: float | None = None) -> np.ndarray:
    """Unit columns (2, n_directions) whose angles divide the half turn evenly: ``offset + j pi / n``.

    The offset, in radians, is half a step if not given.

    Parameters
    ----------
    n_directions : int
    offset : float, optional

    Returns
    -------
    array (2, n_directions)

    Examples
    --------
    >>> spread_directions(2, offset=0.0).round(3)
    array([[1., 0.],
           [0., 1.]])
    """
    check_sizes(n_directions=n_directions)
    step = np.pi / n_directions
    angles = (step / 2 if offset is None else offset) + step * np.arange(n_directions)
    return np.stack([np.cos(angles), np.sin(angles)])


def make_talkers(
    n_talkers: int = 3,
    n_channels: int = 2,
    *,
    n_seconds: float | None = None,
    folder: str | os.PathLike[str] | None = None,
    random_state: int | np.random.Generator | None = None,
) -> TalkerMixture:
    """Talkers of equal power mixed without delay, in directions that are evenly spread.

    With two channels the angles divide the half turn evenly; with more, directions are drawn at random until none is
    closer to another than an even spread would allow by far. A seed also chooses who talks and how the directions
    are turned; without one the first talkers of `load_talkers` talk, and the angles begin at half a step.

    Parameters
    ----------
    n_talkers : int
        1 to 4, or to as many as there are in the folder.
    n_channels : int
        Microphones, at least 2.
    n_seconds : float, optional
        From the beginning; all 20 if not given.
    folder : path, optional
        Of other recordings, see `load_talkers`.
    random_state : None, int or numpy.random.Generator

    Returns
    -------
    TalkerMixture

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> data = make_talkers(4, n_seconds=1.0)
    >>> data.x.shape, data.sources.shape, data.mixing.shape
    ((8000, 2), (8000, 4), (2, 4))
    """
    check_sizes(n_talkers=n_talkers)
    check_scalar(n_channels, "n_channels", minimum=2, integer=True)
    talkers = load_talkers(folder)
    if n_talkers > len(talkers.names):
        raise ValueError(f"`n_talkers` must be at most {len(talkers.names)}, got {n_talkers}")
    rng = None if random_state is None else np.random.default_rng(random_state)
    chosen = np.arange(n_talkers)
    offset = None
    if rng is not None:
        chosen = rng.permutation(len(talkers.names))[:n_talkers]
        offset = float(rng.uniform(0, np.pi / n_talkers))
    if n_channels == 2:
        A = spread_directions(n_talkers, offset)
    else:
        A = apart(n_channels, n_talkers, rng or np.random.default_rng(0))
    signals = talkers.signals[chosen]
    if n_seconds is not None:
        n_frames = round(check_scalar(n_seconds, "n_seconds", strict=True) * talkers.sample_rate)
        signals = signals[:, : max(n_frames, 1)]
    names = tuple(talkers.names[j] for j in chosen)
    return TalkerMixture(signals.T @ A.T, signals.T, A, talkers.sample_rate, names)


def apart(n_channels: int, n_directions: int, rng: np.random.Generator) -> np.ndarray:
    """The best spread of many random sets of directions."""
    draws = rng.standard_normal((200, n_channels, n_directions))
    draws /= np.linalg.norm(draws, axis=1, keepdims=True)
    cosines = np.abs(draws.transpose(0, 2, 1) @ draws)
    cosines[:, np.arange(n_directions), np.arange(n_directions)] = 0.0
    return np.asarray(draws[cosines.max(axis=(1, 2)).argmin()])
