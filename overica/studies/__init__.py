"""What every study is made of, whatever it is about.

A study runs *what is learned from* x *method* x *level of sparsity* x *seed*. A kind of study says what its
configuration may hold (`StudyConfig`), plans its fits (`Plan`, `Job`, `Cell`) and examines them (`Bench`); the rest is
here, the same for all: `METHODS`, fits side by side, a folder that is gone on with after any end (`Store`), seeds
summed up (`Spread`), levels and who leads (`rank`).
"""

from overica.studies.config import StudyConfig, key
from overica.studies.errors import StudyError, unknown
from overica.studies.method import FAMILIES, Assignment, Method
from overica.studies.plan import Cell, Job, Plan
from overica.studies.ranking import Ranking, Standing, rank
from overica.studies.registry import METHODS
from overica.studies.results import Results
from overica.studies.runner import Bench, Record
from overica.studies.spread import Spread
from overica.studies.store import Store
from overica.studies.study import Study

__all__ = [
    "FAMILIES",
    "METHODS",
    "Assignment",
    "Bench",
    "Cell",
    "Job",
    "Method",
    "Plan",
    "Ranking",
    "Record",
    "Results",
    "Spread",
    "Standing",
    "Store",
    "Study",
    "StudyConfig",
    "StudyError",
    "key",
    "rank",
    "unknown",
]
