"""Gibbs sweeps of the posterior under a spike and a slab, see ``src/gibbs.hpp``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from overica._kernels import _core
from overica._kernels.threads import get_num_threads

__all__ = ["anneal", "follow"]


def anneal(
    atoms: NDArray,
    X: NDArray,
    presence: NDArray,
    sigma2: float,
    nonnegative: bool,
    seeds: NDArray[np.uint64],
    schedule: NDArray,
) -> NDArray[np.float64]:
    """Log weights of one chain of annealed importance sampling per sample, (n_samples,).

    `atoms` is (n_components, n_features), `schedule` the powers of the likelihood from 0 to 1; every sample has a seed.
    """
    return _core.anneal(
        atoms, X, presence, float(sigma2), bool(nonnegative), seeds, schedule, get_num_threads()
    )


def follow(
    atoms: NDArray,
    X: NDArray,
    presence: NDArray,
    sigma2: float,
    nonnegative: bool,
    seeds: NDArray[np.uint64],
    codes: NDArray,
    n_sweeps: int,
) -> NDArray[np.float64]:
    """Codes after some sweeps at the full likelihood, from the codes given, (n_samples, n_components)."""
    out = np.array(codes, np.float64, order="C")
    _core.follow(
        atoms, X, presence, float(sigma2), bool(nonnegative), seeds, out, n_sweeps, get_num_threads()
    )  # fmt: skip
    return out
