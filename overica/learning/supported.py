"""How many columns few samples support: what explains samples best that none of them was learned from.

With fewer than about a hundred samples for each, surplus columns find chance coincidences, which neither merge nor go
unused, and counting them counts these. Held-out samples do not repeat them, so that evidence falls with every column
too many, and falls steeply with one too few.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from overica.learning.evidence import judge, log_evidence
from overica.learning.posterior import Model

EACH = 100
"""Samples for each component, to be counted by."""
_RATIO = 1.25
"""Of a width to the one before."""


def widths(fewest: int, most: int) -> list[int]:
    """Numbers of columns to compare, both ends included.

    Examples
    --------
    >>> widths(8, 17), widths(8, 6)
    ([8, 10, 13, 16, 17], [6])
    """
    found = [min(fewest, most)]
    while found[-1] < most:
        found.append(min(most, max(found[-1] + 1, int(_RATIO * found[-1] + 0.5))))
    return found


def narrowed(fitted: Callable[[int], Model], numbers: list[int], judges: np.ndarray) -> int:
    """The smallest number whose evidence is not surely below the highest: within a standard error of the difference.

    Noise and presence are set on one half of the judges and evidence taken on the other, both ways: presences of many
    columns suit the samples that they are set on.

    Parameters
    ----------
    fitted : callable
        From a number of columns to a model of as many.
    numbers : list of int
        Ascending.
    judges : array (n_samples, n_features)
        Held out.
    """
    scores = np.array([_crossed(fitted(number), judges) for number in numbers])
    below = scores.mean(axis=1).max() - scores.mean(axis=1)
    differences = scores[below.argmin()] - scores
    errors = differences.std(axis=1) / np.sqrt(len(judges))
    return numbers[int(np.flatnonzero(below <= errors)[0])]


def _crossed(model: Model, judges: np.ndarray) -> np.ndarray:
    scores = np.empty(len(judges))
    for own in (slice(0, None, 2), slice(1, None, 2)):
        other = slice(1 - own.start, None, 2)
        scores[other] = log_evidence(judge(model, judges[own])[0], judges[other])
    return scores
