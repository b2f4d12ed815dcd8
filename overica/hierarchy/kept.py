"""What stages of a search come to, for the journal of a fit."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from typing import Any

from overica.hierarchy.feature_sums import Sums
from overica.learning.keeping import Kind
from overica.presence import PresenceLearner, PresenceModel, PresenceSums

__all__ = ["SUMS", "Taken", "learners", "steps_of"]

SUMS: Kind[Sums] = Kind(asdict, lambda kept: Sums(**kept))


@dataclass
class Taken:
    """A learner and the steps that it has taken."""

    learner: PresenceLearner
    n_steps: int = 0


def learners(like: PresenceLearner) -> Kind[PresenceLearner]:
    """Learners that differ from one in what they have learned alone."""

    def values(learner: PresenceLearner) -> dict[str, Any]:
        return {"model": learner.model.to_arrays(), "sums": asdict(learner.sums)}

    def made(kept: Mapping[str, Any]) -> PresenceLearner:
        learner = replace(like, model=PresenceModel.from_arrays(kept["model"]))
        learner.sums = deepcopy(PresenceSums(**kept["sums"]))  # steps write over them
        return learner

    return Kind(values, made)


def steps_of(learner: PresenceLearner) -> Kind[Taken]:
    """Steps of a learner."""
    kind = learners(learner)
    return Kind(
        lambda taken: (kind.values(taken.learner), taken.n_steps),
        lambda kept: Taken(kind.made(kept[0]), kept[1]),
    )
