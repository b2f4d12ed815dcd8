"""Dictionaries of other programs, in and out.

`load` takes a folder of this package, SAELens, dictionary_learning, sparsify or Gemma Scope and gives a fitted
estimator; `export` writes for SAELens, or plainly; `as_jumprelu` fits an encoder to a dictionary whose codes are found
by optimisation.
A format is one file with one class and one line in `FORMATS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from overica._names import handed_out
from overica.formats.exporting import WRITERS, export
from overica.formats.format import Format
from overica.formats.loading import FORMATS, inspect, load
from overica.formats.normalised import NormalisedSAE

if TYPE_CHECKING:
    from overica.formats.imitation import Imitation, as_jumprelu

__all__ = [
    "FORMATS",
    "WRITERS",
    "Format",
    "Imitation",
    "NormalisedSAE",
    "as_jumprelu",
    "export",
    "inspect",
    "load",
]

# What needs torch.
__getattr__ = handed_out(
    __name__,
    dict.fromkeys(("Imitation", "as_jumprelu"), "overica.formats.imitation"),
)
