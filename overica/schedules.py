"""How the learning rate and the penalty move over the course of a fit."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from overica._validation import check_choice, check_scalar

__all__ = ["SCHEDULES", "Constant", "Cosine", "Schedule"]


class Schedule(ABC):
    """Learning rate as a function of the progress of a fit; one of your own is one subclass and one registry line.

    Examples
    --------
    >>> class Linear(Schedule):
    ...     name = "linear"
    ...
    ...     def factor(self, progress):
    ...         return 1.0 - progress
    >>> get_schedule(Linear()).factor(0.25)
    0.75
    """

    name: ClassVar[str]

    @abstractmethod
    def factor(self, progress: float) -> float:
        """Share of the peak learning rate, in [0, 1], at a progress in [0, 1]."""


class Cosine(Schedule):
    """Linear warm-up over the first tenth, then half a cosine down to zero.

    ``factor(p) = min(1, 10 p) (1 + cos(pi p)) / 2``. The warm-up lets the norms settle while no column can
    run away; the decay averages out the noise of the batches.

    Examples
    --------
    >>> Cosine().factor(0.05), Cosine().factor(1.0)
    (0.49..., 0.0)
    """

    name = "cosine"
    warm_up = 0.1

    def factor(self, progress: float) -> float:
        """See `Schedule.factor`."""
        return min(1.0, progress / self.warm_up) * 0.5 * (1 + math.cos(math.pi * progress))


class Constant(Schedule):
    """The peak learning rate throughout, for data that never end.

    Examples
    --------
    >>> Constant().factor(0.7)
    1.0
    """

    name = "constant"

    def factor(self, progress: float) -> float:
        """See `Schedule.factor`."""
        return 1.0


SCHEDULES: dict[str, type[Schedule]] = {kind.name: kind for kind in (Cosine, Constant)}
"""Schedules by name."""


def get_schedule(schedule: str | Schedule) -> Schedule:
    """The schedule of that name, or the one given.

    Raises
    ------
    ValueError
        If the name is unknown; lists the known ones.
    """
    if isinstance(schedule, Schedule):
        return schedule
    return SCHEDULES[check_choice(schedule, "schedule", SCHEDULES)]()


@dataclass(frozen=True)
class Annealing:
    """Level of the penalty, which falls geometrically, then stays: ``start (end / start)^(p / settled)``.

    A fit that starts at the low penalty of the true noise goes astray: with few active sources per sample in the
    beginning, columns find single sources first. Levels are relative, see `penalty`.

    Examples
    --------
    >>> anneal = Annealing(0.5, 0.05)
    >>> anneal.level(0.0), round(anneal.level(0.35), 3), round(anneal.level(0.9), 3)
    (0.5, 0.158, 0.05)
    """

    start: float
    """Level at the start, as a multiple of sqrt(n_features)."""
    end: float
    """Level that is reached; at most `start`."""
    settled: float = 0.7
    """Progress at which `end` is reached."""

    def __post_init__(self) -> None:
        check_scalar(self.start, "annealing[0]", strict=True)
        check_scalar(self.end, "annealing[1]", strict=True)
        if self.end > self.start:
            raise ValueError(
                f"`annealing` must not rise: expected (start, end) with start >= end, "
                f"got ({self.start}, {self.end})"
            )

    def level(self, progress: float) -> float:
        """Level at a progress in [0, 1]."""
        return self.start * (self.end / self.start) ** min(1.0, progress / self.settled)

    def penalty(self, progress: float, n_features: int) -> float:
        """Level times sqrt(n_features), for data of unit variance per feature and sources of unit scale.

        At sources of scale one the model's own penalty is sigma^2 itself; the correlation of a unit column with a
        random direction of the data is of order one, of a norm of order sqrt(n_features).
        """
        return self.level(progress) * math.sqrt(n_features)
