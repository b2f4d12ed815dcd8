"""What the estimators share: validated samples in, codes out, and back by a dictionary and an offset."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from overica._validation import Array, as_floating, as_numpy, namespace
from overica.rows import Rows, Stream, opened


class DictionaryTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Base of estimators whose codes stand for sums of atoms: ``x = S @ components_ + offset_``.

    A subclass has the two attributes once it is fitted. Floating-point types are kept, and torch tensors come back as
    tensors on their device.
    """

    components_: np.ndarray
    """Atoms as rows, (n_components, n_features)."""
    offset_: np.ndarray
    """What codes that are all zero stand for, (n_features,)."""
    _fewest_samples: ClassVar[int] = 2
    """That `fit` accepts."""

    @property
    def n_components_(self) -> int:
        """Number of atoms."""
        return len(self.components_)

    def inverse_transform(self, X: Array) -> Array:
        """Samples from codes, ``codes @ components_ + offset_``.

        Parameters
        ----------
        X : array (n_samples, n_components)
            Codes, as from `transform`.

        Returns
        -------
        array (n_samples, n_features)
        """
        check_is_fitted(self)
        codes = X.to_numpy() if hasattr(X, "to_numpy") else X
        S = as_numpy(as_floating(codes, "X"))
        if S.ndim != 2 or S.shape[1] != self.n_components_:
            raise ValueError(
                f"`X` must have shape (n_samples, n_components={self.n_components_}), got {S.shape}"
            )
        atoms = self.components_
        return like(S @ atoms.astype(S.dtype) + self.offset_.astype(S.dtype), X)

    @property
    def _n_features_out(self) -> int:
        return self.n_components_

    def _validated(self, X: Any, *, reset: bool) -> np.ndarray | Rows | Stream:
        """Samples in float32 or float64: an array, checked, or rows that are checked when they are read.

        What X may be is said in `overica.rows.opened`; `numpy.asarray` makes an array in memory of any answer.
        """
        checks: dict[str, Any] = {
            "reset": reset,
            "dtype": [np.float64, np.float32],
            "ensure_min_samples": self._fewest_samples if reset else 1,
        }
        X = opened(X)
        if isinstance(X, Rows | Stream):
            # Its width and number: what its rows hold is looked at where they are read.
            validate_data(self, np.zeros_like(X.head(2)), **checks)
            return X
        if namespace(X) is not namespace(0.0):
            X = as_numpy(as_floating(X, "X"))
        return np.asarray(validate_data(self, X, **checks))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def like(result: np.ndarray, original: Array) -> Array:
    """`result` in the library and on the device of `original`."""
    xp = namespace(original)
    if xp is namespace(0.0):
        return result
    return xp.asarray(result, device=original.device)
