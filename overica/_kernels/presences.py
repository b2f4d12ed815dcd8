"""Which sources are there, under dependent presences: supports, codes and evidence, see ``src/presence.hpp``."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from overica._kernels import _core
from overica._kernels.threads import get_num_threads

__all__ = ["Found", "Graph", "find_presences"]

TOLERANCE = 1e-7
"""Nats that a move must bring; the logarithms by which candidates are compared are exact to 2e-8."""


class Graph(NamedTuple):
    """Unnormalised ``log p(b) = h'b + sum over edges {i, j} of J_ij b_i b_j``; each edge is listed at both its ends."""

    log_odds: NDArray[np.float64]
    """h, (n_components,)."""
    starts: NDArray[np.int64]
    """(n_components + 1,): the edges of j are ``starts[j]:starts[j + 1]``."""
    ends: NDArray[np.int32]
    """Their other ends."""
    couplings: NDArray[np.float64]
    """Their J."""


class Found(NamedTuple):
    """One support per sample, samples one after the other, and the Gaussian posterior of its codes."""

    starts: NDArray[np.int64]
    """(n_samples + 1,): sample i owns the entries ``starts[i]:starts[i + 1]``."""
    indices: NDArray[np.int32]
    """Which sources, in the order in which they were found."""
    means: NDArray[np.float64]
    variances: NDArray[np.float64]
    gain: NDArray[np.float64]
    """(n_samples,), ``log p(x, b)`` less that of the empty support."""
    second: NDArray[np.float64]
    """(n_components, n_components), the sum over samples of ``E[s s']``; empty if not asked for."""
    together: NDArray[np.float64]
    """(n_components, n_components), in how many samples both are present; empty if not asked for."""


def find_presences(
    A: NDArray,
    X: NDArray,
    slab_mean: NDArray,
    slab_variance: NDArray,
    noise_variance: float,
    graph: Graph,
    nonnegative: bool,
    *,
    capacity: int | None = None,
    swap_below: float | None = 12.0,
    misfit: float | None = None,
    known: tuple[NDArray, NDArray] | None = None,
    barred: NDArray | None = None,
    sums: bool = False,
) -> Found:
    """Supports that no single addition, removal or, among members of little weight, swap makes more probable.

    The model is ``x = A s + e``, ``e ~ N(0, noise_variance)``; where source j is present, ``s_j ~ N(slab_mean_j,
    slab_variance_j)``. Codes are integrated out in ``log p(x, b)``.

    Parameters
    ----------
    A : array (n_features, n_components)
    X : array (n_samples, n_features)
        float32 or float64; sums are in double in either case. Taken to be finite.
    slab_mean, slab_variance : array (n_components,)
    noise_variance : float
    graph : Graph
    nonnegative : bool
        Whether only supports count whose posterior means are not negative.
    capacity : int, optional
        The largest support, ``min(n_components, 64)`` by default.
    swap_below : float or None
        Swaps are tried of members whose presence brings fewer nats than this; None tries none.
    misfit : float, optional
        Samples with a chi-squared above this, ``n_features`` in the mean at the right supports, are searched again with
        more noise, less and less of it, and the better support stands. None leaves all as they are.
    known : tuple of arrays, optional
        `starts` and `indices` of supports to start from, as in `Found`.
    barred : array of int (n_samples,), optional
        For each sample a source that cannot be present in it.
    sums : bool
        Whether `second` and `together` are wanted.

    Returns
    -------
    Found

    Notes
    -----
    Results do not depend on the number of threads.

    Examples
    --------
    >>> import numpy as np
    >>> from overica._kernels import Graph, find_presences
    >>> alone = Graph(np.full(2, -2.0), np.zeros(3, np.int64), np.zeros(0, np.int32), np.zeros(0))
    >>> found = find_presences(
    ...     np.eye(2), np.array([[3.0, 0.1]]), np.ones(2), np.ones(2), 0.01, alone, True
    ... )
    >>> found.indices, found.means.round(2)
    (array([0], dtype=int32), array([2.98]))
    """
    A = np.ascontiguousarray(A, np.float64)
    X = np.ascontiguousarray(X, np.float32 if X.dtype == np.float32 else np.float64)
    n = A.shape[1]
    starts, indices = (None, None) if known is None else known
    return Found(
        *_core.presences(
            A,
            X,
            np.ascontiguousarray(slab_mean, np.float64),
            np.sqrt(np.ascontiguousarray(slab_variance, np.float64)),
            np.ascontiguousarray(graph.log_odds, np.float64),
            np.ascontiguousarray(graph.starts, np.int64),
            np.ascontiguousarray(graph.ends, np.int32),
            np.ascontiguousarray(graph.couplings, np.float64),
            float(np.sqrt(noise_variance)),
            bool(nonnegative),
            -np.inf if swap_below is None else float(swap_below),
            TOLERANCE,
            np.inf if misfit is None else float(misfit),
            min(n, 64) if capacity is None else min(n, int(capacity)),
            None if starts is None else np.ascontiguousarray(starts, np.int64),
            None if indices is None else np.ascontiguousarray(indices, np.int32),
            bool(sums),
            get_num_threads(),
            *() if barred is None else (np.ascontiguousarray(barred, np.int32),),
        )
    )
