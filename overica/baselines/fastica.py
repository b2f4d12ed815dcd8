"""scikit-learn's FastICA as a featuriser."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.decomposition import FastICA

from overica._validation import check_scalar
from overica.baselines.linear import LinearFeaturiser, at_most


class FastICABaseline(LinearFeaturiser):
    """scikit-learn's FastICA, with the columns of its *mixing* matrix as features.

    The rows of the unmixing matrix, ``FastICA.components_``, are filters and no features: they equal the features
    only where those are orthogonal.

    Parameters
    ----------
    n_components : int
        Features wanted; FastICA has at most as many as there are input dimensions, and is given those, with a
        warning.
    nonnegative : bool
        Turn the signs as sources that are never negative have them.
    max_iter : int
        Steps at most.
    random_state : int or None

    Examples
    --------
    >>> from overica.datasets import make_mixture
    >>> from overica.metrics import mean_cosine
    >>> data = make_mixture(2000, 3, 3, "laplace", noise=0.001, random_state=0)
    >>> ica = FastICABaseline(3, random_state=0).fit(data.X)
    >>> mean_cosine(ica.components_.T, data.mixing) > 0.99
    True
    """

    name: ClassVar[str] = "fastica"
    label: ClassVar[str] = "FastICA (scikit-learn)"
    overcomplete: ClassVar[bool] = False

    def __init__(
        self,
        n_components: int,
        *,
        nonnegative: bool = False,
        max_iter: int = 1000,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.nonnegative = nonnegative
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Whiten and rotate."""
        self.check_parameters()
        X = np.asarray(self._validated(X, reset=True))
        wanted = at_most(self.n_components, X.shape[1], "FastICA")
        self.model_ = FastICA(
            wanted, whiten="unit-variance", max_iter=self.max_iter, random_state=self.random_state
        ).fit(X)
        self.n_iter_ = int(self.model_.n_iter_)
        self._publish(X, self.model_.components_, self.model_.mixing_.T)
        return self

    def check_parameters(self) -> None:
        """Refuse a parameter that no samples make right."""
        check_scalar(self.max_iter, "max_iter", minimum=1, integer=True)

    def flops(self, X: np.ndarray) -> float:
        """Whitening by singular vectors, ``4 N d^2 + 8 d^3``, then steps of ``4 N m^2 + 25 m^3``.

        A step with m components projects all N samples of d features and averages their products with the
        nonlinearity, and makes m directions orthogonal by an eigendecomposition.
        """
        n_samples, d = X.shape
        m = self.n_components_
        return float(
            4 * n_samples * d**2 + 8 * d**3 + self.n_iter_ * (4 * n_samples * m**2 + 25 * m**3)
        )
