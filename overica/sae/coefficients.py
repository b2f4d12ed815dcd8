"""How strongly sparsity is pressed for: a fixed coefficient, none, or one that steers to a number of active codes."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

RISE = 1 / 3
"""Share of a run over which the pressure rises."""


class Coefficient(ABC):
    """The coefficient of the sparsity over a run."""

    @abstractmethod
    def value(self, progress: float) -> float:
        """The coefficient at a progress in [0, 1]."""

    @abstractmethod
    def observe(self, l0: float, progress: float) -> None:
        """Take note of the mean number of active codes in the step just done."""

    def values(self) -> dict[str, Any]:
        """What it goes by."""
        return dict(vars(self))

    def take(self, values: Mapping[str, Any]) -> None:
        """Go on from such values."""
        vars(self).update(values)


class FixedCoefficient(Coefficient):
    """A coefficient that rises linearly over the first third of the run, then stays.

    Examples
    --------
    >>> fixed = FixedCoefficient(0.6)
    >>> round(fixed.value(1 / 6), 3), fixed.value(0.5)
    (0.3, 0.6)
    """

    def __init__(self, coefficient: float) -> None:
        self._coefficient = coefficient

    def value(self, progress: float) -> float:
        """See `Coefficient.value`."""
        return self._coefficient * min(1.0, progress / RISE)

    def observe(self, l0: float, progress: float) -> None:
        """See `Coefficient.observe`; what is fixed does not care."""


class TargetL0(Coefficient):
    """A coefficient that is raised while too many codes are active, and lowered while too few are.

    With e = log(L0 / goal), the logarithm of the coefficient is ``integral + proportion * e`` and the integral moves
    by ``rate * e`` a step. The goal falls geometrically from the L0 of the first step to the target over the first
    third of the run: sparsity that comes too early kills features.

    Parameters
    ----------
    target : float
        Mean number of active codes to end with.
    n_steps : int
        Length of the run; the controller is as fast as a run of that length allows.

    Examples
    --------
    A sparsity that falls as the coefficient grows:

    >>> steering = TargetL0(4.0, 400)
    >>> for step in range(400):
    ...     l0 = 16 / (1 + steering.value(step / 400))
    ...     steering.observe(l0, step / 400)
    >>> round(l0, 1), round(steering.value(1.0), 1)
    (4.0, 3.0)
    """

    proportion = 0.5
    turnover = 30.0
    """Change of the integral over a run with an error of one throughout."""

    def __init__(self, target: float, n_steps: int) -> None:
        self._target = target
        self._rate = self.turnover / n_steps
        self._integral = math.log(_START)
        self._error = 0.0
        self._first: float | None = None

    def value(self, progress: float) -> float:
        """See `Coefficient.value`."""
        return math.exp(self._integral + self.proportion * self._error)

    def observe(self, l0: float, progress: float) -> None:
        """See `Coefficient.observe`."""
        if not math.isfinite(l0):
            return
        l0 = max(l0, self._target * math.exp(-_LARGEST))
        if self._first is None:
            self._first = max(l0, self._target)
        share = min(1.0, progress / RISE)
        goal = self._first * (self._target / self._first) ** share
        self._error = max(-_LARGEST, min(_LARGEST, math.log(l0 / goal)))
        self._integral += self._rate * self._error
        self._integral = max(-_RANGE, min(_RANGE, self._integral))


_START = 0.01
_LARGEST = 2.0
_RANGE = 20.0
