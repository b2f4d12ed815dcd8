"""Learning: rules, the outer loop, the evidence, and how a fit is put together from them."""

from overica.learning.annealed import annealed_log_evidence, sample_posterior
from overica.learning.ascent import Ascent, LearningError, State, extend_history
from overica.learning.choosing import choose_search
from overica.learning.evidence import log_evidence
from overica.learning.fitting import Fit, FitSettings
from overica.learning.merging import distinct_columns, merge_columns
from overica.learning.planar_evidence import PlanarEvidence, PlanarFit
from overica.learning.posterior import Model, Posterior, codes_of, infer
from overica.learning.racing import race_units
from overica.learning.rules import RULES, Evidence, Inverse, LearningRule, Natural, get_rule
from overica.learning.samples import Samples
from overica.learning.streaming import advance_stream
from overica.learning.survey import outlying
from overica.learning.tracing import Trace, contributions, direction, trace
from overica.learning.units import Units
from overica.learning.whitening import candidates, white_units

__all__ = [
    "RULES",
    "Ascent",
    "Evidence",
    "Fit",
    "FitSettings",
    "Inverse",
    "LearningError",
    "LearningRule",
    "Model",
    "Natural",
    "PlanarEvidence",
    "PlanarFit",
    "Posterior",
    "Samples",
    "State",
    "Trace",
    "Units",
    "advance_stream",
    "annealed_log_evidence",
    "candidates",
    "choose_search",
    "codes_of",
    "contributions",
    "direction",
    "distinct_columns",
    "extend_history",
    "get_rule",
    "infer",
    "log_evidence",
    "merge_columns",
    "outlying",
    "race_units",
    "sample_posterior",
    "trace",
    "white_units",
]
