"""Do the learned features fire when the true ones do?  Precision, recall and F1, feature by feature.

A feature fires in a sample if its code there is not zero; what an iterative solver leaves at 1e-9
fires too.  With TP the samples in which a true feature and the learned one matched to it both
fire, ``precision = TP / learned firings``, ``recall = TP / true firings`` and
``F1 = 2 TP / (learned + true firings)``, the harmonic mean of the two.  The figures are means
over the true features that fire at all.  A true feature without a partner, or with one that never
fires, counts 0 in all three; a learned feature without a partner is in none of them, and is seen
by `mean_max_cosine`.

Chance is the expectation over all orders of the samples of the true codes, the learned codes
staying as they are.  TP is then hypergeometric, with mean ``learned * true firings / n_samples``,
and all three are linear in it, so the expectation is exact: precision becomes the true feature's
rate of firing, recall the learned one's.

Every function takes ``(codes, codes_true, matching)``, as `overica.metrics.CodeMetric` says.

References
----------
The F1 of matched features is SynthSAEBench's measure of feature recovery, and scikit-learn's of
a classifier (`sklearn.metrics.precision_recall_fscore_support`, ``zero_division=0``).
"""

from typing import Any, NamedTuple

import numpy as np

from overica.metrics.matching import Matching, paired_codes
from overica.metrics.words import described


@described(
    "precision",
    "Share of the firings of a learned code that are true firings.",
    group="codes",
)
def precision(codes: Any, codes_true: Any, matching: Matching) -> float:
    """Share of a learned feature's firings in which its true feature fires too.

    Parameters
    ----------
    codes, codes_true, matching
        As in `overica.metrics.CodeMetric`.

    Returns
    -------
    float
        In [0, 1]; NaN if no true feature fires.

    Examples
    --------
    >>> truth = Matching.identity(1)
    >>> precision([[1.0], [2.0]], [[1.0], [0.0]], truth)
    0.5
    """
    n = _count(codes, codes_true, matching)
    return _mean(n.both, n.learned, n)


@described(
    "recall",
    "Share of the true firings that the learned code has.",
    group="codes",
)
def recall(codes: Any, codes_true: Any, matching: Matching) -> float:
    """Share of a true feature's firings in which its learned feature fires too.

    Parameters
    ----------
    codes, codes_true, matching
        As in `overica.metrics.CodeMetric`.

    Returns
    -------
    float
        In [0, 1]; NaN if no true feature fires.

    Examples
    --------
    >>> recall([[1.0], [2.0]], [[1.0], [0.0]], Matching.identity(1))
    1.0
    """
    n = _count(codes, codes_true, matching)
    return _mean(n.both, n.true, n)


@described(
    "F1",
    "Harmonic mean of precision and recall of firing.",
    group="codes",
)
def f1(codes: Any, codes_true: Any, matching: Matching) -> float:
    """Harmonic mean of a feature's precision and recall, averaged over features.

    Parameters
    ----------
    codes, codes_true, matching
        As in `overica.metrics.CodeMetric`.

    Returns
    -------
    float
        In [0, 1]; NaN if no true feature fires.

    Examples
    --------
    >>> round(f1([[1.0], [2.0]], [[1.0], [0.0]], Matching.identity(1)), 3)
    0.667
    """
    n = _count(codes, codes_true, matching)
    return _mean(2 * n.both, n.learned + n.true, n)


def precision_by_chance(codes: Any, codes_true: Any, matching: Matching) -> float:
    """Expected `precision` when the samples of the true codes are in random order.

    Examples
    --------
    >>> precision_by_chance([[1.0], [2.0]], [[1.0], [0.0]], Matching.identity(1))
    0.5
    """
    n = _count(codes, codes_true, matching)
    return _mean(n.by_chance, n.learned, n)


def recall_by_chance(codes: Any, codes_true: Any, matching: Matching) -> float:
    """Expected `recall` when the samples of the true codes are in random order.

    Examples
    --------
    >>> recall_by_chance([[1.0], [0.0]], [[1.0], [1.0]], Matching.identity(1))
    0.5
    """
    n = _count(codes, codes_true, matching)
    return _mean(n.by_chance, n.true, n)


def f1_by_chance(codes: Any, codes_true: Any, matching: Matching) -> float:
    """Expected `f1` when the samples of the true codes are in random order.

    Examples
    --------
    >>> f1_by_chance([[1.0], [0.0]], [[1.0], [0.0]], Matching.identity(1))
    0.5
    """
    n = _count(codes, codes_true, matching)
    return _mean(2 * n.by_chance, n.learned + n.true, n)


class _Firings(NamedTuple):
    learned: np.ndarray
    true: np.ndarray
    both: np.ndarray
    by_chance: np.ndarray
    n_firing: int
    """True features that fire, matched or not."""


def _count(codes: Any, codes_true: Any, matching: Matching) -> _Firings:
    aligned, matched, S = paired_codes(codes, codes_true, matching)
    fires, fires_true = aligned != 0, matched != 0
    learned, true = fires.sum(axis=0), fires_true.sum(axis=0)
    return _Firings(
        learned=learned,
        true=true,
        both=(fires & fires_true).sum(axis=0),
        by_chance=learned * true / len(S),
        n_firing=int(S.any(axis=0).sum()),
    )


def _mean(above: np.ndarray, below: np.ndarray, n: _Firings) -> float:
    if n.n_firing == 0:
        return float("nan")
    counted = below > 0
    return float((above[counted] / below[counted]).sum() / n.n_firing)
