"""Exact codes on any dictionary at a wanted number of active features: what its directions are worth, encoder aside."""

from __future__ import annotations

from typing import Any

import numpy as np

from overica.compare.featuriser import Dictionary
from overica.compare.sparse_codes import map_codes, map_penalty
from overica._kernels import debias

_CALIBRATION = 512
_BATCH = 4096


class ExactCodes:
    """Basis pursuit denoising on a dictionary, freed of the shrinkage that the penalty brings.

    Supports and signs are those of

        argmin_s |x - offset - D's|^2 / 2 + penalty |s|_1        (s >= 0 for features that cannot be negative),

    the rows of D of unit norm: every feature costs the same, as in the encoders that this stands beside. (The scales
    that a model of ICA has learned make rare large sources cheap, and a penalty that is raised to a smaller number of
    active features than the model's own then silences nearly all the others.) On the support the penalty is
    lowered to nothing, and sources that come to zero on the way leave: least squares with those signs.

    Parameters
    ----------
    dictionary : Dictionary
    penalty : float
        Positive, in squared units of the samples.
    nonnegative : bool

    References
    ----------
    Chen, Donoho and Saunders 1998, "Atomic decomposition by basis pursuit", SIAM Journal on Scientific Computing 20.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.compare.featuriser import Dictionary
    >>> codes = ExactCodes(Dictionary.of_rows(np.eye(2)), 1.0, nonnegative=False)
    >>> codes.transform(np.array([[3.0, 0.5]]))
    array([[3., 0.]])
    """

    def __init__(self, dictionary: Dictionary, penalty: float, *, nonnegative: bool) -> None:
        self.components_ = dictionary.components
        self.penalty, self.nonnegative = penalty, nonnegative
        self._offset = dictionary.offset
        self._gram = dictionary.components @ dictionary.components.T

    @classmethod
    def at_level(
        cls, dictionary: Dictionary, X: np.ndarray, n_active: float, *, nonnegative: bool
    ) -> ExactCodes:
        """At the penalty that gives a mean number of active features on samples, of which 512 are looked at."""
        spread = np.asarray(X[:: max(1, len(X) // _CALIBRATION)], np.float64) - dictionary.offset
        penalty = map_penalty(dictionary.components, spread, n_active, nonnegative=nonnegative)
        return cls(dictionary, penalty, nonnegative=nonnegative)

    def fit(self, X: np.ndarray, y: Any = None) -> ExactCodes:
        """Nothing is left to fit."""
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Codes, (n_samples, n_components)."""
        codes = np.empty((len(X), len(self.components_)))
        for start in range(0, len(X), _BATCH):
            rows = slice(start, start + _BATCH)
            samples = np.asarray(X[rows], np.float64) - self._offset
            shrunk = map_codes(
                self.components_, samples, self.penalty, nonnegative=self.nonnegative
            )
            codes[rows] = debias(self._gram, shrunk, self.penalty)
        return codes

    def inverse_transform(self, X: np.ndarray) -> np.ndarray:
        """Samples of codes, (n_samples, n_features)."""
        return np.asarray(X @ self.components_ + self._offset)
