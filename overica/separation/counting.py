"""How many sources: probabilities from what each direction adds to the evidence.

A direction of a source adds much to the log density of the points; one that is none adds what the mixture's law misses
of the others, more where more was heard. The share of all evidence that the k-th direction adds,

    g_k = (N (E_k - E_{k-1}) - c) / (N E_k),

with E_k nats per point, N points and c what chance adds, tells them apart, whatever the number of channels, the length
and the noise. On mixtures whose number is known the odds that it is a source were found to be (g_k / g_0)^beta, and

    P(n) = prod_{k <= n} q_k (1 - q_{n+1}),   q_k = odds_k / (1 + odds_k).

What is not heard adds nothing. Where few of the loud places hold one source alone, because of noise or of many talking
at once, a faint talker may be hidden: no q_k is below a frequency of that, which falls with their share.

With more than two channels the number is asked of two laws of the points, and what they say is `pooled`.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

_HALF = 0.0115
"""g_0, at which a direction is as likely a source as not."""
_STEEPNESS = 2.6
"""beta."""
_CHANCE = 40.0
"""c, nats: neighbouring places say the same several times, and one vowel of two talkers can be a direction."""
_HIDDEN = ((0.25, 0.12), (0.4, 0.01))
"""Share of loud places with one source alone, and how often another talker is hidden; straight between."""
_WEIGHT = 0.5
"""w."""
_CONSIDERED = 1e-3
"""Probability from which a number is asked about a second time,"""
_BEYOND = 3
"""with so many above."""
SURE = 0.9
"""Probability from which a number is called sure."""


def count_probabilities(
    evidence: Mapping[int, float], n_points: int, share: float = 1.0
) -> dict[int, float]:
    """Probabilities of numbers of sources.

    Parameters
    ----------
    evidence : mapping
        Number of directions to nats per point above uniform directions.
    n_points : int
    share : float
        Of the loud places, how many hold one source alone.

    Examples
    --------
    >>> found = count_probabilities({1: 1.0, 2: 2.0, 3: 2.01, 4: 2.01}, 5000)
    >>> {n: round(p, 3) for n, p in found.items()}
    {1: 0.0, 2: 0.99, 3: 0.01, 4: 0.0}
    """
    numbers = sorted(evidence)
    (poor, often), (good, seldom) = _HIDDEN
    hidden = float(np.interp(share, [poor, good], [often, seldom]))
    here = 1.0
    probabilities: dict[int, float] = {}
    for before, after in pairwise(numbers):
        more = _is_source(evidence[before], evidence[after], after - before, n_points)
        more = max(more, hidden)
        probabilities[before] = here * (1 - more)
        here *= more
    probabilities[numbers[-1]] = here
    return probabilities


def largest_considered(probabilities: Mapping[int, float]) -> int:
    """The largest number that is not out of the question, and some more: the last has the probability of all beyond.

    Examples
    --------
    >>> largest_considered({2: 0.9, 3: 0.0999, 4: 0.0001})
    6
    """
    return max(n for n, p in probabilities.items() if p >= _CONSIDERED) + _BEYOND


def pooled(narrow: Mapping[int, float], wide: Mapping[int, float]) -> dict[int, float]:
    """What two laws of the points say together: ``P(n) ~ P_narrow(n) P_wide(n) ** w``, of the numbers that both know.

    A law without planes between columns takes what two sources sound together for more sources, the more channels the
    more; one with them takes a source near such a plane for none. Both err, and rarely alike.

    Examples
    --------
    >>> {n: round(p, 2) for n, p in pooled({2: 0.4, 3: 0.6}, {2: 0.99, 3: 0.01}).items()}
    {2: 0.87, 3: 0.13}
    """
    both = {n: p * wide[n] ** _WEIGHT for n, p in narrow.items() if n in wide}
    total = sum(both.values())
    return {n: p / total if total else narrow[n] for n, p in both.items()}


def most_probable(probabilities: Mapping[int, float]) -> int:
    """The number; of equals the least."""
    return max(sorted(probabilities), key=probabilities.__getitem__)


def in_words(probabilities: Mapping[int, float]) -> str:
    """The most probable number and, unless it is sure, the next.

    Examples
    --------
    >>> in_words({2: 0.01, 3: 0.97, 4: 0.02}), in_words({3: 0.6, 4: 0.35, 5: 0.05})
    ('3 (97 %)', '3, perhaps 4 (60 % and 35 %)')
    """
    first = most_probable(probabilities)
    likely = f"{_percent(probabilities[first])}"
    if probabilities[first] >= SURE or len(probabilities) == 1:
        return f"{first} ({likely} %)"
    others = {n: p for n, p in probabilities.items() if n != first}
    second = most_probable(others)
    return f"{first}, perhaps {second} ({likely} % and {_percent(others[second])} %)"


def _percent(probability: float) -> str:
    """Never all: the frequencies that stand behind it are of hundreds of mixtures."""
    return "over 99" if probability > 0.99 else f"{100 * probability:.0f}"


def _is_source(before: float, after: float, n_more: int, n_points: int) -> float:
    """Probability q that a direction is a source's."""
    gain = (after - before) / n_more - _CHANCE / n_points
    if gain <= 0 or after <= 0:
        return 0.0
    odds = np.exp(np.minimum(_STEEPNESS * np.log(gain / after / _HALF), 50.0))
    return float(odds / (1 + odds))
