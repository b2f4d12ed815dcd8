"""Encoders: ways from samples to codes on a dictionary that is given, whoever learned it.

Crossing each dictionary with each of these is what separates a bad dictionary from a bad encoder. All codes are
those of features of unit norm, in units of X. Where the sources are never negative neither are the codes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from overica.coding import Dictionary, SparseCoder
from overica.metrics import Matching


@dataclass(frozen=True, eq=False)
class Encoding:
    """What there is to encode, and on what.

    Examples
    --------
    >>> from overica.compare import ENCODERS
    >>> from overica.metrics import match_components
    >>> X = np.array([[3.0, 0.0], [0.0, 2.0]])
    >>> pairs = match_components(np.eye(2), np.eye(2))
    >>> given = Encoding(X, X, Dictionary.of_rows(np.eye(2)), True, 1.0, X, X, pairs)
    >>> ENCODERS["own"](given).tolist()
    [[3.0, 0.0], [0.0, 2.0]]
    """

    X: np.ndarray
    """(n_samples, n_features), the samples to encode."""
    X_fit: np.ndarray
    """Samples on which a penalty may be chosen."""
    dictionary: Dictionary
    """The features."""
    nonnegative: bool
    """Whether codes may not be negative."""
    n_active: float
    """Mean number of active features per sample to reach."""
    own_codes: np.ndarray
    """(n_samples, n_components), the method's own codes of X."""
    codes_true: np.ndarray
    """(n_samples, n_true), the true codes of X."""
    matching: Matching
    """Of the features with the true ones."""

    def coder(self, method: str, n_active: float | None = None) -> SparseCoder:
        """A coder on the features, which knows the samples on which a penalty may be chosen."""
        return SparseCoder(
            self.dictionary.components,
            n_active=n_active,
            method=method,
            nonnegative=self.nonnegative,
            offset=self.dictionary.offset,
        ).fit(self.X_fit)


def own(encoding: Encoding) -> np.ndarray:
    """The method's own codes."""
    return encoding.own_codes


def exact_map(encoding: Encoding) -> np.ndarray:
    """Exact lasso codes at the penalty with the wanted mean number of active features."""
    return np.asarray(encoding.coder("map", encoding.n_active).transform(encoding.X))


def omp(encoding: Encoding) -> np.ndarray:
    """Orthogonal matching pursuit with the wanted number of active features, rounded."""
    n_active = max(1, round(encoding.n_active))
    return np.asarray(encoding.coder("omp", n_active).transform(encoding.X))


def oracle_support(encoding: Encoding) -> np.ndarray:
    """Least squares on the true support: the learned features matched to the true features that are active.

    True features without a match are in no support, and features without a true one are never active.
    """
    support = true_support(encoding.codes_true, encoding.matching, len(encoding.own_codes.T))
    return np.asarray(encoding.coder("oracle").transform(encoding.X, supports=support))


ENCODERS: dict[str, Callable[[Encoding], np.ndarray]] = {
    "own": own,
    "map": exact_map,
    "omp": omp,
    "oracle_support": oracle_support,
}
"""Encoders by name: functions of an `Encoding`, that return codes (n_samples, n_components)."""


def true_support(codes_true: np.ndarray, matching: Matching, n_components: int) -> np.ndarray:
    """Where the true support lies on the learned features, (n_samples, n_components), boolean."""
    support = np.zeros((len(codes_true), n_components), bool)
    support[:, matching.learned_index] = codes_true[:, matching.true_index] != 0
    return support
