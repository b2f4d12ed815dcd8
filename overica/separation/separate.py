"""From a mixture to its sources: the one call."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from overica._validation import check_array, check_choice, check_scalar
from overica.parameters import generator
from overica.separation.method import Method, Piece
from overica.separation.methods import METHODS
from overica.separation.mixing import fix_signs, learn_mixing
from overica.separation.quality import one_source_vectors, share_explained, share_real
from overica.separation.result import Separation
from overica.separation.stft import Transform

_SHORTEST = 0.5
"""Seconds."""
_RANK = 1e-10
"""Smallest ratio of the second to the first eigenvalue of the channels' covariance."""
_CLIPPED = 3
"""Equal frames in a row at a channel's peak."""
_CLIPPED_SHARE = 1e-4
_INSTANTANEOUS = 0.65
"""Least share of coefficients of one source whose channels differ by a real factor."""
_CHUNK_COEFFICIENTS = 1_300_000
"""Coefficients of a channel that are separated at once; longer sounds in chunks."""
_FADE_SECONDS = 1.0
_BLOCK = 2**18
"""Frames."""


class SeparationWarning(UserWarning):
    """The sources may be wrong, and why."""


def separate(
    x: Any,
    sample_rate: float,
    n_sources: int | str = "auto",
    *,
    method: str = "gaussian",
    mixing: Any = None,
    random_state: Any = None,
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
        "auto" takes the number that the held-out evidence supports.
    method : str
        "gaussian": posterior means of the local Gaussian model, its variances factorised and averaged over random
        starts. "l1": the smallest sum of moduli. "binary": every coefficient to the nearest column.
    mixing : array (n_channels, n_sources), optional
        A known mixing matrix, of columns of any length; nothing is learned then.
    random_state : int, numpy RandomState, numpy Generator or None
        Source of every draw.

    Returns
    -------
    Separation
        Sources in order of their power, the loudest first; in the order of `mixing` if that was given.

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
    >>> data = make_talkers(3, n_seconds=2.0)
    >>> found = separate(data.x, data.sample_rate, n_sources=3, random_state=0)
    >>> found.sources.shape
    (16000, 3)
    """
    x = check_array(x, "x", {"n_frames": None, "n_channels": None}, finite=False)
    transform = Transform(check_scalar(sample_rate, "sample_rate", strict=True))
    way = METHODS[check_choice(method, "method", METHODS)]
    wanted = _number(n_sources)
    rng = generator(random_state)
    _check_sound(x, transform.sample_rate)
    _warn_if_clipped(x)
    unit = float(np.sqrt(sum(_energy(block) for block in _blocks(x)) / x.size))

    evidence: dict[int, float] = {}
    Z = transform.forward(_excerpt(x, unit, transform))
    if mixing is None:
        learned = learn_mixing(Z, wanted, rng)
        A, evidence = learned.columns, learned.evidence
        _warn_if_unsupported(wanted, learned.supported)
    else:
        A = _known(mixing, x.shape[1], wanted)
    vectors = one_source_vectors(Z, rng)
    quality, explained = share_real(vectors), share_explained(vectors, A)
    del Z
    if quality < _INSTANTANEOUS:
        warnings.warn(
            f"the channels differ by more than a factor in {1 - quality:.0%} of the coefficients that one source "
            "fills alone: delays or reverberation, which are outside the model of an instantaneous mixture",
            SeparationWarning,
            stacklevel=2,
        )

    sources, history = _in_chunks(way, x, unit, A, transform, rng)
    if mixing is None:
        loudness = np.einsum("ij,ij->j", sources, sources)
        order = np.argsort(-loudness, kind="stable")
        A = A[:, order]
        for block in _blocks(sources):
            block[:] = block[:, order]
    return Separation(
        sources, A.astype(x.dtype), transform.sample_rate, way.name, quality, explained, evidence, history
    )  # fmt: skip


def _blocks(x: np.ndarray) -> Iterator[np.ndarray]:
    """Views of all rows in turn: what is computed of a long sound must not need its size in memory again."""
    for start in range(0, len(x), _BLOCK):
        yield x[start : start + _BLOCK]


def _energy(block: np.ndarray) -> float:
    return float((block.astype(np.float64) ** 2).sum())


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


def _check_sound(x: np.ndarray, sample_rate: float) -> None:
    n_frames, n_channels = x.shape
    if n_channels < 2:
        raise ValueError("`x` needs at least two different channels, got one")
    if n_frames < n_channels:
        raise ValueError(f"`x` must have shape (n_frames, n_channels), got {x.shape}: transposed?")
    if n_frames < _SHORTEST * sample_rate:
        raise ValueError(
            f"`x` must last at least {_SHORTEST:g} s, got {n_frames / sample_rate:.3g} s"
        )
    bad = sum(int((~np.isfinite(block)).sum()) for block in _blocks(x))
    if bad:
        raise ValueError(f"`x` must be finite, got {bad} values that are NaN or infinite")
    if not x.any():
        raise ValueError("`x` must hold sound, got silence: every frame is zero")
    peak = max(float(np.abs(block).max()) for block in _blocks(x))
    covariance = np.zeros((n_channels, n_channels))
    for block in _blocks(x):
        scaled = block.astype(np.float64) / peak
        covariance += scaled.T @ scaled
    eigenvalues = np.linalg.eigvalsh(covariance)
    if eigenvalues[-2] <= _RANK * eigenvalues[-1]:
        raise ValueError(
            "`x` needs at least two different channels, got channels that are multiples of one"
        )


def _warn_if_clipped(x: np.ndarray) -> None:
    for c, channel in enumerate(x.T):
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
                f"channel {c} is clipped ({runs} times {_CLIPPED} frames in a row at its peak): the sum of the sources "
                "is cut off there, and what is cut off is shared out among the estimates",
                SeparationWarning,
                stacklevel=3,
            )


def _warn_if_unsupported(wanted: int | None, supported: int) -> None:
    if wanted is not None and wanted > supported:
        warnings.warn(
            f"{wanted} sources are wanted, but the held-out evidence supports {supported}: the others are "
            "faint, or split a source",
            SeparationWarning,
            stacklevel=3,
        )


def _excerpt(x: np.ndarray, unit: float, transform: Transform) -> np.ndarray:
    """What the mixing matrix is learned from: all of a short sound, evenly spread blocks of a long one."""
    frames = _CHUNK_COEFFICIENTS // transform.n_frequencies * transform.hop
    if len(x) <= frames:
        return np.asarray(x / unit, np.float32)
    n_blocks = 10
    size = frames // n_blocks
    starts = np.linspace(0, len(x) - size, n_blocks).astype(int)
    return np.concatenate([np.asarray(x[a : a + size] / unit, np.float32) for a in starts])


def _in_chunks(
    way: Method, x: np.ndarray, unit: float, A: np.ndarray, transform: Transform, rng: np.random.Generator
) -> tuple[np.ndarray, dict[str, list[float]]]:  # fmt: skip
    """Sources of chunks that overlap, faded into one another: memory grows with the result alone."""
    most = _CHUNK_COEFFICIENTS // transform.n_frequencies * transform.hop
    fade = min(round(_FADE_SECONDS * transform.sample_rate), most // 4)
    n_chunks = max(1, -(-(len(x) - fade) // (most - fade)))
    step = -(-(len(x) - fade) // n_chunks)
    ramp = np.linspace(0, 1, fade + 2, dtype=np.float32)[1:-1, None]
    sources = np.zeros((len(x), A.shape[1]), x.dtype)
    history: dict[str, list[float]] = {}
    n_coefficients = len(x) / transform.hop * transform.n_frequencies
    for k in range(n_chunks):
        start, stop = k * step, min(len(x), (k + 1) * step + fade)
        part = np.asarray(x[start:stop] / unit, np.float32)
        if not part.any():
            continue
        piece = Piece(part, A, transform, rng, n_coefficients)
        found = way.sources(piece)
        if k > 0:
            found[:fade] *= ramp
        if k < n_chunks - 1:
            found[-fade:] *= ramp[::-1]
        sources[start:stop] += found * x.dtype.type(unit)
        for name, values in piece.history.items():
            history.setdefault(name, []).extend(values)
    return sources, history
