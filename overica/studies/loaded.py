"""A dictionary that was learned elsewhere, as a method of a study."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator

from overica.coding import Featuriser
from overica.formats import load
from overica.formats.loading import is_one_sided
from overica.transformer import DictionaryTransformer


class LoadedDictionary(DictionaryTransformer, BaseEstimator):
    """What a file holds, whoever wrote it; `fit` learns nothing.

    Parameters
    ----------
    path : str
        Anything that `overica.load` reads.

    Raises
    ------
    ValueError, FileNotFoundError
        As `overica.load`; by `fit` if samples have other dimensions than the dictionary.

    Examples
    --------
    >>> import tempfile
    >>> from overica.datasets import make_mixture
    >>> from overica.sae import TopKSAE
    >>> X = make_mixture(300, 4, 6, "sparse_exponential", n_active=2, random_state=0).X
    >>> folder = tempfile.mkdtemp()
    >>> TopKSAE(6, n_active=2, n_steps=5, random_state=0).fit(X).save(folder)
    >>> LoadedDictionary(folder).fit(X).transform(X).shape
    (300, 6)
    """

    def __init__(self, path: str) -> None:
        self.path = path

    @cached_property
    def model(self) -> Featuriser:
        """As it was loaded."""
        found: Featuriser = load(self.path)
        return found

    @property
    def one_sided(self) -> bool:
        """Whether its codes are never negative."""
        return is_one_sided(self.model)

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Look whether samples are of the dictionary's kind."""
        self.components_ = np.asarray(self.model.components_)
        wanted = self.components_.shape[1]
        offset = getattr(self.model, "offset_", None)
        self.offset_ = np.zeros(wanted) if offset is None else np.asarray(offset)
        if X.shape[1] != wanted:
            raise ValueError(
                f"`X` must have {wanted} features as the dictionary of {self.path}, got {X.shape[1]}"
            )
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Codes by its own encoder."""
        return np.asarray(self.model.transform(X))

    def inverse_transform(self, X: np.ndarray) -> np.ndarray:
        """Samples from codes, as it has them."""
        return np.asarray(self.model.inverse_transform(X))
