"""What stages of a fit come to as plain values, which a journal keeps, and back, to the same bits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from overica.learning.ascent import Course, State
from overica.learning.posterior import Model
from overica.priors import LogConcave

T = TypeVar("T")


@dataclass(frozen=True)
class Kind(Generic[T]):
    """A kind of result: what it is in numbers, text and arrays, and what these are again."""

    values: Callable[[T], Any]
    made: Callable[[Any], T]


PLAIN: Kind[Any] = Kind(lambda value: value, lambda value: value)
"""What is plain already."""


def models(template: Model) -> Kind[Model]:
    """All of a model but what its fit was told: solver, device, and the prior unless its shape was learned."""

    def values(model: Model) -> dict[str, Any]:
        shape = model.prior if isinstance(model.prior, LogConcave) else None
        return {
            "mixing": model.home().mixing,
            "penalty": model.penalty,
            "noise_variance": model.noise_variance,
            "presence": model.presence,
            "shape": None if shape is None else {"scale": shape.scale, "slopes": shape.slopes},
        }

    def made(values: Mapping[str, Any]) -> Model:
        own = dict(values)
        shape = own.pop("shape")
        return replace(template, prior=LogConcave(**shape) if shape else template.prior, **own)

    return Kind(values, made)


def judged(template: Model) -> Kind[tuple[Model, float]]:
    """A model with its evidence."""
    kind = models(template)
    return Kind(
        lambda found: (kind.values(found[0]), found[1]), lambda kept: (kind.made(kept[0]), kept[1])
    )


def states(template: Model) -> Kind[State]:
    """Where a run stands."""
    kind = models(template)

    def values(state: State) -> dict[str, Any]:
        found = vars(state.home())
        return found | {"model": kind.values(state.model)}

    return Kind(values, lambda kept: State(**{**kept, "model": kind.made(kept["model"])}))


def courses(template: Model) -> Kind[Course]:
    """Where a run stands that is judged on its way."""
    model, state = models(template), states(template)
    return Kind(
        lambda course: (state.values(course.state), model.values(course.best), course.score),
        lambda kept: Course(state.made(kept[0]), model.made(kept[1]), kept[2]),
    )
