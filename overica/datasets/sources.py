"""Source distributions of the synthetic mixtures: a magnitude law times an on-off gate."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np


class _Sampler(Protocol):
    def __call__(self, rng: np.random.Generator, size: tuple[int, ...]) -> np.ndarray: ...


@dataclass(frozen=True)
class SourceLaw:
    """Independent sources ``s = b v``, with ``b`` Bernoulli and ``v`` from a continuous law.

    Parameters are documented below each field.  A new law is one line in `SOURCES`.

    Examples
    --------
    >>> import numpy as np
    >>> half = SourceLaw(lambda rng, size: rng.uniform(size=size), nonnegative=True)
    >>> S = half.sample(np.random.default_rng(0), (1000, 3), probability=0.5)
    >>> bool(abs((S > 0).mean() - 0.5) < 0.03)
    True
    """

    sampler: _Sampler
    """Draws ``v`` as ``sampler(rng, size=...)``."""
    nonnegative: bool
    """Whether ``v >= 0`` always."""
    probability: float | None = 1.0
    """Usual probability of ``b = 1``; None where the law says nothing without one."""

    def sample(
        self, rng: np.random.Generator, shape: tuple[int, int], probability: float
    ) -> np.ndarray:
        """Draw codes of shape (n_samples, n_components)."""
        values = self.sampler(rng, size=shape)
        if probability < 1:
            values *= rng.random(shape) < probability
        return values


def _laplace(rng: np.random.Generator, size: tuple[int, ...]) -> np.ndarray:
    return rng.laplace(size=size)


def _exponential(rng: np.random.Generator, size: tuple[int, ...]) -> np.ndarray:
    return rng.exponential(size=size)


SOURCES: dict[str, SourceLaw] = {
    "laplace": SourceLaw(_laplace, nonnegative=False),
    "exponential": SourceLaw(_exponential, nonnegative=True),
    "bernoulli_laplace": SourceLaw(_laplace, nonnegative=False, probability=0.3),
    "sparse_laplace": SourceLaw(_laplace, nonnegative=False, probability=None),
    "sparse_exponential": SourceLaw(_exponential, nonnegative=True, probability=None),
}
"""Laws by name, for `make_mixture`; those with a probability of None take it from `n_active`."""
