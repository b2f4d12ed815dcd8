"""Overcomplete independent component analysis: learning more sources than there are sensors."""

from overica._version import __version__
from overica.estimator import OvercompleteICA
from overica.learning import LearningError
from overica.priors import check_prior

__all__ = ["LearningError", "OvercompleteICA", "__version__", "check_prior"]
