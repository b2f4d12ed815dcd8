"""Sparse codes on a given dictionary: exact lasso codes at a wanted sparsity, and matching pursuit."""

from __future__ import annotations

import numpy as np

from overica._validation import check_array, check_scalar
from overica.compare.restricted import refit
from overica.inference import MAPProblem, solve
from overica.priors import Exponential, Laplace

_CALIBRATION = 512
"""Samples on which a penalty is chosen."""
_BISECTIONS = 30
_TOLERANCE = 0.005
"""Relative error of the mean number of active features that is good enough."""
_STRIDE = 3.0
_LOWEST = 1e-6
"""Smallest penalty that is tried, relative to the one that silences everything."""


def map_codes(
    components: np.ndarray, X: np.ndarray, penalty: float, *, nonnegative: bool = False
) -> np.ndarray:
    """Maximum a posteriori codes under an l1 prior, exact: ``argmin_s |x - D's|^2 / 2 + penalty |s|_1``.

    Parameters
    ----------
    components : array (n_components, n_features)
        D, the features as rows; rows of zero get codes of zero.
    X : array (n_samples, n_features)
        Samples, the offset already subtracted.
    penalty : float
        Positive, in squared units of X.
    nonnegative : bool
        Subject to ``s >= 0``.

    Returns
    -------
    array (n_samples, n_components), float64

    Examples
    --------
    >>> import numpy as np
    >>> map_codes(np.eye(2), np.array([[3.0, -0.5]]), 1.0)
    array([[2., 0.]])
    """
    D = np.asarray(components, np.float64)
    alive = (D != 0).any(axis=1)
    codes = np.zeros((len(X), len(D)))
    if alive.any() and len(X):
        prior = Exponential() if nonnegative else Laplace()
        samples = np.ascontiguousarray(X, np.float64)
        mixing = np.ascontiguousarray(D[alive].T)
        codes[:, alive] = solve(MAPProblem(mixing, samples, prior, penalty)).codes
    return codes


def map_penalty(
    components: np.ndarray, X: np.ndarray, n_active: float, *, nonnegative: bool = False
) -> float:
    """The penalty at which `map_codes` have a given mean number of non-zeros per sample.

    Found by bisection of its logarithm on the first 512 samples, from the smallest penalty that silences all of them
    down to a millionth of it; the mean number falls with the penalty, apart from rare single codes.

    Parameters
    ----------
    components : array (n_components, n_features)
        The features as rows.
    X : array (n_samples, n_features)
        Samples, the offset already subtracted.
    n_active : float
        Wanted mean number, positive. If even the smallest penalty gives fewer, that one is returned: codes of the
        lasso have at most about n_features non-zeros.
    nonnegative : bool
        As in `map_codes`.

    Returns
    -------
    float
        In squared units of X.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.array([[3.0, 1.0], [2.0, 4.0]])
    >>> 1 < map_penalty(np.eye(2), X, 1.5) < 2
    True
    """
    n_active = check_scalar(n_active, "n_active", strict=True)
    D = check_array(components, "components", {"n_components": None, "n_features": None})
    X = X[:_CALIBRATION]
    scores = X @ D.T
    largest = float((scores if nonnegative else np.abs(scores)).max(initial=0.0))
    if largest <= 0:
        return 1.0

    def reached(penalty: float) -> float:
        return np.count_nonzero(map_codes(D, X, penalty, nonnegative=nonnegative)) / len(X)

    # From above, since codes at far too small a penalty are dense and take long.
    high, low = largest, largest / _STRIDE
    while low > _LOWEST * largest and reached(low) < n_active:
        high, low = low, low / _STRIDE
    for _ in range(_BISECTIONS):
        middle = float(np.sqrt(low * high))
        excess = reached(middle) - n_active
        if abs(excess) <= max(0.5 / len(X), _TOLERANCE * n_active):
            return middle
        low, high = (middle, high) if excess > 0 else (low, middle)
    return float(np.sqrt(low * high))


def matching_pursuit(
    components: np.ndarray, X: np.ndarray, n_nonzero: int, *, nonnegative: bool = False
) -> np.ndarray:
    """Orthogonal matching pursuit of all samples at once.

    Repeatedly takes the feature that correlates most with the residual, and sets all codes by least squares on the
    features taken so far. With `nonnegative`, the largest positive correlation and non-negative least squares. A
    sample whose residual correlates with nothing any more keeps fewer than `n_nonzero` features.

    Parameters
    ----------
    components : array (n_components, n_features)
        Rows of unit norm (or zero: never taken).
    X : array (n_samples, n_features)
        Samples, the offset already subtracted.
    n_nonzero : int
        Features per sample; no more than n_features or n_components are taken.
    nonnegative : bool
        Codes may not be negative.

    Returns
    -------
    array (n_samples, n_components), float64

    Notes
    -----
    Without the sign this is scikit-learn's ``orthogonal_mp_gram``, which the tests compare it with, for all samples
    in one batch.

    Examples
    --------
    >>> import numpy as np
    >>> matching_pursuit(np.eye(3), np.array([[3.0, -0.5, 1.0]]), 2)
    array([[3., 0., 1.]])
    """
    D = np.asarray(components, np.float64)
    n_nonzero = min(check_scalar(n_nonzero, "n_nonzero", minimum=1, integer=True), *D.shape)
    support = np.zeros((len(X), len(D)), bool)
    codes = np.zeros(support.shape)
    floor = 1e-10 * np.linalg.norm(X, axis=1)
    for _ in range(n_nonzero):
        scores = (X - codes @ D) @ D.T
        scores = np.where(support, -np.inf, scores if nonnegative else np.abs(scores))
        best = scores.argmax(axis=1)
        rows = np.flatnonzero(scores[np.arange(len(X)), best] > floor)
        if not rows.size:
            break
        support[rows, best[rows]] = True
        codes[rows] = refit(D, X[rows], support[rows], nonnegative=nonnegative)
    return codes
