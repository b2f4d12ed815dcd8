"""A long sound in parts: what is learned from, and what is separated at once; memory grows with the result alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from overica.separation.clicks import bridged
from overica.separation.noise import Noise
from overica.separation.separator import Method, Piece
from overica.separation.stft import Transform

_CHUNK_COEFFICIENTS = 1_300_000
"""Coefficients of a channel that are separated at once; longer sounds in chunks."""
_FADE_SECONDS = 1.0
_BLOCKS = 10
"""Stretches of a long sound that the mixing is learned from."""


@dataclass(frozen=True)
class Scaled:
    """A sound without offset and clicks and of unit power, in single precision; only the part that is asked for."""

    x: np.ndarray
    offset: np.ndarray
    unit: float
    clicks: list[tuple[int, int]] = field(default_factory=list)

    def part(self, start: int, stop: int) -> np.ndarray:
        """Frames from `start` to before `stop`."""
        part = bridged(self.x, start, stop, self.clicks)
        return np.asarray((part - self.offset) / self.unit, np.float32)


def excerpt(sound: Scaled, transform: Transform) -> np.ndarray:
    """What the mixing is learned from: all of a short sound, evenly spread blocks of a long one."""
    n_frames = len(sound.x)
    frames = _CHUNK_COEFFICIENTS // transform.n_frequencies * transform.hop
    if n_frames <= frames:
        return sound.part(0, n_frames)
    size = frames // _BLOCKS
    starts = np.linspace(0, n_frames - size, _BLOCKS).astype(int)
    return np.concatenate([sound.part(start, start + size) for start in starts])


def in_chunks(
    way: Method,
    sound: Scaled,
    mixing: np.ndarray,
    transform: Transform,
    rng: np.random.Generator,
    tell: Callable[[float], None],
    window_chosen: bool = False,
    noise: Noise | None = None,
) -> tuple[np.ndarray, dict[str, list[float]]]:
    """Estimates of chunks that overlap, faded into one another, and the history of them all."""
    n_frames, dtype = len(sound.x), sound.x.dtype
    most = int(_CHUNK_COEFFICIENTS / way.burden(mixing)) // transform.n_frequencies * transform.hop
    fade = min(round(_FADE_SECONDS * transform.sample_rate), most // 4)
    n_chunks = max(1, -(-(n_frames - fade) // (most - fade)))
    step = -(-(n_frames - fade) // n_chunks)
    ramp = np.linspace(0, 1, fade + 2, dtype=np.float32)[1:-1]
    estimates: np.ndarray | None = None
    history: dict[str, list[float]] = {}
    n_coefficients = n_frames / transform.hop * transform.n_frequencies
    for k in range(n_chunks):
        start, stop = k * step, min(n_frames, (k + 1) * step + fade)
        part = sound.part(start, stop)
        if not part.any():
            continue

        def done(share: float, before: int = k) -> None:
            tell((before + share) / n_chunks)

        piece = Piece(
            part, mixing, transform, rng, window_chosen, n_coefficients, noise=noise, tell=done
        )
        found = way.sources(piece)
        if estimates is None:
            estimates = np.zeros((n_frames, *found.shape[1:]), dtype)
            ramp = ramp.reshape(-1, *(1,) * (found.ndim - 1))
        if k > 0:
            found[:fade] *= ramp
        if k < n_chunks - 1:
            found[-fade:] *= ramp[::-1]
        estimates[start:stop] += found * dtype.type(sound.unit)
        for name, values in piece.history.items():
            history.setdefault(name, []).extend(values)
        done(1.0)
    assert estimates is not None, "all chunks are silent"
    return estimates, history
