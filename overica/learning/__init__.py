"""Learning: the rules, the model that is learned, and what follows from it.

A `LearningRule` of `RULES` says how a mixing matrix changes. Of a `Model`, `infer` gives posteriors, `trace`
and `direction` what one step of learning does, `log_evidence` what it is worth, by the Laplace approximation;
`annealed_log_evidence` and, in the plane, `PlanarEvidence` say how far off that is.
"""

from overica._names import handed_out
from overica.learning.annealed import annealed_log_evidence, sample_posterior
from overica.learning.ascent import LearningError
from overica.learning.evidence import log_evidence
from overica.learning.planar_evidence import PlanarEvidence, PlanarFit
from overica.learning.posterior import Model, Posterior, infer
from overica.learning.rules import RULES, Evidence, Inverse, LearningRule, Natural, get_rule
from overica.learning.tracing import Trace, contributions, direction, trace

__all__ = [
    "RULES",
    "Evidence",
    "Inverse",
    "LearningError",
    "LearningRule",
    "Model",
    "Natural",
    "PlanarEvidence",
    "PlanarFit",
    "Posterior",
    "Trace",
    "annealed_log_evidence",
    "contributions",
    "direction",
    "get_rule",
    "infer",
    "log_evidence",
    "sample_posterior",
    "trace",
]

__getattr__ = handed_out(
    __name__,
    moved={
        "Ascent": "overica.learning.ascent",
        "Fit": "overica.learning.fitting",
        "FitSettings": "overica.learning.fitting",
        "Samples": "overica.learning.samples",
        "State": "overica.learning.ascent",
        "Units": "overica.learning.units",
        "advance_stream": "overica.learning.streaming",
        "candidates": "overica.learning.whitening",
        "choose_search": "overica.learning.choosing",
        "codes_of": "overica.learning.posterior",
        "distinct_columns": "overica.learning.merging",
        "extend_history": "overica.learning.ascent",
        "merge_columns": "overica.learning.merging",
        "race_units": "overica.learning.racing",
        "white_units": "overica.learning.whitening",
    },
)
