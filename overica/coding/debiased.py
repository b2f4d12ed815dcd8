"""Maximum a posteriori codes freed of the shrinkage that the penalty brings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from overica._kernels import debias
from overica.coding.dictionary import Dictionary
from overica.coding.maximum_posterior import MaximumPosterior, sparse_weights


@dataclass(frozen=True, eq=False)
class Debiased(MaximumPosterior):
    """Least squares on the supports of `MaximumPosterior`, as far as no sign changes.

    On the support the penalty is lowered to nothing, and sources that come to zero on the way leave.

    References
    ----------
    Belloni and Chernozhukov (2013), "Least squares after model selection in high-dimensional sparse models",
    Bernoulli 19.
    """

    def __post_init__(self) -> None:
        sparse_weights(self.prior)

    def codes(self, dictionary: Dictionary, X: np.ndarray) -> np.ndarray:
        """See `Coder.codes`; in double precision, since only of exact codes is it known what the penalty took."""
        shrunk = super().codes(dictionary, X.astype(np.float64))
        # In units in which every cost is |s|.
        weights = np.broadcast_to(sparse_weights(self.prior), shrunk.shape[1])
        gram = dictionary.gram / np.outer(weights, weights)
        return np.asarray(debias(gram, shrunk * weights, self.penalty) / weights)
