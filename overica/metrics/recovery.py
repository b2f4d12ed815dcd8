"""Scores of a learned mixing matrix against the true one, by the cosines of their columns.

All take ``(mixing_a, mixing_true, nonnegative=False)`` as `overica.metrics.match_components` does, and
raise what it raises.
"""

import numpy as np
from numpy.typing import ArrayLike

from overica._deprecation import renamed_keyword
from overica.metrics.matching import cosine_matrix, match_components
from overica.metrics.words import described


@renamed_keyword("signed", "nonnegative")
@described(
    "mean cosine",
    "Mean cosine between each true direction and the learned one matched to it, one to one; a "
    "true direction without a match counts 0.",
    group="directions",
)
def mean_cosine(mixing_a: ArrayLike, mixing_true: ArrayLike, nonnegative: bool = False) -> float:
    """Mean cosine of the matched columns, over all true columns (the mean correlation, MCC).

    ``1/n_true * sum_p |cos(a_l(p), b_t(p))|`` for the best one-to-one matching.  A true column
    that is left over, because fewer were learned, counts 0.

    Parameters
    ----------
    mixing_a, mixing_true, nonnegative
        As in `match_components`.

    Returns
    -------
    float
        In [0, 1]; in [-1, 1] if `nonnegative`.

    Examples
    --------
    >>> mean_cosine([[3.0, 0.0], [4.0, -1.0]], [[1.0, 0.0], [0.0, 1.0]])
    0.8
    """
    matching = match_components(mixing_a, mixing_true, nonnegative)
    return float(matching.cosines.sum() / matching.n_true)


@renamed_keyword("signed", "nonnegative")
@described(
    "share recovered",
    "Share of the true directions whose one-to-one match has a cosine of at least .98.",
    group="directions",
)
def share_recovered(
    mixing_a: ArrayLike,
    mixing_true: ArrayLike,
    nonnegative: bool = False,
    *,
    threshold: float = 0.98,
) -> float:
    """Share of the true columns whose match has a cosine of at least `threshold`.

    Parameters
    ----------
    mixing_a, mixing_true, nonnegative
        As in `match_components`.
    threshold : float
        In (0, 1]; .98 is an angle of 11.5 degrees.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ValueError
        If `threshold` is outside (0, 1], besides what `match_components` raises.

    Examples
    --------
    >>> share_recovered([[1.0, 0.6], [0.0, 0.8]], [[1.0, 0.0], [0.0, 1.0]])
    0.5
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"`threshold` must be in (0, 1], got {threshold}")
    matching = match_components(mixing_a, mixing_true, nonnegative)
    # A cosine of 1 comes out of the arithmetic a few units in the last place below it.
    recovered = matching.cosines >= threshold - 4 * np.finfo(np.float64).eps
    return float(recovered.sum() / matching.n_true)


@renamed_keyword("signed", "nonnegative")
@described(
    "MMCS (precision)",
    "Mean over the learned directions of the largest cosine with any true one: are the learned "
    "directions true?",
    group="directions",
)
def mean_max_cosine(
    mixing_a: ArrayLike, mixing_true: ArrayLike, nonnegative: bool = False
) -> float:
    """Mean, over the learned columns, of the largest cosine with any true column (MMCS).

    ``1/n_learned * sum_i max_j |cos(a_i, b_j)|``.  Nothing stops several learned columns from
    sharing a true one, so duplicates cost nothing and missing columns go unseen: a precision
    where `mean_max_cosine_recall` is the recall.

    Parameters
    ----------
    mixing_a, mixing_true, nonnegative
        As in `match_components`.

    Returns
    -------
    float
        In [0, 1]; in [-1, 1] if `nonnegative`.

    References
    ----------
    Sharkey, Braun and Millidge (2022), "Taking features out of superposition with sparse
    autoencoders".

    Examples
    --------
    >>> mean_max_cosine([[1.0, 2.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]])
    1.0
    """
    cosines = cosine_matrix(mixing_a, mixing_true)
    return float((cosines if nonnegative else np.abs(cosines)).max(axis=1).mean())


@renamed_keyword("signed", "nonnegative")
@described(
    "MMCS (recall)",
    "Mean over the true directions of the largest cosine with any learned one: are the true "
    "directions found?",
    group="directions",
)
def mean_max_cosine_recall(
    mixing_a: ArrayLike, mixing_true: ArrayLike, nonnegative: bool = False
) -> float:
    """Mean, over the true columns, of the largest cosine with any learned column.

    ``1/n_true * sum_j max_i |cos(a_i, b_j)|``: `mean_max_cosine` with the matrices exchanged.
    Surplus learned columns cost nothing, and one learned column may serve several true ones, so
    it is never below `mean_cosine`.

    Parameters
    ----------
    mixing_a, mixing_true, nonnegative
        As in `match_components`.

    Returns
    -------
    float
        In [0, 1]; in [-1, 1] if `nonnegative`.

    References
    ----------
    As `mean_max_cosine`.

    Examples
    --------
    >>> mean_max_cosine_recall([[1.0, 2.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]])
    0.5
    """
    cosines = cosine_matrix(mixing_a, mixing_true)
    return float((cosines if nonnegative else np.abs(cosines)).max(axis=0).mean())
