"""Recordings of a scalp with known sources: rhythms of the cortex, blinks and the mains, against the average.

A source is a current dipole, whose potential at an electrode is q·d / |d|³ with d from the dipole to the electrode
(an infinite homogeneous conductor): smooth over the scalp, and neighbours look alike, unlike random columns.
"""

from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Self

import numpy as np
from matplotlib.axes import Axes

from overica.plots._style import DATA

RATE = 250
"""Samples per second."""
MAINS = 50.0
"""Hertz."""
BLINK, HUM = 0, 1
"""Which sources these are."""
_NOISE = 0.01
"""Of the sensors, relative to their standard deviation."""


@dataclass(frozen=True, eq=False)
class Recording:
    """What electrodes pick up, and of what it is made."""

    X: np.ndarray
    """(n_samples, n_channels), of which the mean over the channels has been subtracted."""
    mixing: np.ndarray
    """Topographies of unit length, (n_channels, n_sources), with the same reference."""
    sources: np.ndarray
    """(n_samples, n_sources)."""
    electrodes: np.ndarray
    """Places on the upper half of a sphere, (n_channels, 3); the nose points along the second axis."""

    def notched(self) -> Self:
        """Without what lies within a hertz of the mains, hum among it."""
        f = np.fft.rfftfreq(len(self.X), 1 / RATE)[:, None]
        X = np.fft.irfft(np.fft.rfft(self.X, axis=0) * (np.abs(f - MAINS) > 1), len(self.X), axis=0)
        mixing, sources = (np.delete(Y, HUM, axis=1) for Y in (self.mixing, self.sources))
        return replace(self, X=X, mixing=mixing, sources=sources)


def record(
    n_channels: int, n_sources: int, seconds: float, presence: float = 1.0, random_state: int = 0
) -> Recording:
    """A recording with 50 Hz hum, blinks about every four seconds, and rhythms, each on for a share of the time."""
    rng = np.random.default_rng(random_state)
    n_samples = round(seconds * RATE)
    electrodes = _hemisphere(n_channels)
    places = rng.standard_normal((n_sources, 3))
    places *= rng.uniform(0.5, 0.8, (n_sources, 1)) / np.linalg.norm(places, axis=1, keepdims=True)
    places[:, 2] = np.abs(places[:, 2])
    moments = rng.standard_normal((n_sources, 3))
    # The eyes lie below and before the electrodes, and the cable beside the head.
    places[BLINK], moments[BLINK] = (0.0, 1.2, -0.4), (0.0, 0.5, 1.0)
    places[HUM] = (1.5, 0.5, 0.2)
    A = potentials(electrodes, places, moments)
    A -= A.mean(axis=0)
    A /= np.linalg.norm(A, axis=0)
    S = rhythms(n_samples, n_sources, presence, rng)
    S[:, BLINK] = _blinks(n_samples, rng)
    wobble = 1 + 0.1 * _slow(n_samples, 1, 5.0, rng)[:, 0]
    phase = 2 * np.pi * MAINS * np.arange(n_samples) / RATE + rng.uniform(0, 2 * np.pi)
    S[:, HUM] = 3 * wobble * np.sin(phase)
    X = S @ A.T
    X += _NOISE * X.std() * rng.standard_normal(X.shape)
    return Recording(X - X.mean(axis=1, keepdims=True), A, S, electrodes)


def potentials(electrodes: np.ndarray, places: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """Of dipoles at electrodes, (n_channels, n_sources)."""
    d = electrodes[:, None] - places
    return (d * moments).sum(axis=-1) / np.linalg.norm(d, axis=-1) ** 3


def rhythms(n_samples: int, n: int, presence: float, rng: np.random.Generator) -> np.ndarray:
    """Bands of 4 to 40 Hz over a broad floor, Laplace distributed while they are on.

    A Gaussian variable times the root of an exponential one is Laplace; both are slow or banded processes here, so that
    amplitudes come and go as they do in EEG.
    """
    f = np.fft.rfftfreq(n_samples, 1 / RATE)[:, None]
    centres = rng.uniform(4, 40, n)
    shapes = np.exp(-(((f - centres) / (0.3 * centres)) ** 2) / 2) + 0.1 / (1 + f / 5)
    carriers = _filtered(n_samples, n, shapes, rng)
    energies = sum(_slow(n_samples, n, 0.3, rng) ** 2 for _ in range(2)) / 2
    S = carriers * np.sqrt(energies)
    if presence < 1:
        S *= _slow(n_samples, n, 0.5, rng) > NormalDist().inv_cdf(1 - presence)
    return S / S.std(axis=0)


def topography(ax: Axes, recording: Recording, column: np.ndarray) -> None:
    """A column on the scalp, seen from above, the nose on top."""
    x, y, z = recording.electrodes.T
    stretch = np.arccos(z) / np.hypot(x, y)
    largest = np.abs(column).max()
    shades = {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest}
    ax.scatter(x * stretch, y * stretch, s=70, c=column, edgecolors=DATA, linewidths=0.4, **shades)
    ax.set(aspect="equal", xticks=[], yticks=[], xlim=(-1.8, 1.8), ylim=(-1.8, 1.8))
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)


def _hemisphere(n: int) -> np.ndarray:
    """Evenly spread points: a spiral of golden angles."""
    z = 1 - (np.arange(n) + 0.5) / n
    turn = np.pi * (1 + 5**0.5) * np.arange(n)
    return np.stack([np.cos(turn) * np.sqrt(1 - z**2), np.sin(turn) * np.sqrt(1 - z**2), z], axis=1)


def _blinks(n_samples: int, rng: np.random.Generator) -> np.ndarray:
    onsets = (rng.random(n_samples) < 0.25 / RATE) * rng.uniform(0.7, 1.3, n_samples)
    return 15 * np.convolve(onsets, np.hanning(round(0.3 * RATE)))[:n_samples]


def _slow(n_samples: int, n: int, seconds: float, rng: np.random.Generator) -> np.ndarray:
    f = np.fft.rfftfreq(n_samples, 1 / RATE)[:, None]
    return _filtered(n_samples, n, np.exp(-((f * seconds) ** 2)), rng)


def _filtered(n_samples: int, n: int, shapes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Gaussian processes of unit variance with these spectra."""
    white = np.fft.rfft(rng.standard_normal((n_samples, n)), axis=0)
    processes = np.fft.irfft(white * shapes, n_samples, axis=0)
    return processes / processes.std(axis=0)
