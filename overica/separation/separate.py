"""From a mixture to its sources: the one call."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from overica._validation import check_array, check_choice, check_scalar
from overica.random_state import generator
from overica.separation.clicks import find_clicks
from overica.separation.mixing_model import Outcome
from overica.separation.separated import Separated
from overica.separation.separators import METHODS
from overica.separation.sound import SeparationWarning, blocks, check_sound, warn_of_samples
from overica.separation.sound_chunks import Scaled, excerpt, in_chunks
from overica.separation.stft import Transform


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
) -> Separated:
    """Sources of a mixture, more of them than channels included.

    The model of a frame is ``x_c(t) = sum_j a_cj s_j(t)`` with a real mixing matrix A, which is learned from
    time-frequency coefficients (`learn_mixing`); the sources are then estimated by one of `METHODS`. Microphones
    that are apart hear delays, and rooms reverberate: those are outside that model, and a poor instantaneous fit is
    answered by a warning. They are what the method "convolutive" is for, to which every frequency has a mixing of its
    own. Noise of the channels, stationary and independent, is learned of the mixture and left in the residual.

    Parameters
    ----------
    x : array (n_frames, n_channels)
        The mixture, two channels or more, in any unit; at least half a second.
    sample_rate : float
        Frames per second.
    n_sources : int or "auto"
        "auto" takes the most probable number, see `Separation.n_sources_probabilities`; not for "convolutive".
    method : str
        "gaussian": posterior means of the local Gaussian model, its variances factorised and averaged over random
        starts, in noise. "l1": the smallest sum of moduli, and of squares that are left to the noise. "binary": every
        coefficient to the nearest column, noise and all. "convolutive": the local Gaussian model with a full spatial
        covariance of every source at every frequency, for rooms.
    window : float or Transform, optional
        Window of the transform to time and frequency, in seconds, or a `Transform` with an overlap and a shape of your
        own; directions are found and sources inferred by it. .128 s by default, but for the sources of "gaussian",
        which are averaged over windows of .064 and .096 s, and of "convolutive" (.128 to .384 s).
    mixing : array (n_channels, n_sources), optional
        A known mixing matrix, of columns of any length; nothing is learned then. Not for "convolutive".
    random_state : int, numpy RandomState, numpy Generator or None
        Source of every draw.
    progress : callable, optional
        Called with the share of the work that is done, from 0 to 1.

    Returns
    -------
    Separation or RoomSeparation
        Sources in order of their power, the loudest first; in the order of `mixing` if that was given. A constant
        offset of a channel is in none of them. Of "convolutive" a `RoomSeparation`, which has no mixing matrix.

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
    given = way.model.check(wanted, mixing, x.shape[1])
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
    scaled = Scaled(x, offset, unit, clicks)
    learned = way.model.learn(transform.forward(excerpt(scaled, transform)), wanted, given, rng)
    for doubt in learned.doubts:
        warnings.warn(doubt, SeparationWarning, stacklevel=2)
    estimates, history = in_chunks(
        way, scaled, learned.mixing, transform, rng, tell, window is not None, learned.noise
    )
    order = np.arange(estimates.shape[1])
    if not learned.given:
        parts = estimates.reshape(len(estimates), len(order), -1)
        order = np.argsort(-np.einsum("ijc,ijc->j", parts, parts), kind="stable")
        for block in blocks(estimates):
            block[:] = block[:, order]
    return learned.result(Outcome(estimates, way.name, history, transform, unit**2), order)


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
