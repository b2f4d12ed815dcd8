"""Seeds summed up: mean, best and spread of a metric, at the matched level or at the best one."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from overica.compare.report.records import Cell, metric_value, number
from overica.compare.report.wording import wording


@dataclass(frozen=True)
class Summary:
    """One metric of one method on one data set, over the seeds of a level."""

    mean: float
    """NaN if no seed has the figure."""
    best: float
    """Of the seeds; NaN where none is better than another."""
    spread: float
    """Sample standard deviation over the seeds; NaN for one."""
    chance: float
    """What random directions, or codes in random order, reach."""
    truth: float
    """What the truth itself has, which noise keeps from what is ideal."""
    count: int
    """Seeds that have the figure."""
    level: float
    """Mean L0 on held-out samples, over the same cells."""


def summarise(cells: Sequence[Cell], metric: str) -> Summary:
    """Sum up a metric over cells, leaving out those where it is undefined.

    Examples
    --------
    >>> cells = [{"metrics": {"f1": {"value": v, "chance": 0.1}}} for v in (0.7, 0.9, None)]
    >>> summary = summarise(cells, "f1")
    >>> round(summary.mean, 3), summary.best, round(summary.spread, 3), summary.count
    (0.8, 0.9, 0.141, 2)
    """
    values = [metric_value(cell, metric) for cell in cells]
    return summarise_values(
        values,
        wording(metric).merit,
        chance=mean_of([metric_value(cell, metric, "chance") for cell in cells]),
        truth=mean_of([metric_value(cell, metric, "best") for cell in cells]),
        level=mean_of([metric_value(cell, "l0") for cell in cells]),
    )


def summarise_values(
    values: Sequence[float],
    merit: Callable[[float], float] = float,
    chance: float = math.nan,
    truth: float = math.nan,
    level: float = math.nan,
) -> Summary:
    """Sum up values, of which the best is the one of greatest merit."""
    finite = [value for value in values if math.isfinite(value)]
    best = max(finite, key=merit, default=math.nan)
    return Summary(
        mean=mean_of(finite),
        best=best if math.isfinite(merit(best)) else math.nan,
        spread=float(np.std(finite, ddof=1)) if len(finite) > 1 else math.nan,
        chance=chance,
        truth=truth,
        count=len(finite),
        level=level,
    )


def mean_of(values: Sequence[float]) -> float:
    """Mean of the finite values, NaN if there are none."""
    finite = [value for value in values if math.isfinite(value)]
    return float(np.mean(finite)) if finite else math.nan


def at_matched(cells: Sequence[Cell], metric: str) -> list[Cell]:
    """Cells at the true L0; those at a method's own level if it has no others."""
    del metric
    matched = [cell for cell in cells if cell.get("matched")]
    return matched or [cell for cell in cells if cell.get("target_l0") is None]


def at_own_best(cells: Sequence[Cell], metric: str) -> list[Cell]:
    """Cells of the level where the mean of the metric over the seeds is best.

    Of levels that are equal, the one of the true L0 counts, then the sparsest.
    """
    merit = wording(metric).merit
    levels = by_level(cells)
    scores = {
        level: merit(mean_of([metric_value(cell, metric) for cell in group]))
        for level, group in levels.items()
    }
    finite = {level: score for level, score in scores.items() if math.isfinite(score)}
    if not finite:
        return []
    top = max(finite.values())
    equal = [levels[level] for level, score in finite.items() if score == top]
    return next((group for group in equal if group[0].get("matched")), equal[0])


def by_level(cells: Sequence[Cell]) -> dict[float | None, list[Cell]]:
    """Cells by target L0, ascending; None is a method that has no level to set."""
    targets = {cell.get("target_l0") for cell in cells}
    ordered = sorted(targets, key=lambda target: -1.0 if target is None else number(target))
    return {
        target: [cell for cell in cells if cell.get("target_l0") == target] for target in ordered
    }


LEVELS: dict[str, Callable[[Sequence[Cell], str], list[Cell]]] = {
    "matched": at_matched,
    "own best": at_own_best,
}
"""Ways to choose the level of sparsity at which methods are compared."""
