"""Inference: MAP codes of samples given a mixing matrix, with a certificate for each.

`MAPProblem` states the problem and certifies codes, `solve` runs a solver on it, `SOLVERS` lists
them.

Examples
--------
>>> from overica.inference import SOLVERS
>>> "fista" in SOLVERS and "interior_point" in SOLVERS
True
"""

from overica.inference.active_set import ActiveSet
from overica.inference.fista import Fista
from overica.inference.interior_point import InteriorPoint
from overica.inference.problem import MAPProblem
from overica.inference.solver import SOLVERS, Solution, Solver, solve
from overica.inference.working_set import WorkingSet

SOLVERS |= {
    "active_set": ActiveSet,
    "working_set": WorkingSet,
    "fista": Fista,
    "interior_point": InteriorPoint,
}

__all__ = [
    "SOLVERS",
    "ActiveSet",
    "Fista",
    "InteriorPoint",
    "MAPProblem",
    "Solution",
    "Solver",
    "WorkingSet",
    "solve",
]
