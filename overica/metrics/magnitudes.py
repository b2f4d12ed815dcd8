"""Do the learned codes have the sizes of the true ones?  Correlation, shrinkage, error.

Learned codes are first brought to the order, the signs and the units of the true ones by
`overica.metrics.Matching.align`: s_hat beside s below.  Shrinkage and magnitude error look only at
the *hits*, the samples in which a true feature and its match both fire, because misses and false
alarms are what `overica.metrics.recall` and `overica.metrics.precision` count.  They pool the hits
of all features, as the error of a reconstruction does, so that features with few hits add no
noise.

Chance is the expectation over all orders of the samples of the true codes: exactly 0 for the
correlation.  Shrinkage and magnitude error are ratios of sums over hits; their chance is the
ratio of the two expected sums, which is the expectation up to a relative error of order 1 / hits.

Every function takes ``(codes, codes_true, matching)``, as `overica.metrics.CodeMetric` says.
"""

import math
from typing import Any

import numpy as np

from overica.metrics.matching import Matching, paired_codes
from overica.metrics.words import described


@described(
    "code correlation",
    "Mean correlation between a true code and the one matched to it, over held-out samples.",
    group="codes",
)
def code_correlation(codes: Any, codes_true: Any, matching: Matching) -> float:
    """Mean Pearson correlation of the codes of matched features (the "MCC" of codes).

    ``1/n * sum_t corr(s_hat_t, s_t)`` over the n true features that vary.  A feature without a
    partner, or with a constant one, counts 0.  Features are matched by their directions, not by
    these correlations, and no absolute value is taken; both would raise the figure of random
    codes above 0.

    Parameters
    ----------
    codes, codes_true, matching
        As in `overica.metrics.CodeMetric`.

    Returns
    -------
    float
        In [-1, 1]; NaN if no true feature varies.

    Examples
    --------
    >>> code_correlation([[1.0], [2.0], [3.0]], [[0.0], [5.0], [10.0]], Matching.identity(1))
    1.0
    """
    S_hat, S, all_true = paired_codes(codes, codes_true, matching)
    n_varying = int((np.ptp(all_true, axis=0) > 0).sum())
    if n_varying == 0:
        return float("nan")
    D_hat, D = S_hat - S_hat.mean(axis=0), S - S.mean(axis=0)
    above = np.einsum("np,np->p", D_hat, D)
    below = np.sqrt(np.einsum("np,np->p", D_hat, D_hat) * np.einsum("np,np->p", D, D))
    # A constant column has no variance but that of rounding.
    varies = (np.ptp(S_hat, axis=0) > 0) & (np.ptp(S, axis=0) > 0)
    correlations = np.divide(above, below, out=np.zeros_like(above), where=varies & (below > 0))
    return float(np.clip(correlations, -1.0, 1.0).sum() / n_varying)


def code_correlation_by_chance(codes: Any, codes_true: Any, matching: Matching) -> float:
    """Expected `code_correlation` when the samples of the true codes are in random order: 0.

    Examples
    --------
    >>> code_correlation_by_chance([[1.0], [2.0]], [[3.0], [4.0]], Matching.identity(1))
    0.0
    """
    # NaN stays NaN where no true feature varies.
    return 0.0 * abs(code_correlation(codes, codes_true, matching))


@described(
    "shrinkage",
    "Slope of the learned on the true codes where both fire: 1 is none, .8 is a fifth lost.",
    group="codes",
    ideal=1.0,
)
def shrinkage(codes: Any, codes_true: Any, matching: Matching) -> float:
    """Slope of the learned on the true codes where both fire: 1 is none, .8 is a fifth lost.

    ``sum s_hat s / sum s^2`` over all hits, the least-squares slope through the origin.

    Parameters
    ----------
    codes, codes_true, matching
        As in `overica.metrics.CodeMetric`.

    Returns
    -------
    float
        Any real number; NaN if there are no hits.

    References
    ----------
    Wright and Sharkey (2024), "Addressing feature suppression in SAEs".

    Examples
    --------
    A miss does not count as shrinkage:

    >>> shrinkage([[0.8], [1.6], [0.0]], [[1.0], [2.0], [1.0]], Matching.identity(1))
    0.8
    """
    S_hat, S, _ = paired_codes(codes, codes_true, matching)
    return _ratio((S_hat * S).sum(), np.square(S[S_hat != 0]).sum())


def shrinkage_by_chance(codes: Any, codes_true: Any, matching: Matching) -> float:
    """`shrinkage` of unrelated codes.

    A learned and a true code meet in one of n_samples orders, so the expected sums are
    ``sum_p (sum s_hat)(sum s) / n_samples`` and ``sum_p n_hat sum s^2 / n_samples``, with n_hat
    the firings of the learned feature.

    Examples
    --------
    >>> shrinkage_by_chance([[1.0], [3.0]], [[1.0], [1.0]], Matching.identity(1))
    2.0
    """
    S_hat, S, _ = paired_codes(codes, codes_true, matching)
    products = S_hat.sum(axis=0) @ S.sum(axis=0)
    return _ratio(products, np.count_nonzero(S_hat, axis=0) @ np.square(S).sum(axis=0))


@described(
    "magnitude error",
    "Squared error of the codes where both fire, relative to the true ones.",
    group="codes",
    ideal=-math.inf,
)
def magnitude_error(codes: Any, codes_true: Any, matching: Matching) -> float:
    """Squared error of the codes where both fire, relative to the true ones.

    ``sum (s_hat - s)^2 / sum s^2`` over all hits.  With a `shrinkage` of b it is at least
    ``(1 - b)^2``; what exceeds that is scatter.

    Parameters
    ----------
    codes, codes_true, matching
        As in `overica.metrics.CodeMetric`.

    Returns
    -------
    float
        At least 0, which is best; NaN if there are no hits.

    Examples
    --------
    >>> codes, codes_true = [[0.8], [1.6], [0.0]], [[1.0], [2.0], [1.0]]
    >>> round(magnitude_error(codes, codes_true, Matching.identity(1)), 6)
    0.04
    """
    S_hat, S, _ = paired_codes(codes, codes_true, matching)
    hits = (S_hat != 0) & (S != 0)
    return _ratio(np.square(S_hat[hits] - S[hits]).sum(), np.square(S[hits]).sum())


def magnitude_error_by_chance(codes: Any, codes_true: Any, matching: Matching) -> float:
    """`magnitude_error` of unrelated codes, from the same expected sums as `shrinkage_by_chance`.

    Examples
    --------
    >>> magnitude_error_by_chance([[1.0], [3.0]], [[1.0], [1.0]], Matching.identity(1))
    2.0
    """
    S_hat, S, _ = paired_codes(codes, codes_true, matching)
    products = S_hat.sum(axis=0) @ S.sum(axis=0)
    squares_hat = np.count_nonzero(S, axis=0) @ np.square(S_hat).sum(axis=0)
    squares = np.count_nonzero(S_hat, axis=0) @ np.square(S).sum(axis=0)
    return _ratio(squares_hat - 2 * products + squares, squares)


def _ratio(above: float, below: float) -> float:
    return float(above / below) if below > 0 else float("nan")
