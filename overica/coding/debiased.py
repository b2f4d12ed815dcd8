"""Maximum a posteriori codes freed of the shrinkage that the penalty brings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from overica.coding.dictionary import Dictionary
from overica.coding.maximum_posterior import MaximumPosterior, sparse_weights
from overica.coding.refitting import without_shrinkage


@dataclass(frozen=True, eq=False)
class Debiased(MaximumPosterior):
    """Least squares on the supports of `MaximumPosterior`, as far as no sign changes.

    References
    ----------
    Belloni and Chernozhukov (2013), "Least squares after model selection in high-dimensional sparse models",
    Bernoulli 19.
    """

    def __post_init__(self) -> None:
        sparse_weights(self.prior)

    def codes(self, dictionary: Dictionary, X: np.ndarray) -> np.ndarray:
        """See `Coder.codes`."""
        return without_shrinkage(dictionary, X, super().codes(dictionary, X))
