"""Codes of samples on a dictionary that is given, whoever learned it.

`SparseCoder` does it in scikit-learn's style, by any of `CODERS`: certified maximum a posteriori codes at a penalty or
at a mean number of active atoms, the same freed of their shrinkage, orthogonal matching pursuit, and least squares on
supports that are known. `Dictionary` holds the atoms; the functions below work on it, in units of X.

Examples
--------
>>> import numpy as np
>>> from overica.coding import CODERS, SparseCoder
>>> sorted(CODERS)
['debiased', 'map', 'omp', 'oracle']
>>> SparseCoder(np.eye(2), penalty=1.0).fit_transform(np.array([[3.0, -0.5]]))
array([[2., 0.]])
"""

from overica.coding.coder import Coder
from overica.coding.dictionary import Dictionary
from overica.coding.featuriser import Featuriser
from overica.coding.maximum_posterior import penalty_at
from overica.coding.oracle import least_squares
from overica.coding.pursuit import orthogonal_matching_pursuit
from overica.coding.sparse_coder import CODERS, SparseCoder

__all__ = [
    "CODERS",
    "Coder",
    "Dictionary",
    "Featuriser",
    "SparseCoder",
    "least_squares",
    "orthogonal_matching_pursuit",
    "penalty_at",
]
