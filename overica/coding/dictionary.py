"""A dictionary as coders use it: atoms of unit length, the lengths they had, and what is added to their sums."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import sparse

from overica._validation import Array, as_numpy, check_array
from overica.coding.featuriser import Featuriser
from overica.ranges import unit_rows


@dataclass(frozen=True, eq=False)
class Dictionary:
    """Atoms as rows of unit length, and an offset: ``X ~ codes @ components + offset``.

    Codes are in units of X: those of a featuriser are multiplied by the lengths of its rows, so that the codes of all
    can be compared.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.coding import Dictionary
    >>> dictionary = Dictionary.of_rows(np.array([[3.0, 4.0], [0.0, 0.0]]))
    >>> dictionary.components
    array([[0.6, 0.8],
           [0. , 0. ]])
    >>> dictionary.norms
    array([5., 0.])
    """

    components: np.ndarray
    """(n_components, n_features), float64; rows of unit length, or zero where an atom is dead."""
    norms: np.ndarray
    """(n_components,), the lengths that the rows had."""
    offset: np.ndarray
    """(n_features,), what codes of zero decode to."""

    @classmethod
    def of_rows(cls, components: Array, offset: Array | None = None) -> Dictionary:
        """Of atoms given as rows of any length.

        Parameters
        ----------
        components : array (n_components, n_features)
        offset : array (n_features,), optional
            Zero by default.

        Raises
        ------
        ValueError
            If an argument is not finite or has the wrong shape.
        """
        shape = {"n_components": None, "n_features": None}
        rows = np.asarray(as_numpy(check_array(components, "components", shape)), np.float64)
        shift = np.zeros(rows.shape[1])
        if offset is not None:
            given = check_array(offset, "offset", {"n_features": rows.shape[1]})
            shift = np.asarray(as_numpy(given), np.float64)
        return cls(*unit_rows(rows), shift)

    @classmethod
    def of(cls, featuriser: Featuriser) -> Dictionary:
        """Of a fitted featuriser.

        Raises
        ------
        FloatingPointError
            If it has learned features that are NaN or infinite.
        """
        rows = np.asarray(featuriser.components_)
        diverged = int((~np.isfinite(rows)).any(axis=1).sum())
        if diverged:
            raise FloatingPointError(
                f"{diverged} of {len(rows)} learned features are NaN or infinite"
            )
        nothing = np.zeros((1, rows.shape[0]), rows.dtype)
        return cls.of_rows(rows, np.asarray(featuriser.inverse_transform(nothing))[0])

    @property
    def mixing(self) -> np.ndarray:
        """The atoms as columns, (n_features, n_components)."""
        return self.components.T

    @cached_property
    def gram(self) -> np.ndarray:
        """Cosines of the atoms, (n_components, n_components)."""
        return self.components @ self.components.T

    def unit(self) -> Dictionary:
        """The same for codes that are in units of X already."""
        return replace(self, norms=np.ones_like(self.norms))

    def encode(self, featuriser: Featuriser, X: np.ndarray) -> np.ndarray:
        """The featuriser's own codes, in units of X: (n_samples, n_components), float64."""
        codes: np.ndarray = np.asarray(featuriser.transform(X), np.float64) * self.norms
        return codes

    def encode_parts(
        self, featuriser: Featuriser, parts: Iterable[np.ndarray]
    ) -> sparse.csr_matrix:
        """The same of samples that come part by part, sparse and in single precision."""
        codes = (self.encode(featuriser, X).astype(np.float32) for X in parts)
        return sparse.vstack([sparse.csr_matrix(each) for each in codes], format="csr")

    def centred(self, X: np.ndarray) -> np.ndarray:
        """Samples without the offset, in their dtype."""
        return np.asarray(X - self.offset.astype(X.real.dtype))

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Samples from codes in units of X, (n_samples, n_features)."""
        samples: np.ndarray = codes @ self.components + self.offset
        return samples
