"""Baselines from their own libraries, as featurisers."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA, FastICA


class LinearFeaturiser(TransformerMixin, BaseEstimator):
    """Codes that are linear in the sample: ``s = W (x - offset_)``, ``x ~ s @ components_ + offset_``.

    The sign of such a component is arbitrary. For sources that are never negative it is turned so that the
    component's codes are skewed towards positive values, which asks nothing of the truth.
    """

    nonnegative: bool
    components_: np.ndarray
    offset_: np.ndarray

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Codes, (n_samples, n_components)."""
        codes: np.ndarray = (X - self.offset_) @ self._encoder.T
        return codes

    def inverse_transform(self, X: np.ndarray) -> np.ndarray:
        """Samples from codes."""
        samples: np.ndarray = X @ self.components_ + self.offset_
        return samples

    def _publish(self, X: np.ndarray, encoder: np.ndarray, components: np.ndarray) -> None:
        norms = np.linalg.norm(components, axis=1)
        norms = np.where(norms > 0, norms, 1.0)
        encoder, components = encoder * norms[:, None], components / norms[:, None]
        if self.nonnegative:
            codes = (X - X.mean(axis=0)) @ encoder.T
            sign = np.where((codes**3).mean(axis=0) < 0, -1.0, 1.0)[:, None]
            encoder, components = sign * encoder, sign * components
            # The mean of sources that are never negative is part of them; what they cannot express is the offset.
            mean = X.mean(axis=0)
            self.offset_ = mean - (encoder @ mean) @ components
        else:
            self.offset_ = X.mean(axis=0)
        self._encoder, self.components_ = encoder, components


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
        wanted = _at_most(self.n_components, X.shape[1], "FastICA")
        self.model_ = FastICA(
            wanted, whiten="unit-variance", max_iter=self.max_iter, random_state=self.random_state
        ).fit(X)
        self.n_iter_ = int(self.model_.n_iter_)
        self._publish(X, self.model_.components_, self.model_.mixing_.T)
        return self


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

    def __init__(self, n_components: int, *, nonnegative: bool = False) -> None:
        self.n_components = n_components
        self.nonnegative = nonnegative

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Principal directions."""
        wanted = _at_most(self.n_components, X.shape[1], "PCA")
        components = PCA(wanted, svd_solver="full").fit(X).components_
        self._publish(X, components, components)
        return self


def _at_most(wanted: int, n_features: int, name: str) -> int:
    if wanted > n_features:
        warnings.warn(
            f"{name} has at most n_features={n_features} components; {wanted} were asked for, "
            f"and {wanted - n_features} are left out",
            UserWarning,
            stacklevel=3,
        )
    return min(wanted, n_features)
