"""Which features fire at the same tokens, and which of them only where another one does."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from overica.hierarchy.parents import parents_of
from overica.lm.features.describe import firings

_FEWEST = 5
"""Joint firings below which nothing is said: where two rare features meet once, that is a thousand times chance."""


class Companion(NamedTuple):
    """A feature that fires with another one."""

    feature: int
    together: int
    """Tokens at which both fire."""
    lift: float
    """Times as many as of independent features as frequent as these."""
    correlation: float
    """Of the two as indicators, phi in [-1, 1]."""


class Parent(NamedTuple):
    """A feature without which another one hardly fires."""

    feature: int
    share: float
    """Of the firings, at how many the parent fires too."""


class Cofiring:
    """Joint firings of the features of a fit, whatever their signs.

    With ``c_ij`` the number of the n tokens at which i and j both fire,

        lift = n c_ij / (c_i c_j),    phi = (n c_ij - c_i c_j) / sqrt(c_i (n - c_i) c_j (n - c_j)).

    Lift is largest for pairs of rare features, phi for pairs that are the same set of tokens.

    Parameters
    ----------
    codes : sparse matrix or array (n_tokens, n_components)

    Examples
    --------
    >>> import numpy as np
    >>> from overica.lm.features.cofiring import Cofiring
    >>> codes = np.zeros((100, 3))
    >>> codes[:40, 0], codes[:20, 1], codes[30:60, 2] = 1, -1, 1
    >>> cofiring = Cofiring(codes)
    >>> cofiring.companions(1)
    [Companion(feature=0, together=20, lift=2.5, correlation=0.612...)]
    >>> cofiring.parents()
    [None, Parent(feature=0, share=1.0), None]
    """

    def __init__(self, codes: Any) -> None:
        active = sparse.csc_matrix(sparse.csc_matrix(codes) != 0, dtype=np.float32)
        self.n_tokens = int(active.shape[0])
        self._together = sparse.csc_matrix(active.T @ active)
        self.firings = np.asarray(self._together.diagonal(), np.float64)

    def companions(self, j: int, n: int = 6) -> list[Companion]:
        """Features that fire with feature j more often than by chance, by correlation, the highest first."""
        index, together = firings(self._together, j)
        total, own, others = self.n_tokens, self.firings[j], self.firings[index]
        surplus = total * together - own * others
        chosen = (together >= _FEWEST) & (surplus > 0) & (index != j)
        index, together, others, surplus = (
            each[chosen] for each in (index, together, others, surplus)
        )
        # A feature that always fires correlates with none: its surplus is zero, and it was left out.
        phi = surplus / np.sqrt(own * (total - own) * others * (total - others))
        lift = total * together / (own * others)
        order = np.argsort(-phi, kind="stable")[:n]
        figures = (index, together.astype(int), lift, phi)
        return list(map(Companion, *(each[order].tolist() for each in figures)))

    def parents(self, known: np.ndarray | None = None) -> list[Parent | None]:
        """For every feature the one that it hardly fires without; None for most.

        Parameters
        ----------
        known : array of int (n_components,), optional
            The parent of each as a model has learned it, -1 for none: `OvercompleteICA.parents_`. By default by the
            counts, see `overica.hierarchy.parents.parents_of`.
        """
        if known is None:
            known = parents_of(self._together.toarray(), self.n_tokens)
        found: list[Parent | None] = []
        for j, parent in enumerate(np.asarray(known).tolist()):
            share = self._together[parent, j] / max(self.firings[j], 1.0)
            found.append(None if parent < 0 else Parent(parent, float(share)))
        return found
