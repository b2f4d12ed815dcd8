"""Where a feature fires: its strongest places, and places from every part of its range, each sign apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

STEPS = (1.0, 0.9, 0.5, 0.1, 0.0)
"""Quantiles of the firings, from the strongest to the weakest, between which places are drawn."""
_GOLDEN = 0.6180339887498949


@dataclass(frozen=True)
class Interval:
    """Firings of one sign between two quantiles of their sizes, and some of the places."""

    sign: int
    """1 or -1."""
    upper: float
    lower: float
    """Quantiles of the sizes of the firings of this sign; both are 1 for the strongest places of all."""
    low: float
    high: float
    """Smallest and largest size among the firings."""
    firings: int
    rows: list[int] = field(default_factory=list)
    """Described tokens, each of another document, strongest first."""
    values: list[float] = field(default_factory=list)
    """Codes there."""


def examples(
    rows: np.ndarray, values: np.ndarray, documents: np.ndarray, *, n_top: int = 8, n_each: int = 4
) -> list[Interval]:
    """Places at which a feature fires, by sign and by size.

    The strongest places say what a feature is at its clearest, and little of what it mostly does: of sizes with an
    exponential density the median is a twelfth of the largest of 2000. So there are places from every interval
    between the quantiles `STEPS` too, spread evenly over its firings.

    Parameters
    ----------
    rows, values : array (n_firings,)
        Where codes are not zero, and the codes.
    documents : array (n_tokens,) of int
        Document of each token; no interval has two places in one.
    n_top : int
        Strongest places of each sign.
    n_each : int
        Places in an interval, none of them among the strongest.

    Returns
    -------
    list of Interval
        The more frequent sign first; of each the strongest places, whose `firings` are all of that sign, then the
        intervals from strong to weak. Together these hold each firing once; those with nothing new to show are left
        out if the strongest places show every firing.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.lm.features.examples import examples
    >>> rows, values = np.arange(10), np.array([3.0, 9, 1, 7, 5, 2, 8, 6, 4, -1])
    >>> for part in examples(rows, values, rows, n_top=2, n_each=2):
    ...     print(part.sign, part.upper, part.lower, part.firings, part.values)
    1 1.0 1.0 9 [9.0, 8.0]
    1 1.0 0.9 1 []
    1 0.9 0.5 3 [7.0, 6.0]
    1 0.5 0.1 4 [5.0, 3.0]
    1 0.1 0.0 1 [1.0]
    -1 1.0 1.0 1 [-1.0]
    """
    signs = sorted((1, -1), key=lambda sign: -int((np.sign(values) == sign).sum()))
    return [
        part
        for sign in signs
        if (own := np.sign(values) == sign).any()
        for part in _of_sign(sign, rows[own], values[own], documents, n_top, n_each)
    ]


def _of_sign(
    sign: int, rows: np.ndarray, values: np.ndarray, documents: np.ndarray, n_top: int, n_each: int
) -> Iterator[Interval]:
    order = np.argsort(-np.abs(values), kind="stable")
    rows, values = rows[order], values[order]
    n = len(values)
    top = _apart(np.arange(n), documents[rows], n_top)
    yield _interval(sign, (1.0, 1.0), slice(0, n), top, rows, values)
    if len(top) == n:
        return
    shown = set(top)
    cuts = [round((1 - step) * n) for step in STEPS]
    for (upper, lower), (first, last) in zip(pairwise(STEPS), pairwise(cuts), strict=True):
        if first == last:
            continue
        # Multiples of the golden section: however many are taken, they are spread evenly.
        spread = first + np.argsort(np.arange(last - first) * _GOLDEN % 1.0)
        new = np.array([i for i in spread.tolist() if i not in shown], int)
        chosen = sorted(_apart(new, documents[rows[new]], n_each))
        yield _interval(sign, (upper, lower), slice(first, last), chosen, rows, values)


def _interval(
    sign: int, ends: tuple[float, float], part: slice, chosen: list[int],
    rows: np.ndarray, values: np.ndarray,
) -> Interval:  # fmt: skip
    sizes = np.abs(values[part])
    return Interval(
        sign, *ends, float(sizes.min()), float(sizes.max()), len(sizes),
        [int(rows[i]) for i in chosen], [float(values[i]) for i in chosen],
    )  # fmt: skip


def _apart(candidates: np.ndarray, documents: np.ndarray, n: int) -> list[int]:
    """The first candidates that lie in documents of their own, at most n."""
    _, first = np.unique(documents, return_index=True)
    return [int(candidates[i]) for i in np.sort(first)[:n]]
