"""Learning: rules, the outer loop, the evidence, and how a fit is put together from them."""

from overica.learning.ascent import Ascent, LearningError, State
from overica.learning.evidence import log_evidence
from overica.learning.fitting import Fit, FitSettings
from overica.learning.posterior import Model, Posterior, codes_of, infer
from overica.learning.rules import RULES, Evidence, Inverse, LearningRule, Natural, get_rule
from overica.learning.samples import Samples
from overica.learning.searching import choose_search

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
    "Posterior",
    "Samples",
    "State",
    "choose_search",
    "codes_of",
    "get_rule",
    "infer",
    "log_evidence",
]
