"""Separation of more talkers than microphones: the mixing matrix from sparse coefficients, then the sources.

`separate` does all of it. The names of the methods are in `METHODS`.
"""

from overica.separation.methods import METHODS
from overica.separation.result import Separation
from overica.separation.separate import SeparationWarning, separate

__all__ = ["METHODS", "Separation", "SeparationWarning", "separate"]
