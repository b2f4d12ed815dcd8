"""Featurisers whose codes are linear in the sample."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.utils.validation import check_is_fitted

from overica._validation import Array
from overica.baselines.base import Baseline
from overica.transformer import like


class LinearFeaturiser(Baseline):
    """Codes that are linear in the sample: ``s = W (x - offset_)``, ``x ~ s @ components_ + offset_``.

    The sign of such a component is arbitrary. For sources that are never negative it is turned so that the
    component's codes are skewed towards positive values, which asks nothing of the truth.

    Examples
    --------
    >>> from overica.baselines import PCABaseline
    >>> X = np.random.default_rng(0).standard_normal((200, 3)) * [3.0, 1.0, 0.1]
    >>> pca = PCABaseline(2).fit(X)
    >>> issubclass(PCABaseline, LinearFeaturiser), pca.transform(X).shape
    (True, (200, 2))
    """

    nonnegative: bool

    def transform(self, X: Array) -> Array:
        """Codes, (n_samples, n_components), in the dtype and library of X."""
        check_is_fitted(self)
        original, X = X, np.asarray(self._validated(X, reset=False))
        codes = (X - self.offset_) @ self._encoder.T
        return like(codes.astype(X.dtype, copy=False), original)

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


def at_most(wanted: int, n_features: int, name: str) -> int:
    """What can be had of the components that are wanted, with a warning where that is fewer."""
    if wanted > n_features:
        warnings.warn(
            f"{name} has at most n_features={n_features} components; {wanted} were asked for, "
            f"and {wanted - n_features} are left out",
            UserWarning,
            stacklevel=3,
        )
    return min(wanted, n_features)
