"""An autoencoder of samples that were normalised one by one: a featuriser of the samples themselves."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from overica._validation import Array, check_choice
from overica.rows.parts import part_by_part
from overica.transformer import DictionaryTransformer, like

_CHUNK = 8192


Parts = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Of samples ``x = scale z + shift 1``: z, which is encoded, (n, n_features); scales and shifts, (n, 1)."""


def layer_norm(X: np.ndarray) -> Parts:
    """Mean zero and standard deviation one, of which 1e-5 more is taken: ``z = (x - mean) / (std + 1e-5)``."""
    shift = X.mean(axis=1, keepdims=True)
    Z = X - shift
    scale = Z.std(axis=1, keepdims=True, ddof=1)
    return Z / (scale + X.dtype.type(1e-5)), scale, shift


def constant_norm(X: np.ndarray) -> Parts:
    """Length ``sqrt(n_features)``; a sample of zero stays."""
    lengths = np.linalg.norm(X, axis=1, keepdims=True) / X.dtype.type(np.sqrt(X.shape[1]))
    return X / np.where(lengths > 0, lengths, 1), lengths, np.zeros_like(lengths)


NORMALISATIONS: dict[str, Callable[[np.ndarray], Parts]] = {
    "layer_norm": layer_norm,
    "constant_norm_rescale": constant_norm,
}
"""By the names that SAELens gives them."""


class NormalisedSAE(DictionaryTransformer):
    """Codes of an autoencoder that reads samples normalised one by one, in units of the samples themselves.

    With ``x = scale z + shift 1`` the autoencoder says ``z ~ s D + b``, hence

        x ~ (scale s) D + scale b + shift 1.

    That is linear in codes only if scale and shift are codes too: two components more, the last ones, stand for b and
    for the vector of ones, both of unit length. They are active in every sample and are no features; `n_carriers_`
    says how many there are.

    Parameters
    ----------
    estimator : SparseAutoencoder
        Fitted to normalised samples.
    normalisation : str
        A name in `NORMALISATIONS`.

    Attributes
    ----------
    components_ : array (n_components, n_features)
        Those of `estimator`, and the two.
    offset_ : array (n_features,)
        Zero.
    n_carriers_ : int
        2, the number of components at the end that are no features.
    source_ : dict
        Where it is from.

    Examples
    --------
    >>> from overica.datasets import make_mixture
    >>> from overica.sae import TopKSAE
    >>> X = make_mixture(500, 6, 8, "sparse_exponential", n_active=2, random_state=0).X
    >>> Z, _, _ = layer_norm(X)
    >>> inner = TopKSAE(8, n_active=2, n_steps=50, random_state=0).fit(Z)
    >>> sae = NormalisedSAE(inner, "layer_norm")
    >>> codes = sae.transform(X)
    >>> codes.shape
    (500, 10)
    >>> Z_hat = inner.inverse_transform(inner.transform(Z))
    >>> _, scale, shift = layer_norm(X)
    >>> bool(np.allclose(sae.inverse_transform(codes), scale * Z_hat + shift))
    True
    """

    n_carriers_: ClassVar[int] = 2

    def __init__(self, estimator: Any, normalisation: str) -> None:
        self.estimator = estimator
        self.normalisation = normalisation

    def fit(self, X: Array, y: Any = None) -> Self:
        """Learn nothing, and check that X has the features that `estimator` was fitted to."""
        self._validated(X, reset=False)
        return self

    def transform(self, X: Array) -> Array:
        """Codes, (n_samples, n_components), in units, dtype and library of X.

        Raises
        ------
        ValueError
            If X does not fit.
        """
        check_is_fitted(self)
        name = check_choice(self.normalisation, "normalisation", NORMALISATIONS)
        original, X = X, self._validated(X, reset=False)
        _, lengths = self._carriers()

        def codes(part: np.ndarray) -> np.ndarray:
            Z, scale, shift = NORMALISATIONS[name](np.asarray(part))
            features = self.estimator.transform(Z) * scale
            carriers = np.hstack([scale, shift]) * lengths
            return np.hstack([features, carriers]).astype(part.dtype, copy=False)

        return like(part_by_part(codes, X, _CHUNK), original)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write it to a folder as SAELens does, from which `overica.load` reads it."""
        from overica.formats.saelens_writing import write_saelens

        write_saelens(self, folder, self.source_ or {})

    @property
    def components_(self) -> np.ndarray:  # type: ignore[override]
        """Atoms as rows, (n_components, n_features)."""
        return np.vstack([self.estimator.components_, self._carriers()[0]])

    @property
    def mixing_(self) -> np.ndarray:
        """Atoms as columns, (n_features, n_components)."""
        return self.components_.T

    @property
    def offset_(self) -> np.ndarray:  # type: ignore[override]
        """Zero."""
        return np.zeros_like(self.estimator.offset_)

    @property
    def n_features_in_(self) -> int:
        """Number of features of a sample."""
        return int(self.estimator.n_features_in_)

    @property
    def source_(self) -> dict[str, Any] | None:
        """Where it is from."""
        return getattr(self.estimator, "source_", None)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self.estimator, "components_")

    def _carriers(self) -> tuple[np.ndarray, np.ndarray]:
        """What scale and shift multiply, as unit rows (2, n_features), and their lengths."""
        rows = np.stack([self.estimator.offset_, np.ones_like(self.estimator.offset_)])
        lengths = np.linalg.norm(rows, axis=1)
        return rows / np.where(lengths > 0, lengths, 1.0)[:, None], lengths
