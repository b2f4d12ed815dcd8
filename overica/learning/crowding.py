"""Supports that grow towards the number of features, and the penalty that keeps a learning step affordable.

At a penalty far below what the columns leave unexplained (a start that is not learned yet, more features than
columns) the code of a sample has nearly as many active sources as there are features. Such codes fit noise, and they
are dear: the search of a support of k atoms takes about ``k^2 n / 2 + 2 k^3 / 3`` multiplications, where the
correlations that it starts from take ``m n``. Its first term is five times the correlations at

    k = sqrt(10 m),

which is where a step stops being a matter of products. So no step is taken with a mean above that: its penalty is
raised instead, as annealing from above would have it, and comes down again as the columns get better.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from overica.learning.posterior import Model, found_codes

_PILOTS = 64
"""Samples that tell how crowded a batch would be."""
_SPARSE = 0.5
"""Level, times ``sqrt(n_features)``, at which data of unit variance have sparse codes under any columns."""
_DOWN, _UP = 0.8, 2.0


def most_active(n_features: int) -> float:
    """Mean number of active sources that a step may have, ``sqrt(10 n_features)``; no bound up to ten features."""
    return float(np.sqrt(10 * n_features))


def crowded(model: Model, X: np.ndarray) -> bool:
    """Whether samples would have more active sources on average than a step may have; smooth costs have no supports.

    Examples
    --------
    >>> from overica.priors import get_prior
    >>> rng = np.random.default_rng(0)
    >>> A = rng.standard_normal((64, 128)) / 8
    >>> X = rng.standard_normal((100, 64))
    >>> (
    ...     crowded(Model(A, get_prior("laplace"), 0.01), X),
    ...     crowded(Model(A, get_prior("laplace"), 1.0), X),
    ... )
    (True, False)
    """
    if model.prior.l1_weights() is None or most_active(X.shape[1]) >= min(model.mixing.shape):
        return False
    pilots = X[:: max(1, len(X) // _PILOTS)][:_PILOTS]
    return bool(found_codes(model, pilots).n_active.mean() > most_active(X.shape[1]))


def sparse_enough(model: Model, X: np.ndarray) -> float:
    """The model's penalty or, where that crowds the samples, the lowest above it, by factors of two, that does not.

    Found from above, so that nothing dear is looked at.
    """
    found = penalty = max(model.penalty, _SPARSE * float(np.sqrt(X.shape[1])))
    while penalty > model.penalty:
        penalty = max(penalty / 2, model.penalty)
        if crowded(replace(model, penalty=penalty), X):
            return found
        found = penalty
    return found


def next_floor(penalty: float, scheduled: float, n_active: float, n_features: int) -> float:
    """The penalty below which the next step is not taken; 0 where there is no need.

    Parameters
    ----------
    penalty, scheduled : float
        That of the step, and what annealing would have had.
    n_active : float
        Mean number of active sources in the step.
    n_features : int

    Examples
    --------
    >>> (
    ...     next_floor(0.2, 0.2, 10.0, 64),
    ...     next_floor(0.2, 0.2, 50.6, 64),
    ...     next_floor(0.4, 0.2, 10.0, 64),
    ... )
    (0.0, 0.4, 0.32000000000000006)
    """
    share = n_active / most_active(n_features)
    if share > 1:
        return penalty * min(share, _UP)
    if penalty <= scheduled:
        return 0.0
    return penalty * (_DOWN if share < _DOWN else 1.0)
