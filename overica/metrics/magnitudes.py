"""Do the learned codes have the sizes of the true ones?  Correlation, shrinkage, error.

Learned codes are first brought to the order, the signs and the units of the true ones by
`overica.metrics.Matching.align`: s_hat beside s below.  Shrinkage and magnitude error look only at
the *hits*, the samples in which a true feature and its match both fire, because misses and false
alarms are what `overica.metrics.recall` and `overica.metrics.precision` count.

Chance is the expectation over all orders of the samples of the true codes: exactly 0 for the
correlation, whose sum of products is linear.  Shrinkage and magnitude error are ratios of sums over hits;
their chance is the ratio of the two expected sums, which is the expectation up to a relative
error of order 1 / hits.

Every function takes ``(codes, codes_true, matching)``, as `overica.metrics.CodeMetric` says.
"""

from typing import Any

import numpy as np

from overica.metrics.arrays import as_matrix
from overica.metrics.matching import Matching


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
    S_hat, S, all_true = _align(codes, codes_true, matching)
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
    return 0.0 * code_correlation(codes, codes_true, matching)


def shrinkage(codes: Any, codes_true: Any, matching: Matching) -> float:
    """Slope of the learned on the true codes where both fire: 1 is none, .8 is a fifth lost.

    ``sum s_hat s / sum s^2`` over a feature's hits, the least-squares slope through the origin;
    then the mean over the features that have hits.

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
    S_hat, S, _ = _align(codes, codes_true, matching)
    hits = S_hat != 0
    return _mean_ratio(
        np.einsum("np,np->p", S_hat, S), np.einsum("np,np,np->p", S, S, hits.astype(float))
    )


def shrinkage_by_chance(codes: Any, codes_true: Any, matching: Matching) -> float:
    """`shrinkage` of unrelated codes: ``mean(s_hat) mean(s) / mean(s^2)``, over firings.

    Examples
    --------
    >>> shrinkage_by_chance([[1.0], [3.0]], [[1.0], [1.0]], Matching.identity(1))
    2.0
    """
    first, _, true_first, true_second = _moments(codes, codes_true, matching)
    return _mean_ratio(first * true_first, true_second)


def magnitude_error(codes: Any, codes_true: Any, matching: Matching) -> float:
    """Squared error of the codes where both fire, relative to the true ones.

    ``sum (s_hat - s)^2 / sum s^2`` over a feature's hits, then the mean over the features that
    have hits.  With a `shrinkage` of b it is at least ``(1 - b)^2`` for a single feature; what
    exceeds that is scatter.

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
    >>> round(
    ...     magnitude_error([[0.8], [1.6], [0.0]], [[1.0], [2.0], [1.0]], Matching.identity(1)), 6
    ... )
    0.04
    """
    S_hat, S, _ = _align(codes, codes_true, matching)
    hits = ((S_hat != 0) & (S != 0)).astype(float)
    return _mean_ratio(
        np.einsum("np,np->p", (S_hat - S) ** 2, hits), np.einsum("np,np->p", S**2, hits)
    )


def magnitude_error_by_chance(codes: Any, codes_true: Any, matching: Matching) -> float:
    """`magnitude_error` of unrelated codes, from the first two moments of both over firings.

    ``(mean(s_hat^2) - 2 mean(s_hat) mean(s) + mean(s^2)) / mean(s^2)``.

    Examples
    --------
    >>> magnitude_error_by_chance([[1.0], [3.0]], [[1.0], [1.0]], Matching.identity(1))
    2.0
    """
    first, second, true_first, true_second = _moments(codes, codes_true, matching)
    # A partner that never fires has no hits.
    return _mean_ratio(second - 2 * first * true_first + true_second, true_second)


def _align(
    codes: Any, codes_true: Any, matching: Matching
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    S = as_matrix(codes_true, "codes_true", "n_samples", "n_true")
    S_hat = as_matrix(codes, "codes", "n_samples", "n_learned", length=len(S))
    return matching.align(S_hat), S[:, matching.true_index], S


def _moments(codes: Any, codes_true: Any, matching: Matching) -> np.ndarray:
    """First and second moments over firings, learned then true; of features where both fire."""
    moments = []
    for values in _align(codes, codes_true, matching)[:2]:
        firings = (values != 0).sum(axis=0)
        for power in (values, values**2):
            mean = np.divide(
                power.sum(axis=0), firings, out=np.full(firings.shape, np.nan), where=firings > 0
            )
            moments.append(mean)
    table = np.array(moments)
    return table[:, np.isfinite(table).all(axis=0)]


def _mean_ratio(above: np.ndarray, below: np.ndarray) -> float:
    defined = below > 0
    return float((above[defined] / below[defined]).mean()) if defined.any() else float("nan")
