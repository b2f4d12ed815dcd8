"""Separation of more talkers than microphones: how they are mixed from sparse coefficients, then the sources.

`separate` does all of it. The names of the methods are in `METHODS`. `evaluate_separation` compares the result with
true sources, `plot_separation` draws it. `SeparationStudy` puts every method beside oracles on mixtures of known
sources.
"""

from typing import TYPE_CHECKING

from overica._names import handed_out
from overica.separation.result import Separation
from overica.separation.rooms.room import RoomSeparation
from overica.separation.separate import separate
from overica.separation.separation_scores import SeparationScores, evaluate_separation
from overica.separation.separators import METHODS
from overica.separation.sound import SeparationWarning
from overica.separation.stft import Transform

if TYPE_CHECKING:
    from overica.separation.picture import plot_separation
    from overica.separation.separation_study import (
        SeparationConfig,
        SeparationResults,
        SeparationStudy,
    )

__all__ = [
    "METHODS",
    "RoomSeparation",
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

# The study and matplotlib, which whoever separates need not wait for.
_STUDY = ("SeparationConfig", "SeparationResults", "SeparationStudy")
__getattr__ = handed_out(
    __name__,
    dict.fromkeys(_STUDY, "overica.separation.separation_study")
    | {"plot_separation": "overica.separation.picture"},
)
