"""Codes on supports that are known: what a dictionary is worth to those who know what is active."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from overica.coding.coder import Coder
from overica.coding.dictionary import Dictionary
from overica.coding.refitting import least_squares


@dataclass(frozen=True, eq=False)
class Oracle(Coder):
    """Least squares on given supports."""

    supports: np.ndarray
    nonnegative: bool

    def codes(self, dictionary: Dictionary, X: np.ndarray) -> np.ndarray:
        """See `Coder.codes`."""
        return least_squares(dictionary, X, self.supports, nonnegative=self.nonnegative)
