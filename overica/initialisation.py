"""Where a fit starts: mixing matrices that leave no part of the data without a column."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from overica._validation import check_choice
from overica.ranges import unit_columns

__all__ = ["INITIALISATIONS", "start_mixing", "unreached"]

Start = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]
"""(X, n_components, rng) -> unit columns, (n_features, n_components)."""

_REACHED = 1e-3
"""Smallest cosine of a sample with its nearest column at which the column can come to explain it."""


def orthogonal(X: np.ndarray, n_components: int, rng: np.random.Generator) -> np.ndarray:
    """Random columns, as orthogonal as their number allows: the rows of A are orthonormal before normalising.

    The nearest (semi-)orthogonal matrix ``U V'`` to a Gaussian one, columns scaled to unit norm.
    """
    A = rng.standard_normal((X.shape[1], n_components))
    U, _, Vt = np.linalg.svd(A, full_matrices=False)
    return unit_columns(U @ Vt)


def low_coherence(X: np.ndarray, n_components: int, rng: np.random.Generator) -> np.ndarray:
    """Columns whose largest mutual cosine is low, by alternating projection.

    In turn the off-diagonal of the Gram matrix is clipped to slightly above the Welch bound
    ``sqrt((n - m) / (m (n - 1)))`` and the result is projected to rank m (Tropp, Dhillon, Heath and Strohmer,
    2005, "Designing structured tight frames via an alternating projection method", section 4).
    """
    n_features = X.shape[1]
    A = orthogonal(X, n_components, rng)
    if n_components <= n_features:
        return A
    bound = np.sqrt((n_components - n_features) / (n_features * max(n_components - 1, 1)))
    for _ in range(100):
        gram = np.clip(A.T @ A, -1.1 * bound, 1.1 * bound)
        np.fill_diagonal(gram, 1.0)
        values, vectors = np.linalg.eigh(gram)
        A = unit_columns(
            (vectors[:, -n_features:] * np.sqrt(np.maximum(values[-n_features:], 0))).T
        )
    # The projection fixes A up to a rotation, which is drawn at random.
    rotation = np.linalg.qr(rng.standard_normal((n_features, n_features)))[0]
    return rotation @ A


def data(X: np.ndarray, n_components: int, rng: np.random.Generator) -> np.ndarray:
    """Directions of samples drawn at random, longer ones more often; random directions once samples run out."""
    energy = (X**2).sum(axis=1)
    usable = np.flatnonzero(energy > 0)
    count = min(n_components, usable.size)
    chosen = rng.choice(usable, count, replace=False, p=energy[usable] / energy[usable].sum())
    A = unit_columns(X[chosen].T)
    if count < n_components:
        A = np.hstack([A, orthogonal(X, n_components - count, rng)])
    return A


INITIALISATIONS: dict[str, Start] = {
    "orthogonal": orthogonal,
    "low_coherence": low_coherence,
    "data": data,
}
"""Starts by name."""


def start_mixing(
    init: str | np.ndarray,
    X: np.ndarray,
    n_components: int,
    rng: np.random.Generator,
    nonnegative: bool,
) -> np.ndarray:
    """A start for samples `X`, (n_features, n_components).

    Non-negative sources reach a sample only through a column within 90 degrees of it, and what no column
    reaches is never learned. A drawn start is therefore mended until it reaches all samples (or columns run
    out); a given one must reach them.

    Parameters
    ----------
    init : str or array (n_features, n_components)
        A name of `INITIALISATIONS`, or the start itself.
    X : array (n_samples, n_features)
    n_components : int
    rng : numpy.random.Generator
    nonnegative : bool
        Whether sources are never negative.

    Returns
    -------
    array (n_features, n_components)

    Raises
    ------
    ValueError
        If the name is unknown, or a given matrix has the wrong shape, a zero or duplicated column, is not
        finite, or (non-negative sources) leaves more than a hundredth of the samples' energy unreached.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> A = start_mixing("orthogonal", rng.laplace(size=(50, 2)), 3, rng, nonnegative=False)
    >>> A.shape, np.linalg.norm(A, axis=0).round(6)
    ((2, 3), array([1., 1., 1.]))
    """
    if isinstance(init, str):
        A = INITIALISATIONS[check_choice(init, "init", INITIALISATIONS)](X, n_components, rng)
        return _mend(A, X) if nonnegative else A
    return _check_given(init, X, n_components, nonnegative)


def unreached(A: np.ndarray, X: np.ndarray) -> np.ndarray:
    """Which samples no column of `A` is within 90 degrees of, (n_samples,); zero samples need none.

    Parameters
    ----------
    A : array (n_features, n_components)
    X : array (n_samples, n_features)

    Returns
    -------
    array (n_samples,) of bool

    Examples
    --------
    >>> unreached(np.eye(2), np.array([[1.0, -1.0], [-1.0, -1.0], [0.0, 0.0]]))
    array([False,  True, False])
    """
    length = np.linalg.norm(X, axis=1)
    return ((X @ unit_columns(A)).max(axis=1) < _REACHED * length) & (length > 0)


def _mend(A: np.ndarray, X: np.ndarray) -> np.ndarray:
    """Point columns at unreached samples, always the column that has the nearest neighbour."""
    A = A.copy()
    for _ in range(A.shape[1]):
        missing = np.flatnonzero(unreached(A, X))
        if missing.size == 0:
            break
        farthest = missing[np.argmax((X[missing] ** 2).sum(axis=1))]
        cosines = A.T @ A - 2 * np.eye(A.shape[1])
        A[:, np.argmax(cosines.max(axis=0))] = X[farthest] / np.linalg.norm(X[farthest])
    return A


def check_start(init: object, n_features: int, n_components: int) -> np.ndarray:
    """A given start as a matrix with as many finite columns, none of them zero, as are wanted.

    Raises
    ------
    ValueError
        If it is something else.
    """
    A = np.array(init, dtype=np.float64)
    expected = (n_features, n_components)
    if A.shape != expected:
        raise ValueError(
            f"`init` must have shape (n_features, n_components) = {expected}, got {A.shape}"
        )
    if not np.all(np.isfinite(A)):
        raise ValueError("`init` must be finite, got NaN or infinite entries")
    largest = np.abs(A).max(axis=0)
    if not largest.all():
        raise ValueError(
            f"`init` must have no zero column, got zero at column {np.argmin(largest)}"
        )
    return A


def _check_given(init: object, X: np.ndarray, n_components: int, nonnegative: bool) -> np.ndarray:
    A = check_start(init, X.shape[1], n_components)
    cosines = unit_columns(A).T @ unit_columns(A)
    cosines = np.triu(cosines if nonnegative else np.abs(cosines), 1)
    if cosines.max(initial=0.0) > 1 - 1e-12:
        i, j = np.unravel_index(np.argmax(cosines), cosines.shape)
        raise ValueError(
            f"`init` must not repeat a direction, since equal columns stay equal; got columns {i} and {j} parallel"
        )
    if nonnegative:
        energy = (X**2).sum(axis=1)
        share = energy[unreached(A, X)].sum() / max(energy.sum(), np.finfo(float).tiny)
        if share > 0.01:
            raise ValueError(
                "`init` must reach all samples: with a non-negative prior each needs a column within 90 degrees; "
                f"got a matrix that leaves {100 * share:.0f} % of the energy of `X` unreached"
            )
    return A
