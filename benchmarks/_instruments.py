"""Instruments as physics has them, in NumPy: a note in, its sound out.

Strings are waves that run round a loop and lose their brightness (Karplus and Strong 1983; Jaffe and Smith 1983), bells
and membranes sums of modes that ring and fade, bow and reed driven periodic waves with noise. None is sampled, all are
drawn anew from a generator: no two strokes are alike.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, lfilter, sosfilt

# Of an ideal circular membrane: zeros of Bessel functions over the first.
MEMBRANE = np.array([1, 1.594, 2.136, 2.296, 2.653, 2.918, 3.156, 3.501, 3.600, 3.652])
# Of a church bell, hum tone to upper partials, over the strike note.
BELL = np.array([0.5, 1, 1.183, 1.506, 2, 2.514, 2.662, 3.011, 4.166, 5.433, 6.796, 8.215])
BELL_SIZES = np.array([0.4, 0.6, 0.9, 0.4, 1, 0.6, 0.5, 0.5, 0.4, 0.3, 0.2, 0.15])


@dataclass(frozen=True)
class Note:
    """What is played."""

    pitch: float
    """MIDI number; of drums, which one."""
    start: float
    """Seconds."""
    seconds: float
    """Until the next; what rings on after that is up to the instrument."""
    loudness: float = 1.0


def frequency(pitch: float) -> float:
    """Hertz, A above middle C being 440."""
    return 440.0 * 2 ** ((pitch - 69) / 12)


def plucked(note: Note, rate: float, rng: np.random.Generator, decay: float = 1.5) -> np.ndarray:
    """A string: noise in a loop as long as a period, averaged a little each time round; then the body of a guitar."""
    period = rate / frequency(note.pitch)
    n = round(rate * (note.seconds + 0.5 * decay))
    whole = int(period - 1.0)
    late = period - 1.0 - whole
    soft = rng.uniform(0.05, 0.15)
    # The loop: three symmetric taps that dull, two that set what a period has beyond whole samples.
    loop = np.convolve([soft, 1 - 2 * soft, soft], [1 - late, late])
    loop *= 10 ** (-3 * period / rate / decay)
    burst = np.zeros(n)
    burst[: int(period)] = rng.uniform(-1, 1, int(period))
    # Plucked at a point, a string lacks the partials that have a node there.
    burst = burst - _delayed(burst, int(period * rng.uniform(0.1, 0.2)))
    feedback = np.zeros(whole + len(loop))
    feedback[0] = 1.0
    feedback[whole:] -= loop
    string = lfilter([1.0], feedback, burst)
    body = sum(_resonance(string, f, 25.0, rate) for f in (105, 205, 400))
    return _faded(string + 0.5 * body, note.seconds, 0.1, rate)


def bass(note: Note, rate: float, rng: np.random.Generator) -> np.ndarray:
    """The same, long and low."""
    return plucked(note, rate, rng, decay=2.5)


def bell(note: Note, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Modes that are no multiples of one another, each a pair that beats; the higher the shorter."""
    f = frequency(note.pitch) * BELL
    f = np.concatenate([f, f * (1 + rng.uniform(5e-4, 2e-3, len(f)))])
    sizes = np.tile(BELL_SIZES, 2) * rng.uniform(0.7, 1.3, len(f))
    decays = 2.0 * (f / f[1]) ** -0.7
    return _faded(
        _modes(f, sizes, decays, note.seconds + 2.0, rate, rng), note.seconds + 1.5, 0.4, rate
    )


def bowed(note: Note, rate: float, rng: np.random.Generator) -> np.ndarray:
    """A string that sticks and slips, a sawtooth, with vibrato, the noise of a bow, and resonances of a violin."""
    wave = _driven(note, rate, rng, lambda k: 1.0 / k, vibrato=0.006, noise=0.02)
    body = sum(
        gain * _resonance(wave, f, q, rate)
        for f, q, gain in ((280, 12, 1), (460, 12, 1), (2600, 2, 1.5))
    )
    return 0.4 * wave + body


def blown(note: Note, rate: float, rng: np.random.Generator) -> np.ndarray:
    """A reed on a tube that is closed at one end: odd partials, and breath."""
    return _driven(note, rate, rng, lambda k: (k % 2 + 0.08) / k**1.2, vibrato=0.002, noise=0.04)


