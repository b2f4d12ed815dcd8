"""Separation of more talkers than microphones: the mixing matrix from sparse coefficients, then the sources.

`separate` does all of it. The names of the methods are in `METHODS`. `evaluate_separation` compares the result with
true sources, `plot_separation` draws it.
"""

from overica.separation.picture import plot_separation
from overica.separation.result import Separation
from overica.separation.separate import separate
from overica.separation.separation_scores import SeparationScores, evaluate_separation
from overica.separation.separators import METHODS
from overica.separation.sound import SeparationWarning

__all__ = [
    "METHODS",
    "Separation",
    "SeparationScores",
    "SeparationWarning",
    "evaluate_separation",
    "plot_separation",
    "separate",
]
