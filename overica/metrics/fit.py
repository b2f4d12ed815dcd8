"""How well and how sparsely codes describe the samples; no truth is needed.

Every function takes ``(X, X_hat, codes)``, as `overica.metrics.FitMetric` says.
"""

import math
from typing import Any

import numpy as np

from overica.metrics.arrays import as_matrix
from overica.metrics.words import described


@described(
    "explained variance",
    "1 minus the squared error of the reconstruction over the variance of held-out samples.",
    group="fit",
)
def explained_variance(X: Any, X_hat: Any, codes: Any = None) -> float:
    """Share of the variance of the samples that the reconstruction explains.

    ``1 - sum_nf (x_nf - xhat_nf)^2 / sum_nf (x_nf - mean_f)^2``: one sum over all samples and
    features above and one below.  The constant reconstruction ``mean`` scores 0.

    Other figures go by the same name, and mislead where they differ:

    - ``1 - |X - X_hat|^2 / |X|^2``, without the mean, credits a model with the mean of the data
      (SAELens, issue 659);
    - the mean over samples of each sample's ``1 - |x - xhat|^2 / |x - mean|^2`` lets samples
      near the mean decide (SAEBench, pull request 61);
    - ``1 - var(X - X_hat) / var(X)``, as scikit-learn's `explained_variance_score`, does not see
      a reconstruction that is off by a constant;
    - the mean over features of each feature's share lets a feature of hardly any variance
      decide.

    It equals scikit-learn's ``r2_score(X, X_hat, multioutput="variance_weighted")`` unless a
    feature is constant; the errors there count here and not there.

    Parameters
    ----------
    X, X_hat, codes
        As in `overica.metrics.FitMetric`; `codes` are not used.

    Returns
    -------
    float
        At most 1; NaN if the samples do not vary.

    Examples
    --------
    >>> explained_variance([[1.0], [2.0], [3.0]], [[1.0], [2.0], [2.0]])
    0.5
    """
    X = as_matrix(X, "X", "n_samples", "n_features")
    X_hat = as_matrix(X_hat, "X_hat", "n_samples", "n_features", length=len(X))
    if X_hat.shape != X.shape:
        raise ValueError(f"`X_hat` must have the shape of `X`, {X.shape}, got {X_hat.shape}")
    if (X[0] == X).all():
        return float("nan")
    total = np.square(X - X.mean(axis=0)).sum()
    return float(1.0 - np.square(X - X_hat).sum() / total)


@described(
    "L0",
    "Mean number of non-zero codes of a held-out sample.",
    group="fit",
    ideal=math.nan,
)
def l0(X: Any, X_hat: Any, codes: Any) -> float:
    """Mean number of codes per sample that are not zero.

    ``1/n_samples * sum_nj [codes_nj != 0]``.

    Parameters
    ----------
    X, X_hat, codes
        As in `overica.metrics.FitMetric`; only `codes` are used.

    Returns
    -------
    float
        In [0, n_components].  There is no best but the true one.

    Examples
    --------
    >>> l0(None, None, [[1.0, 0.0], [2.0, -1.0]])
    1.5
    """
    S = as_matrix(codes, "codes", "n_samples", "n_components")
    return float(np.count_nonzero(S) / len(S))


@described(
    "dead share",
    "Share of the learned features that never fire.",
    group="fit",
    ideal=-math.inf,
)
def dead_share(X: Any, X_hat: Any, codes: Any) -> float:
    """Share of the components that fire in none of the samples.

    ``1/n_components * sum_j [codes_nj = 0 for all n]``.  Few samples make rare components look
    dead.

    Parameters
    ----------
    X, X_hat, codes
        As in `overica.metrics.FitMetric`; only `codes` are used.

    Returns
    -------
    float
        In [0, 1].

    Examples
    --------
    >>> dead_share(None, None, [[1.0, 0.0], [2.0, 0.0]])
    0.5
    """
    S = as_matrix(codes, "codes", "n_samples", "n_components")
    return float(1.0 - (S != 0).any(axis=0).mean())
