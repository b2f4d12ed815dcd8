"""One fit, and what it cost."""

from __future__ import annotations

import time
from typing import NamedTuple

from overica.coding import Featuriser
from overica.sae import SparseAutoencoder, steer
from overica.studies.choices import Choice
from overica.studies.method import Assignment
from overica.studies.registry import METHODS


class Fitted(NamedTuple):
    """A method that has learned."""

    featuriser: Featuriser
    costs: dict[str, float]
    """Fields of a record: seconds, and floating-point operations by a formula."""


def fitted(method: Choice, assignment: Assignment) -> Fitted:
    """Build a method and let it learn; thresholds are moved to the level that it was told.

    What is called a level is one: on the samples of the fit, since held-out ones judge.
    """
    known = METHODS[method.name]
    featuriser = known.build(assignment, **method.arguments)
    wall, cpu = time.perf_counter(), time.process_time()
    featuriser.fit(assignment.X)
    costs = {
        "fit_seconds": time.perf_counter() - wall,
        "fit_cpu_seconds": time.process_time() - cpu,
        "fit_flops": known.flops(featuriser, assignment.X),
    }
    if isinstance(featuriser, SparseAutoencoder):
        steer(featuriser, assignment.X, assignment.n_active)
    return Fitted(featuriser, costs)
