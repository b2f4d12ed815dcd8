"""Maximum a posteriori codes on a given dictionary, and the penalty at which they are as sparse as wanted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from overica.coding.coder import Coder
from overica.coding.dictionary import Dictionary
from overica.inference import MAPProblem, solve
from overica.priors import Prior

_CALIBRATION = 512
"""Samples on which a penalty is chosen."""
_BISECTIONS = 30
_TOLERANCE = 0.005
"""Relative error of the mean number of active atoms that is good enough."""
_STRIDE = 3.0
_LOWEST = 1e-6
"""Smallest penalty that is tried, relative to the one that silences everything."""


@dataclass(frozen=True, eq=False)
class MaximumPosterior(Coder):
    """``argmin_s |x - offset - D's|^2 / 2 + penalty sum_j cost_j(s_j)``, certified by `solve`."""

    prior: Prior
    penalty: float

    def codes(self, dictionary: Dictionary, X: np.ndarray) -> np.ndarray:
        """See `Coder.codes`; in the dtype of X."""
        mixing = np.ascontiguousarray(dictionary.mixing, X.dtype)
        samples = np.ascontiguousarray(dictionary.centred(X))
        problem = MAPProblem(mixing, samples, self.prior, self.penalty)
        return np.asarray(solve(problem).codes)


def sparse_weights(prior: Prior) -> float | np.ndarray:
    """w of a cost ``w_j |s_j|``, under which codes are sparse.

    Raises
    ------
    ValueError
        If the cost is another.
    """
    weights = prior.l1_weights()
    if weights is None:
        raise ValueError(f"`prior` must have an l1 cost, whose codes are sparse, got {prior!r}")
    return weights


def penalty_at(dictionary: Dictionary, X: np.ndarray, n_active: float, prior: Prior) -> float:
    """The penalty at which maximum a posteriori codes have a given mean number of non-zeros per sample.

    Found by bisection of its logarithm on at most 512 of the samples, evenly spread, from the smallest penalty that
    silences all of them down to a millionth of it; the mean number falls with the penalty, rare single codes aside.

    Parameters
    ----------
    dictionary : Dictionary
    X : array (n_samples, n_features)
    n_active : float
        Wanted mean number, positive. If even the smallest penalty gives fewer, that one is returned: codes of the
        lasso have at most about n_features non-zeros.
    prior : Prior
        With an l1 cost.

    Returns
    -------
    float
        In squared units of X.

    Raises
    ------
    ValueError
        If the cost is not l1.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.coding import Dictionary, penalty_at
    >>> from overica.priors import Laplace
    >>> X = np.array([[3.0, 1.0], [2.0, 4.0]])
    >>> 1 < penalty_at(Dictionary.of_rows(np.eye(2)), X, 1.5, Laplace()) < 2
    True
    """
    X = X[np.linspace(0, len(X) - 1, min(len(X), _CALIBRATION)).astype(np.intp)]
    scores = dictionary.centred(X) @ dictionary.mixing
    slopes = scores if prior.nonnegative else np.abs(scores)
    largest = float((slopes / sparse_weights(prior)).max(initial=0.0))
    if largest <= 0:
        return 1.0

    def reached(penalty: float) -> float:
        codes = MaximumPosterior(prior, penalty).codes(dictionary, X)
        return np.count_nonzero(codes) / len(X)

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
