"""What is inferred of samples: few sources each, listed one sample after the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

__all__ = ["PresencePosterior"]


@dataclass(frozen=True)
class PresencePosterior:
    """Supports and, given them, the Gaussian posterior of the codes.

    Attributes
    ----------
    starts : array of int64 (n_samples + 1,)
        Sample i owns the entries ``starts[i]:starts[i + 1]`` of the following three.
    indices : array of int32
        The sources that are present, in the order in which they were found.
    means, variances : array
        Of the codes, given the support.
    log_evidence : array (n_samples,)
        ``log p(x, b)`` at this one support, codes integrated out: a lower bound on log p(x).
    n_components : int
    second, together : array (n_components, n_components) or None
        The sums over the samples of ``E[s s']`` and of the pairs that are present.

    Examples
    --------
    Of two samples the first has source 1, the second none:

    >>> import numpy as np
    >>> posterior = PresencePosterior(
    ...     np.array([0, 1, 1]),
    ...     np.array([1], np.int32),
    ...     means=np.array([2.0]),
    ...     variances=np.array([0.1]),
    ...     log_evidence=np.array([-1.0, -2.0]),
    ...     n_components=3,
    ... )
    >>> posterior.indices[posterior.starts[0] : posterior.starts[1]]
    array([1], dtype=int32)
    """

    starts: NDArray[np.int64]
    indices: NDArray[np.int32]
    means: NDArray[np.float64]
    variances: NDArray[np.float64]
    log_evidence: NDArray[np.float64]
    n_components: int
    second: NDArray[np.float64] | None = None
    together: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def sizes(self) -> NDArray[np.int64]:
        """How many sources are present in each sample."""
        return np.diff(self.starts)

    @property
    def samples(self) -> NDArray[np.int64]:
        """Which sample each entry belongs to."""
        return np.repeat(np.arange(len(self)), self.sizes)

    def sparse(self, values: NDArray | None = None) -> sparse.csr_array:
        """Codes, or any other `values` of the entries, as (n_samples, n_components)."""
        values = self.means if values is None else values
        return sparse.csr_array(
            (values, self.indices, self.starts), shape=(len(self), self.n_components)
        )

    def codes(self) -> NDArray[np.float64]:
        """Posterior means, zero where a source is absent, (n_samples, n_components)."""
        codes = np.zeros((len(self), self.n_components))
        codes[self.samples, self.indices] = self.means
        return codes

    def counts(self) -> NDArray[np.float64]:
        """In how many samples each source is present."""
        return np.bincount(self.indices, minlength=self.n_components).astype(float)
