"""How close each learned feature is to its nearest one, beside random directions."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from overica._deprecation import renamed_keyword
from overica._validation import check_scalar
from overica.metrics.arrays import as_matrix
from overica.metrics.matching import cosine_matrix
from overica.random_state import generator


class MaxCosineHistogram(NamedTuple):
    """Counts of columns by their largest cosine.

    Examples
    --------
    >>> counts = max_cosine_histogram(np.eye(3), np.eye(3), random_state=0)
    >>> counts.learned.sum(), int(counts.learned[-1]), len(counts.edges)
    (np.int64(3), 3, 21)
    """

    edges: np.ndarray
    """(n_bins + 1,) ascending: over [0, 1], or [-1, 1] if signs count."""
    learned: np.ndarray
    """(n_bins,) numbers of learned columns; they sum to n_learned."""
    random: np.ndarray
    """(n_bins,) expected numbers for as many random directions, fractional; the same sum."""


@renamed_keyword("signed", "nonnegative")
def max_cosine_histogram(
    mixing_a: ArrayLike,
    mixing_true: ArrayLike | None = None,
    nonnegative: bool = False,
    *,
    rank: int = 1,
    n_bins: int = 20,
    n_draws: int = 20,
    random_state: int | np.random.Generator | None = None,
) -> MaxCosineHistogram:
    """Histogram of ``max_j |cos(a_i, b_j)|`` over the learned columns, learned beside random.

    Or, with `rank` r, of the r-th largest of these cosines: clusters of more than r columns show there too.

    Against the true columns b it shows how many features are found, and how the others lie.
    Without them each learned column is held against the nearest *other* learned one: features
    split over several columns then stand to the right of what random directions give.

    Parameters
    ----------
    mixing_a : array-like of shape (n_features, n_learned)
        Learned directions, in columns.
    mixing_true : array-like of shape (n_features, n_true), optional
        True directions; None compares the learned ones with each other, of which there must
        then be two.
    nonnegative : bool
        Whether codes cannot be negative, so that a column and its negative differ.
    rank : int
        1 for the largest cosine of each column, 2 for the second largest and so on; at most as
        many as there are columns to compare with.
    n_bins : int
        Bins of equal width.
    n_draws : int
        Random matrices of the learned one's shape, columns uniform on the sphere, whose counts
        are averaged; they are held against the same `mixing_true`.
    random_state : None, int or numpy.random.Generator
        Source of the random matrices.

    Returns
    -------
    MaxCosineHistogram

    Raises
    ------
    ValueError
        If a matrix is not finite, their numbers of rows differ, a count is below 1, a single
        learned column has nothing to be compared with, or `rank` is too large.

    References
    ----------
    The comparison within a dictionary is the one shown in the discussion of Till (2024), "Do
    sparse autoencoders find 'true features'?".

    Examples
    --------
    >>> truth = np.eye(16)
    >>> histogram = max_cosine_histogram(truth[:, :12], truth, n_bins=4, random_state=0)
    >>> histogram.learned
    array([ 0,  0,  0, 12])
    >>> bool(histogram.random[3] < 2)
    True
    """
    A = as_matrix(mixing_a, "mixing_a", "n_features", "n_learned")
    n_bins = check_scalar(n_bins, "n_bins", minimum=1, integer=True)
    n_draws = check_scalar(n_draws, "n_draws", minimum=1, integer=True)
    if mixing_true is None and A.shape[1] < 2:
        raise ValueError(
            "`mixing_a` must have at least 2 columns where `mixing_true` is None, got 1"
        )
    others = A.shape[1] - 1 if mixing_true is None else np.shape(mixing_true)[1]
    rank = check_scalar(rank, "rank", minimum=1, integer=True)
    if rank > others:
        raise ValueError(
            f"`rank` must be at most {others}, the columns to compare with, got {rank}"
        )
    rng = generator(random_state)
    edges = np.linspace(-1.0 if nonnegative else 0.0, 1.0, n_bins + 1)

    def count(M: np.ndarray) -> np.ndarray:
        return np.histogram(_nearest(M, mixing_true, nonnegative, rank), edges)[0]

    random = np.mean([count(rng.standard_normal(A.shape)) for _ in range(n_draws)], axis=0)
    return MaxCosineHistogram(edges, count(A), random)


def _nearest(
    A: np.ndarray, mixing_true: ArrayLike | None, nonnegative: bool, rank: int
) -> np.ndarray:
    cosines = cosine_matrix(A, A if mixing_true is None else mixing_true)
    if not nonnegative:
        np.abs(cosines, out=cosines)
    if mixing_true is None:
        np.fill_diagonal(cosines, -np.inf)
    return np.asarray(np.partition(cosines, -rank, axis=1)[:, -rank])
