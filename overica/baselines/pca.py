"""scikit-learn's PCA as a featuriser."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.decomposition import PCA

from overica.baselines.linear import LinearFeaturiser, at_most


class PCABaseline(LinearFeaturiser):
    """scikit-learn's PCA: orthogonal features, at most as many as input dimensions.

    Parameters
    ----------
    n_components : int
        Features wanted; more than there are input dimensions are refused with a warning.
    nonnegative : bool
        Turn the signs as sources that are never negative have them.

    Examples
    --------
    >>> import numpy as np
    >>> PCABaseline(2).fit(
    ...     np.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    ... ).components_.round(6) ** 2
    array([[1., 0.],
           [0., 1.]])
    """

    name: ClassVar[str] = "pca"
    label: ClassVar[str] = "PCA"
    overcomplete: ClassVar[bool] = False
    by_variance: ClassVar[bool] = True

    def __init__(self, n_components: int, *, nonnegative: bool = False) -> None:
        self.n_components = n_components
        self.nonnegative = nonnegative

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Principal directions."""
        X = np.asarray(self._validated(X, reset=True))
        wanted = at_most(self.n_components, X.shape[1], "PCA")
        components = PCA(wanted, svd_solver="full").fit(X).components_
        self._publish(X, components, components)
        return self

    def flops(self, X: np.ndarray) -> float:
        """By singular vectors, ``4 N d^2 + 8 d^3`` for N samples of d features."""
        n_samples, d = X.shape
        return float(4 * n_samples * d**2 + 8 * d**3)