def drum(note: Note, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Kick (36), snare (38) or hat (42)."""
    return DRUMS[int(note.pitch)](rate, rng)


def _kick(rate: float, rng: np.random.Generator) -> np.ndarray:
    t = np.arange(round(0.4 * rate)) / rate
    # The skin is tighter while it is far out, so that its pitch falls.
    phase = 2 * np.pi * (52 * t + 2.5 * (1 - np.exp(-t / 0.03)))
    return np.sin(phase) * np.exp(-t / 0.12) + 0.3 * _burst(t, 0.004, rng)


def _snare(rate: float, rng: np.random.Generator) -> np.ndarray:
    f = 180 * MEMBRANE * rng.uniform(0.99, 1.01, len(MEMBRANE))
    skin = _modes(f, 1 / MEMBRANE, 0.12 / MEMBRANE, 0.35, rate, rng)
    t = np.arange(len(skin)) / rate
    wires = sosfilt(butter(2, 1200, "highpass", fs=rate, output="sos"), _burst(t, 0.08, rng))
    return skin + 0.8 * wires


def _hat(rate: float, rng: np.random.Generator) -> np.ndarray:
    t = np.arange(round(0.15 * rate)) / rate
    return 0.5 * sosfilt(butter(4, 5000, "highpass", fs=rate, output="sos"), _burst(t, 0.03, rng))


DRUMS: dict[int, Callable] = {36: _kick, 38: _snare, 42: _hat}
INSTRUMENTS: dict[str, Callable] = {
    "guitar": plucked, "bass": bass, "bells": bell, "violin": bowed, "clarinet": blown, "drums": drum,
}  # fmt: skip


def play(
    instrument: str, notes: list[Note], n_frames: int, rate: float, rng: np.random.Generator
) -> np.ndarray:
    """All notes of a part, zero mean and unit variance."""
    sound = np.zeros(n_frames)
    for note in notes:
        one = note.loudness * INSTRUMENTS[instrument](note, rate, rng)
        first = round(note.start * rate)
        if first < n_frames:
            sound[first : first + len(one)] += one[: n_frames - first]
    sound -= sound.mean()
    return sound / sound.std()


def _driven(
    note: Note, rate: float, rng: np.random.Generator, size: Callable, vibrato: float, noise: float
) -> np.ndarray:
    """Partials of these sizes below half the rate, in step, for as long as they are driven."""
    n = round(rate * note.seconds * 0.97)
    t = np.arange(n) / rate
    depth = vibrato * np.minimum(t / 0.3, 1)
    wobble = 1 + depth * np.sin(2 * np.pi * rng.uniform(4.8, 5.6) * t + rng.uniform(0, 6.3))
    phase = 2 * np.pi * np.cumsum(frequency(note.pitch) * wobble) / rate
    n_partials = int(0.45 * rate / frequency(note.pitch))
    # The higher partials follow the attack late.
    wave = sum(
        size(k) * np.sin(k * phase) * np.minimum(t / (0.03 + 0.01 * k), 1)
        for k in range(1, n_partials + 1)
    )
    breath = (
        noise
        * wave.std()
        * sosfilt(butter(1, 1000, "highpass", fs=rate, output="sos"), rng.standard_normal(n))
    )
    return _faded(
        (wave + breath) * (1 - 0.1 * np.cos(3 * t)), 0.97 * note.seconds - 0.06, 0.06, rate
    )


def _modes(
    f: np.ndarray,
    sizes: np.ndarray,
    decays: np.ndarray,
    seconds: float,
    rate: float,
    rng: np.random.Generator,
) -> np.ndarray:
    t = np.arange(round(seconds * rate)) / rate
    heard = f < 0.45 * rate
    phases = rng.uniform(0, 2 * np.pi, len(f))
    rows = zip(f[heard], sizes[heard], decays[heard], phases[heard], strict=True)
    return sum(a * np.exp(-t / d) * np.sin(2 * np.pi * g * t + p) for g, a, d, p in rows)


def _burst(t: np.ndarray, decay: float, rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal(len(t)) * np.exp(-t / decay)


def _resonance(x: np.ndarray, f: float, quality: float, rate: float) -> np.ndarray:
    radius, angle = np.exp(-np.pi * f / quality / rate), 2 * np.pi * f / rate
    return lfilter([1 - radius, 0, radius - 1], [1, -2 * radius * np.cos(angle), radius**2], x)


def _delayed(x: np.ndarray, n: int) -> np.ndarray:
    return np.concatenate([np.zeros(n), x[: len(x) - n]])


def _faded(x: np.ndarray, seconds: float, tail: float, rate: float) -> np.ndarray:
    """Damped from then on, within the tail, and silent at the end."""
    t = np.arange(len(x)) / rate
    return x * np.exp(-3 * np.maximum(t - seconds, 0) / tail) * np.minimum((t[-1] - t) / 0.01, 1)
