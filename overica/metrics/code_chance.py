"""What metrics of codes and of the fit give by chance, for the codes at hand."""

from typing import Any

import numpy as np

from overica._deprecation import renamed_keyword
from overica._validation import check_choice, check_scalar
from overica.coding import Dictionary, orthogonal_matching_pursuit
from overica.metrics.arrays import as_matrix
from overica.metrics.matching import Matching
from overica.metrics.registry import CODE_CHANCE, CODE_METRICS, FIT_METRICS, CodeMetric
from overica.random_state import generator

# Multiplications that the random dictionaries of one fit may cost; a tenth of a second or two.
_BUDGET = 1.2e8
_FEWEST_ROWS = 64


def code_chance(
    metric: str | CodeMetric,
    codes: Any,
    codes_true: Any,
    matching: Matching,
    *,
    n_shuffles: int = 8,
    random_state: int | np.random.Generator | None = None,
) -> float:
    """Expected figure of the same codes beside true codes whose samples are in random order.

    Each feature keeps how often and how strongly it fires; that learned and true codes belong to
    the same samples is destroyed.  `CODE_CHANCE` has the expectation in closed form for the metrics of
    `CODE_METRICS`; of another metric the mean over `n_shuffles` orders is returned.

    Parameters
    ----------
    metric : str or callable
        A name of `CODE_METRICS`, or any ``score(codes, codes_true, matching)``.
    codes, codes_true, matching
        As in `overica.metrics.CodeMetric`.
    n_shuffles : int
        Orders drawn where there is no closed form.
    random_state : None, int or numpy.random.Generator
        Source of the orders.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the name is unknown, `n_shuffles` is below 1, or the codes do not fit together.

    Examples
    --------
    A feature that is on in half of the samples is met by half of any other's firings:

    >>> S = [[1.0], [0.0], [2.0], [0.0]]
    >>> code_chance("precision", S, S, Matching.identity(1))
    0.5
    """
    if not callable(metric):
        name = check_choice(metric, "metric", CODE_METRICS)
        if name in CODE_CHANCE:
            return CODE_CHANCE[name](codes, codes_true, matching)
        metric = CODE_METRICS[name]
    n_shuffles = check_scalar(n_shuffles, "n_shuffles", minimum=1, integer=True)
    rng = generator(random_state)
    S = as_matrix(codes_true, "codes_true", "n_samples", "n_true")
    return float(
        np.mean([metric(codes, S[rng.permutation(len(S))], matching) for _ in range(n_shuffles)])
    )


@renamed_keyword("signed", "nonnegative")
def fit_chance(
    X: Any,
    codes: Any,
    nonnegative: bool = False,
    *,
    n_draws: int = 8,
    random_state: int | np.random.Generator | None = None,
) -> dict[str, float]:
    """Mean of every metric of the fit over random dictionaries with the same numbers of codes.

    A draw has as many random directions as there are codes, and gives each sample, less the mean
    of all, as many non-zero codes as `codes` has there, at most n_features, by orthogonal
    matching pursuit.  With n_features codes of both signs any dictionary explains everything.

    Where the pursuit of all samples would take long, each draw takes a random part of them; then
    the chance of `dead_share` is a little high.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Samples.
    codes : array-like of shape (n_samples, n_components)
        Learned codes; only which of them are zero is used.
    nonnegative : bool
        Whether codes cannot be negative.
    n_draws : int
        Random dictionaries.
    random_state : None, int or numpy.random.Generator
        Source of the dictionaries and samples.

    Returns
    -------
    dict of str to float
        For each name of `FIT_METRICS`.

    Raises
    ------
    ValueError
        If the arrays do not fit together or `n_draws` is below 1.

    Examples
    --------
    With two codes in the plane nothing is left to explain:

    >>> X = np.random.default_rng(0).standard_normal((50, 2))
    >>> round(fit_chance(X, np.ones((50, 3)), random_state=0)["explained_variance"], 6)
    1.0
    """
    X = as_matrix(X, "X", "n_samples", "n_features")
    S = as_matrix(codes, "codes", "n_samples", "n_components", length=len(X))
    n_draws = check_scalar(n_draws, "n_draws", minimum=1, integer=True)
    rng = generator(random_state)
    n_features, n_components = X.shape[1], S.shape[1]
    n_active = np.minimum(np.count_nonzero(S, axis=1), min(n_features, n_components))
    mean = X.mean(axis=0)

    steps = float(n_active.mean()) + 1.0
    cost = steps * n_features * (n_components + steps) + 20 * steps * n_components
    n_rows = int(np.clip(_BUDGET / (n_draws * cost), _FEWEST_ROWS, len(X)))
    totals = dict.fromkeys(FIT_METRICS, 0.0)
    for _ in range(n_draws):
        rows = rng.permutation(len(X))[:n_rows]
        random = Dictionary.of_rows(rng.standard_normal((n_features, n_components)).T, mean)
        drawn = orthogonal_matching_pursuit(
            random, X[rows], n_active[rows], nonnegative=nonnegative
        )
        X_hat = random.decode(drawn)
        for name, score in FIT_METRICS.items():
            totals[name] += score(X[rows], X_hat, drawn) / n_draws
    return totals
