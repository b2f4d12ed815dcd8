"""Photographs: overcomplete bases of their patches, what these cost in bits per pixel, and Gabor functions of them.

`PhotographStudy` does it all; its parts are of use alone: `split_photographs` (patches by region, at a precision),
`DictionaryDensity` (any dictionary as a density), `coding_cost` and `coefficient_cost` (bits per pixel by two
definitions), `fit_gabors`.
"""

from overica.photographs.best_basis import verdict
from overica.photographs.code_length import (
    CoefficientCost,
    coding_cost,
    coefficient_cost,
    pixel_entropy,
)
from overica.photographs.density import DictionaryDensity
from overica.photographs.gabor import GaborFits, fit_gabors, gabor_columns
from overica.photographs.photograph_config import PhotographConfig
from overica.photographs.photograph_study import PhotographResults, PhotographStudy
from overica.photographs.regions import Patches, Photographs, split_photographs

__all__ = [
    "CoefficientCost",
    "DictionaryDensity",
    "GaborFits",
    "Patches",
    "PhotographConfig",
    "PhotographResults",
    "PhotographStudy",
    "Photographs",
    "coding_cost",
    "coefficient_cost",
    "fit_gabors",
    "gabor_columns",
    "pixel_entropy",
    "split_photographs",
    "verdict",
]
