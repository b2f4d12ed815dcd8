"""The sums over samples from which a better model follows; sums of batches add."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from overica.presence.sparse_posterior import PresencePosterior

__all__ = ["PresenceSums"]


@dataclass(frozen=True)
class PresenceSums:
    """Expectations under the posterior, summed over samples.

    Attributes
    ----------
    n_samples : float
    together : array (n_components, n_components)
        In how many samples both are present; on the diagonal, each.
    first : array (n_components,)
        E[s].
    second : array (n_components, n_components)
        E[s s'].
    cross : array (n_features, n_components)
        x E[s]'.
    power : float
        ``|x|^2``.

    Examples
    --------
    >>> from overica.presence import Forest, PresenceModel, PresenceSums
    >>> model = PresenceModel(
    ...     np.eye(2), [3.0, 3.0], [0.5, 0.5], 0.01, Forest.independent([0.1, 0.1])
    ... )
    >>> X = np.array([[3.0, 0.0], [2.5, 3.5]])
    >>> sums = PresenceSums.of(X, model.infer(X, sums=True))
    >>> (sums + sums).counts
    array([4., 2.])
    """

    n_samples: float
    together: NDArray[np.float64]
    first: NDArray[np.float64]
    second: NDArray[np.float64]
    cross: NDArray[np.float64]
    power: float

    @classmethod
    def of(cls, X: NDArray, posterior: PresencePosterior) -> PresenceSums:
        """Those of samples (n_samples, n_features) with a posterior that was asked for its sums."""
        if posterior.second is None or posterior.together is None:
            raise ValueError("`posterior` must be inferred with sums=True")
        codes = posterior.sparse()
        power = float(np.einsum("ij,ij->", X, X, dtype=np.float64))
        first = np.asarray(posterior.sparse().sum(0), np.float64).ravel()
        cross = np.ascontiguousarray((codes.T @ np.asarray(X, np.float64)).T)
        return cls(float(len(X)), posterior.together, first, posterior.second, cross, power)

    @classmethod
    def independent(cls, presence: NDArray, n_samples: float, n_features: int) -> PresenceSums:
        """What `n_samples` would show of independent presences; nothing of codes."""
        n = len(presence)
        together = np.outer(presence, presence) * n_samples
        np.fill_diagonal(together, presence * n_samples)
        return cls(
            float(n_samples),
            together,
            np.zeros(n),
            np.zeros((n, n)),
            np.zeros((n_features, n)),
            0.0,
        )

    @property
    def counts(self) -> NDArray[np.float64]:
        """In how many samples each source is present, (n_components,)."""
        return np.diag(self.together)

    def __add__(self, other: PresenceSums) -> PresenceSums:
        return PresenceSums(
            *(one + two for one, two in zip(self._fields(), other._fields(), strict=True))
        )

    def remembering(self, memory: float, batch: PresenceSums) -> PresenceSums:
        """``memory * self + batch``, written over the arrays of these sums: new ones of their size take longer."""
        for old, new in zip(self._arrays(), batch._arrays(), strict=True):
            old *= memory
            old += new
        n_samples = memory * self.n_samples + batch.n_samples
        return replace(self, n_samples=n_samples, power=memory * self.power + batch.power)

    def rescaled(self, lengths: NDArray) -> PresenceSums:
        """In codes `lengths` times as large, as belongs to columns that are shorter by it."""
        second = self.second * np.outer(lengths, lengths)
        return PresenceSums(
            self.n_samples,
            self.together,
            self.first * lengths,
            second,
            self.cross * lengths,
            self.power,
        )

    def _arrays(self) -> tuple[NDArray[np.float64], ...]:
        return self.together, self.first, self.second, self.cross

    def _fields(self) -> tuple:
        return self.n_samples, *self._arrays(), self.power
