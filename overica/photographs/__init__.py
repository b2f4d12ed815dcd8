"""Photographs: overcomplete bases of their patches, what these cost in bits per pixel, and Gabor functions of them.

`study_photographs` does it all; its parts are of use alone: `split_photographs` (patches by region, at a precision),
`DictionaryDensity` (any dictionary as a density), `coding_cost` and `coefficient_cost` (bits per pixel by two
definitions), `fit_gabors`.
"""

from overica.photographs.basis_learners import METHODS, Effort, Method
from overica.photographs.best_basis import verdict
from overica.photographs.code_length import (
    CoefficientCost,
    coding_cost,
    coefficient_cost,
    pixel_entropy,
)
from overica.photographs.density import DictionaryDensity
from overica.photographs.effort import QUICK, StudySettings
from overica.photographs.gabor import GaborFits, fit_gabors, gabor_columns
from overica.photographs.judging import Row
from overica.photographs.photograph_study import Study, study_photographs
from overica.photographs.pictures import plot_coding, plot_gabors
from overica.photographs.regions import Patches, Photographs, split_photographs
from overica.photographs.study_text import save_study, table_of

__all__ = [
    "METHODS",
    "QUICK",
    "CoefficientCost",
    "DictionaryDensity",
    "Effort",
    "GaborFits",
    "Method",
    "Patches",
    "Photographs",
    "Row",
    "Study",
    "StudySettings",
    "coding_cost",
    "coefficient_cost",
    "fit_gabors",
    "gabor_columns",
    "pixel_entropy",
    "plot_coding",
    "plot_gabors",
    "save_study",
    "split_photographs",
    "study_photographs",
    "table_of",
    "verdict",
]
