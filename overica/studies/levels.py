"""Levels of sparsity: at which of them methods are compared, and whether one was reached."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from overica.metrics.words import words_of
from overica.studies.spread import Cell, mean_of, metric_value, number

OFF = 0.05
"""Share of its target by which a level may be missed."""


def at_matched(cells: Sequence[Cell], metric: str = "") -> list[Cell]:
    """Cells at the level at which methods are matched; those of a method that has no levels but its own.

    Examples
    --------
    >>> own, half = {"target_l0": None}, {"target_l0": 0.5, "matched": False}
    >>> at_matched([own]), at_matched([own, half]), at_matched([own, half | {"matched": True}])
    ([{'target_l0': None}], [], [{'target_l0': 0.5, 'matched': True}])
    """
    del metric
    matched = [cell for cell in cells if cell.get("matched")]
    own = all(cell.get("target_l0") is None for cell in cells)
    return matched or (list(cells) if own else [])


def at_own_best(cells: Sequence[Cell], metric: str) -> list[Cell]:
    """Cells of the level where the mean of the metric over the seeds is best.

    Of levels that are equal, the matched one counts, then the sparsest.
    """
    merit = words_of(metric).merit
    levels = by_level(cells)
    scores = {
        level: merit(mean_of(metric_value(cell, metric) for cell in group))
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
    "best": at_own_best,
}
"""Ways to choose the level of sparsity at which methods are compared."""


def missed(cells: Sequence[Cell]) -> float:
    """By what share the mean L0 of cells is off their target, if by more than `OFF`; else NaN.

    Examples
    --------
    >>> cell = {"target_l0": 20.0, "metrics": {"l0": {"value": 15.0}}}
    >>> missed([cell]), missed([cell | {"target_l0": 15.2}])
    (-0.25, nan)
    """
    targets = [t for cell in cells if math.isfinite(t := number(cell.get("target_l0")))]
    if not targets:
        return math.nan
    target = mean_of(targets)
    off = mean_of(metric_value(cell, "l0") for cell in cells) - target
    return off / target if abs(off) > OFF * target else math.nan
