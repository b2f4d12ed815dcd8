"""Separation of more talkers than microphones: the mixing matrix from sparse coefficients, then the sources.

`separate` does all of it. The names of the methods are in `METHODS`. `evaluate_separation` compares the result with
true sources, `plot_separation` draws it. `SeparationStudy` puts every method beside oracles on mixtures of known
sources.
"""

from typing import Any

from overica.separation.picture import plot_separation
from overica.separation.result import Separation
from overica.separation.separate import separate
from overica.separation.separation_scores import SeparationScores, evaluate_separation
from overica.separation.separators import METHODS
from overica.separation.sound import SeparationWarning
from overica.separation.stft import Transform

__all__ = [
    "METHODS",
    "Separation",
    "SeparationConfig",
    "SeparationResults",
    "SeparationScores",
    "SeparationStudy",
    "SeparationWarning",
    "Transform",
    "evaluate_separation",
    "plot_separation",
    "separate",
]

_STUDY = ("SeparationConfig", "SeparationResults", "SeparationStudy")


def __getattr__(name: str) -> Any:
    """The names of the study, which whoever separates need not wait for."""
    if name not in _STUDY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from overica.separation import separation_study

    return getattr(separation_study, name)
