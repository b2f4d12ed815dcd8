"""What a comparison knows of a method: something that fits, encodes, decodes, and shows its features."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class Featuriser(Protocol):
    """Anything that describes samples by features: ``X ~ S @ components_ + offset``.

    The offset is ``inverse_transform`` of codes that are all zero. `OvercompleteICA`, every class of
    `overica.sae.SAES` and the baselines here are such; so is scikit-learn's dictionary learning.
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


@dataclass(frozen=True, eq=False)
class Dictionary:
    """Learned features as a comparison uses them: rows of unit norm, and an offset.

    Codes of a featuriser are multiplied by the norms of its rows, so that codes of all methods are in the
    units of X.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.compare.featuriser import Dictionary
    >>> Dictionary.of_rows(np.array([[3.0, 4.0], [0.0, 0.0]])).components
    array([[0.6, 0.8],
           [0. , 0. ]])
    """

    components: np.ndarray
    """(n_components, n_features), float64; rows of unit norm, or zero where a feature is dead."""
    norms: np.ndarray
    """(n_components,), the norms that the rows had."""
    offset: np.ndarray
    """(n_features,), what codes of zero decode to."""

    @classmethod
    def of_rows(cls, components: np.ndarray, offset: np.ndarray | None = None) -> Dictionary:
        """Of features given as rows of any norm."""
        rows = np.asarray(components, np.float64)
        norms = np.linalg.norm(rows, axis=1)
        if not np.isfinite(norms).all():
            raise FloatingPointError(
                f"{int((~np.isfinite(norms)).sum())} of {norms.size} learned features are NaN or infinite"
            )
        unit = rows / np.where(norms > 0, norms, 1.0)[:, None]
        shift = np.zeros(rows.shape[1]) if offset is None else np.asarray(offset, np.float64)
        return cls(unit, norms, shift)

    @classmethod
    def of(cls, featuriser: Featuriser) -> Dictionary:
        """Of a fitted featuriser."""
        rows = np.asarray(featuriser.components_)
        nothing = np.zeros((1, rows.shape[0]), rows.dtype)
        return cls.of_rows(rows, np.asarray(featuriser.inverse_transform(nothing))[0])

    @property
    def mixing(self) -> np.ndarray:
        """The features as columns, (n_features, n_components)."""
        return self.components.T

    def unit(self) -> Dictionary:
        """The same for codes that are in units of X already."""
        return replace(self, norms=np.ones_like(self.norms))

    def encode(self, featuriser: Featuriser, X: np.ndarray) -> np.ndarray:
        """The featuriser's own codes, in units of X: (n_samples, n_components), float64."""
        codes: np.ndarray = np.asarray(featuriser.transform(X), np.float64) * self.norms
        return codes

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Samples from codes in units of X, (n_samples, n_features)."""
        samples: np.ndarray = codes @ self.components + self.offset
        return samples
