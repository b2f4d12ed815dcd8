"""From a mixture to its sources: the one call."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from overica._validation import check_array, check_choice, check_scalar
from overica.random_state import generator
from overica.separation.clicks import bridged, find_clicks
from overica.separation.mixing import fix_signs, learn_mixing
from overica.separation.quality import (
    INSTANTANEOUS,
    one_source_vectors,
    share_explained,
    share_real,
)
from overica.separation.result import Separation
from overica.separation.separator import Method, Piece
from overica.separation.separators import METHODS
from overica.separation.sound import SeparationWarning, blocks, check_sound, warn_of_samples
from overica.separation.stft import Transform

_CHUNK_COEFFICIENTS = 1_300_000
"""Coefficients of a channel that are separated at once; longer sounds in chunks."""
_FADE_SECONDS = 1.0
_BLOCKS = 10
"""Stretches of a long sound that the mixing matrix is learned from."""


def separate(
    x: Any,
    sample_rate: float,
    n_sources: int | str = "auto",
    *,
    method: str = "gaussian",
    window: float | Transform | None = None,
    mixing: Any = None,
    random_state: Any = None,
    progress: Callable[[float], object] | None = None,
) -> Separation:
    """Sources of an instantaneous mixture, more of them than channels included.

    The model of a frame is ``x_c(t) = sum_j a_cj s_j(t)`` with a real mixing matrix A, which is learned from
    time-frequency coefficients (`learn_mixing`); the sources are then estimated by one of `METHODS`. Microphones
    that are apart hear delays, and rooms reverberate: those are outside the model, and a poor instantaneous fit is
    answered by a warning.

    Parameters
    ----------
    x : array (n_frames, n_channels)
        The mixture, two channels or more, in any unit; at least half a second.
    sample_rate : float
        Frames per second.
    n_sources : int or "auto"
        "auto" takes the most probable number, see `Separation.n_sources_probabilities`.
    method : str
        "gaussian": posterior means of the local Gaussian model, its variances factorised and averaged over random
        starts. "l1": the smallest sum of moduli. "binary": every coefficient to the nearest column.
    window : float or Transform, optional
        Window of the transform to time and frequency, in seconds, or a `Transform` with an overlap and a shape of your
        own; directions are found and sources inferred by it. .128 s by default, but for the sources of "gaussian",
        which are averaged over windows of .064 and .096 s.
    mixing : array (n_channels, n_sources), optional
        A known mixing matrix, of columns of any length; nothing is learned then.
    random_state : int, numpy RandomState, numpy Generator or None
        Source of every draw.
    progress : callable, optional
        Called with the share of the work that is done, from 0 to 1.

    Returns
    -------
    Separation
        Sources in order of their power, the loudest first; in the order of `mixing` if that was given. A constant
        offset of a channel is in none of them.

    Raises
    ------
    ValueError
        If the sound is malformed, silent, too short, or its channels are multiples of one; if more sources are wanted
        than directions are heard; if an argument is.

    Warns
    -----
    SeparationWarning
        If channels are clipped, if more sources are wanted than the evidence supports, or if the mixture is not
        instantaneous.

    Examples
    --------
    >>> from overica.datasets import make_talkers
    >>> data = make_talkers(3, n_seconds=1.0)
    >>> found = separate(data.x, data.sample_rate, n_sources=3, method="l1", random_state=0)
    >>> found.sources.shape
    (8000, 3)
    """
    x = check_array(x, "x", {"n_frames": None, "n_channels": None}, finite=False)
    transform = _transform(check_scalar(sample_rate, "sample_rate", strict=True), window)
    way = METHODS[check_choice(method, "method", METHODS)]
    wanted = _number(n_sources)
    rng = generator(random_state)
    offset, unit = check_sound(x, transform.sample_rate)
    if 2 * transform.window_length > len(x):
        raise ValueError(
            f"`window` must be at most half as long as the sound, got {transform.window_length} of {len(x)} frames"
        )
    warn_of_samples(x)
    clicks = find_clicks(x, transform.sample_rate)
    if clicks:
        count = "a click is" if len(clicks) == 1 else f"{len(clicks)} clicks are"
        warnings.warn(
            f"{count} left out of the sources, at {_seconds(clicks, transform.sample_rate)} s: what exceeds all around "
            "it for a moment is no talker",
            SeparationWarning,
            stacklevel=2,
        )

    def tell(share: float) -> None:
        if progress is not None:
            progress(share)

    tell(0.0)
    scaled = _Scaled(x, offset, unit, clicks)
    evidence: dict[int, float] = {}
    probabilities: dict[int, float] = {}
    Z = transform.forward(_excerpt(scaled, transform))
    if mixing is None:
        learned = learn_mixing(Z, wanted, rng)
        A, evidence, probabilities = learned.columns, learned.evidence, learned.probabilities
        _warn_if_unsupported(wanted, learned.supported)
    else:
        A = _known(mixing, x.shape[1], wanted)
    vectors = one_source_vectors(Z, rng)
    quality, explained = share_real(vectors), share_explained(vectors, A)
    del Z
    if quality < INSTANTANEOUS:
        warnings.warn(
            f"the channels differ by more than a factor in {1 - quality:.0%} of the coefficients that one source "
            "fills alone: delays or reverberation, which are outside the model of an instantaneous mixture",
            SeparationWarning,
            stacklevel=2,
        )

    sources, history = _in_chunks(way, scaled, A, transform, rng, tell, window is not None)
    if mixing is None:
        loudness = np.einsum("ij,ij->j", sources, sources)
        order = np.argsort(-loudness, kind="stable")
        A = A[:, order]
        for block in blocks(sources):
            block[:] = block[:, order]
    return Separation(
        sources, A.astype(x.dtype), transform.sample_rate, way.name, quality, explained, evidence, history, transform,
        probabilities,
    )  # fmt: skip


def _seconds(clicks: list[tuple[int, int]], sample_rate: float) -> str:
    times = [f"{(first + last) / 2 / sample_rate:.3f}" for first, last in clicks]
    return ", ".join(times[:3]) + (" ..." if len(times) > 3 else "")


def _transform(sample_rate: float, window: float | Transform | None) -> Transform:
    if window is None:
        return Transform(sample_rate)
    if not isinstance(window, Transform):
        return Transform(sample_rate, check_scalar(window, "window", strict=True))
    if window.sample_rate != sample_rate:
        raise ValueError(
            f"`window` must be a transform for {sample_rate:g} frames per second, got one for {window.sample_rate:g}"
        )
    return window


def _number(n_sources: int | str) -> int | None:
    if isinstance(n_sources, str):
        if n_sources != "auto":
            raise ValueError(f'`n_sources` must be an integer or "auto", got {n_sources!r}')
        return None
    return int(check_scalar(n_sources, "n_sources", minimum=1, integer=True))


def _known(mixing: Any, n_channels: int, wanted: int | None) -> np.ndarray:
    A = check_array(mixing, "mixing", {"n_channels": n_channels, "n_sources": wanted})
    if (np.linalg.norm(A, axis=0) == 0).any():
        raise ValueError("`mixing` must have columns that are not zero")
    return fix_signs(np.asarray(A, np.float64))


def _warn_if_unsupported(wanted: int | None, supported: int) -> None:
    if wanted is not None and wanted > supported:
        warnings.warn(
            f"{wanted} sources are wanted, but the evidence supports {supported}: the others are "
            "faint, or split a source",
            SeparationWarning,
            stacklevel=3,
        )


@dataclass(frozen=True)
class _Scaled:
    """A sound without offset and clicks and of unit power, in single precision; only the part that is asked for."""

    x: np.ndarray
    offset: np.ndarray
    unit: float
    clicks: list[tuple[int, int]] = field(default_factory=list)

    def part(self, start: int, stop: int) -> np.ndarray:
        part = bridged(self.x, start, stop, self.clicks)
        return np.asarray((part - self.offset) / self.unit, np.float32)


def _excerpt(sound: _Scaled, transform: Transform) -> np.ndarray:
    """What the mixing matrix is learned from: all of a short sound, evenly spread blocks of a long one."""
    n_frames = len(sound.x)
    frames = _CHUNK_COEFFICIENTS // transform.n_frequencies * transform.hop
    if n_frames <= frames:
        return sound.part(0, n_frames)
    size = frames // _BLOCKS
    starts = np.linspace(0, n_frames - size, _BLOCKS).astype(int)
    return np.concatenate([sound.part(start, start + size) for start in starts])


def _in_chunks(
    way: Method,
    sound: _Scaled,
    A: np.ndarray,
    transform: Transform,
    rng: np.random.Generator,
    tell: Callable[[float], None],
    window_chosen: bool = False,
) -> tuple[np.ndarray, dict[str, list[float]]]:
    """Sources of chunks that overlap, faded into one another: memory grows with the result alone."""
    n_frames, dtype = len(sound.x), sound.x.dtype
    most = _CHUNK_COEFFICIENTS // transform.n_frequencies * transform.hop
    fade = min(round(_FADE_SECONDS * transform.sample_rate), most // 4)
    n_chunks = max(1, -(-(n_frames - fade) // (most - fade)))
    step = -(-(n_frames - fade) // n_chunks)
    ramp = np.linspace(0, 1, fade + 2, dtype=np.float32)[1:-1, None]
    sources = np.zeros((n_frames, A.shape[1]), dtype)
    history: dict[str, list[float]] = {}
    n_coefficients = n_frames / transform.hop * transform.n_frequencies
    for k in range(n_chunks):
        start, stop = k * step, min(n_frames, (k + 1) * step + fade)
        part = sound.part(start, stop)
        if not part.any():
            continue

        def done(share: float, before: int = k) -> None:
            tell((before + share) / n_chunks)

        piece = Piece(part, A, transform, rng, window_chosen, n_coefficients, tell=done)
        found = way.sources(piece)
        if k > 0:
            found[:fade] *= ramp
        if k < n_chunks - 1:
            found[-fade:] *= ramp[::-1]
        sources[start:stop] += found * dtype.type(sound.unit)
        for name, values in piece.history.items():
            history.setdefault(name, []).extend(values)
        done(1.0)
    return sources, history
