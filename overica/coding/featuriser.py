"""What is asked of anything that describes samples by features: it fits, encodes, decodes, and shows its features."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class Featuriser(Protocol):
    """Anything that describes samples by features: ``X ~ S @ components_ + offset``.

    The offset is ``inverse_transform`` of codes that are all zero. `OvercompleteICA`, every class of
    `overica.sae.SAES`, `SparseCoder` and the classes of `overica.baselines` are such; so is scikit-learn's dictionary
    learning.

    Examples
    --------
    >>> from overica import SparseCoder
    >>> isinstance(SparseCoder(np.eye(2), penalty=1.0).fit(np.eye(2)), Featuriser)
    True
    """

    components_: np.ndarray
    """(n_components, n_features), the features as rows."""

    def fit(self, X: np.ndarray, y: Any = None) -> Any:
        """Learn from X, (n_samples, n_features)."""
        ...

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Codes S, (n_samples, n_components)."""
        ...

    def inverse_transform(self, X: np.ndarray) -> np.ndarray:
        """Samples of codes, (n_samples, n_features)."""
        ...
