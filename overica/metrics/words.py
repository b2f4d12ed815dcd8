"""What figures are called, what they mean in one line, and which way is better: said once, where each is defined."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

GROUPS = {
    "directions": "Directions: the learned dictionary against the true one",
    "codes": "Codes: what fires, when, and how strongly",
    "fit": "Fit: held-out samples and their reconstruction",
    "cost": "Cost of a fit",
    "other": "Further figures",
}
"""Of figures, in the order of tables."""


@dataclass(frozen=True)
class Words:
    """How a figure is written and read."""

    label: str
    """Heading of its column."""
    group: str
    """A key of `GROUPS`."""
    definition: str
    """One line."""
    ideal: float = math.inf
    """The best possible: inf for "more is better", -inf for less, else the value to come close to; NaN where none is
    better than another."""
    digits: int = 2
    """Decimals in tables."""

    def merit(self, value: float) -> float:
        """A number that grows as the figure gets better; NaN where there is no better."""
        if math.isinf(self.ideal):
            return math.copysign(1.0, self.ideal) * value
        return -abs(value - self.ideal)

    @property
    def ordered(self) -> bool:
        """Whether one value is better than another."""
        return not math.isnan(self.ideal)


WORDS: dict[str, Words] = {}
"""By name of the figure."""


def described(
    label: str, definition: str, *, group: str = "other", ideal: float = math.inf
) -> Callable[[F], F]:
    """Say of a metric, above its definition, how it is written and read; see `Words`.

    Examples
    --------
    >>> @described("twice", "Two times the value.", ideal=1.0)
    ... def twice(value):
    ...     return 2 * value
    >>> words_of("twice").label, words_of("twice").merit(0.8)
    ('twice', -0.19999999999999996)
    """

    def keep(function: F) -> F:
        WORDS[function.__name__] = Words(label, group, definition, ideal)
        return function

    return keep


def words_of(name: str) -> Words:
    """The words of a figure; one that nobody has described is called by its own name.

    Examples
    --------
    >>> words_of("f1").label
    'F1'
    >>> words_of("my_own").label, words_of("my_own").group
    ('my own', 'other')
    """
    plain = Words(name.replace("_", " "), "other", "No definition is recorded; more is better.")
    return WORDS.get(name, plain)


WORDS |= {
    "fit_seconds": Words("wall time", "cost", "Of the fit alone; others run beside it.", -math.inf),
    "fit_cpu_seconds": Words("processor time", "cost", "Of the fit alone.", -math.inf),
    "fit_flops": Words("FLOPs", "cost", "Of the fit, counted by a formula.", -math.inf),
}
