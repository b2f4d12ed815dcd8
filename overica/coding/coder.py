"""What a way from samples to codes on a given dictionary is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields

import numpy as np

from overica.coding.dictionary import Dictionary


@dataclass(frozen=True, eq=False)
class Coder(ABC):
    """A way from samples to codes on a given dictionary.

    A coder of your own is one dataclass and one line in `CODERS`. Its fields are what it is told: some of

    - `prior` (Prior), of codes in units of X,
    - `penalty` (float), sigma^2 in squared units of X, which `SparseCoder` finds where it is given a mean number of
      active atoms instead,
    - `n_active` (int), atoms per sample,
    - `supports` (boolean array of shape (n_samples, n_components)),
    - `nonnegative` (bool), whether codes may not be negative.

    Examples
    --------
    >>> @dataclass(frozen=True, eq=False)
    ... class Projected(Coder):
    ...     n_active: int
    ...
    ...     def codes(self, dictionary, X):
    ...         S = X @ np.linalg.pinv(dictionary.components)
    ...         kept = np.sort(abs(S), axis=1)[:, [-self.n_active]]
    ...         return np.where(abs(S) >= kept, S, 0)
    >>> Projected(1).codes(Dictionary.of_rows(np.eye(2)), np.array([[3.0, 1.0]]))
    array([[3., 0.]])
    >>> Projected.takes()
    frozenset({'n_active'})
    """

    @classmethod
    def takes(cls) -> frozenset[str]:
        """Names of what it is told."""
        return frozenset(field.name for field in fields(cls))

    @abstractmethod
    def codes(self, dictionary: Dictionary, X: np.ndarray) -> np.ndarray:
        """Codes (n_samples, n_components), in units of X.

        Parameters
        ----------
        dictionary : Dictionary
        X : array (n_samples, n_features)
            float32 or float64.
        """
