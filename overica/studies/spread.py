"""Seeds summed up: mean, best and spread of a figure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from overica.metrics.words import words_of

Cell = Mapping[str, Any]
"""A line of the results."""


@dataclass(frozen=True)
class Spread:
    """One figure of one method over the seeds of a level."""

    mean: float = math.nan
    """NaN if no seed has the figure."""
    deviation: float = math.nan
    """Sample standard deviation over the seeds; NaN for one."""
    count: int = 0
    """Seeds that have the figure."""
    best: float = math.nan
    """Of the seeds; NaN where none is better than another."""
    chance: float = math.nan
    """What random directions, or codes in random order, reach."""
    truth: float = math.nan
    """What the truth itself has, which noise keeps from what is ideal."""
    level: float = math.nan
    """Mean L0 on held-out samples, over the same cells."""

    @classmethod
    def of(
        cls, values: Iterable[Any], merit: Callable[[float], float] = float, **around: float
    ) -> Spread:
        """Of what there is among the values; the best is the one of greatest merit.

        Examples
        --------
        >>> spread = Spread.of([0.7, 0.9, None])
        >>> round(spread.mean, 3), spread.best, round(spread.deviation, 3), spread.count
        (0.8, 0.9, 0.141, 2)
        """
        found = [v for v in map(number, values) if math.isfinite(v)]
        best = max(found, key=merit, default=math.nan)
        return cls(
            mean=mean_of(found),
            deviation=float(np.std(found, ddof=1)) if len(found) > 1 else math.nan,
            count=len(found),
            best=best if math.isfinite(merit(best)) else math.nan,
            **around,
        )


def summarise(cells: Sequence[Cell], metric: str) -> Spread:
    """Sum up a metric over cells, leaving out those where it is undefined.

    Examples
    --------
    >>> cells = [{"metrics": {"f1": {"value": v, "chance": 0.25}}} for v in (0.7, 0.9, None)]
    >>> summary = summarise(cells, "f1")
    >>> round(summary.mean, 3), summary.best, summary.chance, summary.count
    (0.8, 0.9, 0.25, 2)
    """
    return Spread.of(
        (metric_value(cell, metric) for cell in cells),
        words_of(metric).merit,
        chance=mean_of(metric_value(cell, metric, "chance") for cell in cells),
        truth=mean_of(metric_value(cell, metric, "best") for cell in cells),
        level=mean_of(metric_value(cell, "l0") for cell in cells),
    )


def number(value: object) -> float:
    """A record's figure, with NaN for what is missing, null or infinite."""
    try:
        figure = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return math.nan
    return figure if math.isfinite(figure) else math.nan


def metric_value(cell: Cell, metric: str, entry: str = "value") -> float:
    """One metric of a cell, or its "chance" or "best" level; NaN if it has none."""
    figure = (cell.get("metrics") or {}).get(metric)
    return number((figure or {}).get(entry))


def mean_of(values: Iterable[Any]) -> float:
    """Mean of the finite values, NaN if there are none."""
    finite = [v for v in map(number, values) if math.isfinite(v)]
    return float(np.mean(finite)) if finite else math.nan
