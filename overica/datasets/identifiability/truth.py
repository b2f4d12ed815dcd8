"""What is behind a set of samples, as far as their law goes, and what an argument makes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np


@dataclass(frozen=True)
class Truth:
    """True columns and codes, and what is known of the sources.

    Examples
    --------
    >>> truth = Truth(np.eye(2), np.array([[1.0, 0.0], [2.0, 0.0]]), nonnegative=True)
    >>> truth.without(np.array([False, True])).codes.tolist()
    [[1.0], [2.0]]
    """

    mixing: np.ndarray
    """(n_features, n_components) true mixing matrix A."""
    codes: np.ndarray
    """(n_samples, n_components) true sources S."""
    nonnegative: bool
    """Whether the sources are never negative."""
    groups: np.ndarray | None = None
    """(n_components,) labels: sources of different groups are independent.  None if nothing is known."""
    free_magnitudes: bool = False
    """Whether a source's magnitude has a density, and is independent of which sources are present and of the
    magnitudes of all others."""

    @property
    def cosines(self) -> np.ndarray:
        """(n_components, n_components) cosines between columns."""
        A = self.mixing / np.linalg.norm(self.mixing, axis=0)
        return A.T @ A

    def without(self, left_out: np.ndarray) -> Truth:
        """The same of the sources that a mask does not leave out."""
        return replace(
            self,
            mixing=self.mixing[:, ~left_out],
            codes=self.codes[:, ~left_out],
            groups=None if self.groups is None else self.groups[~left_out],
        )


class Verdict(NamedTuple):
    """Whether the true columns are determined by the law of the data.

    Examples
    --------
    >>> from overica.datasets import make_three_features
    >>> told = make_three_features(500, random_state=0).describe()
    >>> Verdict(told.identifiable, told.reason).identifiable
    True
    """

    identifiable: bool | None
    """None where no known argument decides."""
    reason: str
    """The argument, in a sentence."""
    witness: np.ndarray | None = None
    """(n_features, n) columns that explain the same data with fewer active codes."""
