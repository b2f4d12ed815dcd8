"""Clicks: moments far above all that is around them, which are nobody's sound and would pass for a source.

A click of one frame fills every frequency of all windows over it with one direction, more coefficients than a talker
fills in a second, and its power drowns everything else. It is found where the second difference, in which a click is
high and a voice low, is many times as large as before *and* after, and is bridged by a straight line before anything is
learned. What begins suddenly and goes on, as plosives and drums do, is no click; neither is what comes often.
"""

from __future__ import annotations

import numpy as np

_AROUND = 0.01
"""Seconds on either side that a click is compared with."""
_WIDTH = 0.0003
"""Seconds that a click lasts; three frames at least."""
_LEAST_WIDTH = 3
_RATIO = 5.0
"""Of amplitudes of the second difference."""
_PER_SECOND = 2.0
"""Clicks that come more often are the sound itself."""
_BLOCK = 2**18


def find_clicks(x: np.ndarray, sample_rate: float) -> list[tuple[int, int]]:
    """Clicks of a sound (n_frames, n_channels), as the first frame of each and the first after it; in order.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((8000, 2))
    >>> x[5000] = [100.0, -50.0]
    >>> find_clicks(x, 8000.0)
    [(5000, 5001)]
    """
    if len(x) < 3:
        return []
    half = max(_LEAST_WIDTH, round(_WIDTH * sample_rate))
    around = max(4 * half, round(_AROUND * sample_rate))
    peaks, places = _peaks(x, around)
    most = int(_PER_SECOND * len(x) / sample_rate)
    # As loud as the louder cells: what is faint takes no talker's place, however sudden.
    loud = float(np.quantile(peaks, 0.75))
    candidates = np.flatnonzero(peaks > _RATIO**2 * loud)
    if len(candidates) > 2 * most + 2:
        return []
    found: list[tuple[int, int]] = []
    for place in places[candidates]:
        first, last = max(place - 2 * half, 0), min(place + 2 * half + 1, len(x))
        before = _curvature(x[max(place - around, 0) : first])
        after = _curvature(x[last : place + around])
        beside = max(before.max(initial=0.0), after.max(initial=0.0))
        high = np.flatnonzero(_curvature(x[first:last]) > _RATIO**2 * beside)
        if len(high):
            # The curvature is high from one frame before a click to one after it; at the ends there is none.
            start = first + high[0] + 2 if first else 0
            stop = max(first + high[-1], start) + 1 if last < len(x) else last
            # A click near the end of a cell is the peak of the next one too.
            if found and start <= found[-1][1] + half:
                start = found.pop()[0]
            found.append((int(start), int(stop)))
    return found if len(found) <= most + 1 else []


def bridged(x: np.ndarray, start: int, stop: int, clicks: list[tuple[int, int]]) -> np.ndarray:
    """Frames of x from `start` to before `stop`, with straight lines over clicks; a view if there are none.

    Examples
    --------
    >>> x = np.array([[0.0], [1.0], [9.0], [3.0]])
    >>> bridged(x, 1, 4, [(2, 3)]).ravel().tolist()
    [1.0, 2.0, 3.0]
    """
    part = x[start:stop]
    clicks = [(first, last) for first, last in clicks if first < stop and last > start]
    if clicks:
        part = part.copy()
    for first, last in clicks:
        here = np.arange(max(first, start), min(last, stop))
        # Before the first frame and after the last there is nothing to lean on.
        right = x[last] if last < len(x) else x[first - 1]
        left = x[first - 1] if first else right
        part[here - start] = left + ((here - first + 1) / (last - first + 1))[:, None] * (
            right - left
        )
    return part


def _curvature(x: np.ndarray) -> np.ndarray:
    """Squared second difference, summed over channels, of all frames but the outer two."""
    difference = np.diff(x.astype(np.float64), 2, axis=0)
    return np.asarray((difference**2).sum(axis=1))


def _peaks(x: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Of cells of so many frames, the largest curvature and its frame."""
    peaks, places = [], []
    size = max(_BLOCK // length, 1) * length
    for start in range(0, max(len(x) - 2, 1), size):
        curvature = _curvature(x[start : start + size + 2])
        cells = np.pad(curvature, (0, -len(curvature) % length)).reshape(-1, length)
        which = cells.argmax(axis=1)
        peaks.append(cells[np.arange(len(cells)), which])
        places.append(start + np.arange(len(cells)) * length + which + 1)
    return np.concatenate(peaks), np.concatenate(places)
