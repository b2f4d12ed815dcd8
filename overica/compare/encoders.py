"""Encoders: ways from samples to codes on a dictionary that is given, whoever learned it.

Crossing each dictionary with each of these is what separates a bad dictionary from a bad encoder. All codes are
those of features of unit norm, in units of X. Where the sources are never negative neither are the codes: the lasso
has the constraint, matching pursuit takes positive correlations alone, least squares become non-negative ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from overica._validation import check_array, check_scalar
from overica.compare.featuriser import Dictionary
from overica.compare.restricted import refit
from overica.inference import MAPProblem, solve
from overica.metrics import Matching
from overica.priors import Exponential, Laplace

_CALIBRATION = 512
"""Samples on which a penalty is chosen."""
_BISECTIONS = 30
_TOLERANCE = 0.005
"""Relative error of the mean number of active features that is good enough."""
_LOWEST = 1e-6
"""Smallest penalty that is tried, relative to the one that silences everything."""


@dataclass(frozen=True, eq=False)
class Encoding:
    """What there is to encode, and on what."""

    X: np.ndarray
    """(n_samples, n_features), the samples to encode."""
    X_fit: np.ndarray
    """Samples on which a penalty may be chosen."""
    dictionary: Dictionary
    """The features."""
    nonnegative: bool
    """Whether codes may not be negative."""
    n_active: float
    """Mean number of active features per sample to reach."""
    own_codes: np.ndarray
    """(n_samples, n_components), the method's own codes of X."""
    codes_true: np.ndarray
    """(n_samples, n_true), the true codes of X."""
    matching: Matching
    """Of the features with the true ones."""

    @property
    def centred(self) -> np.ndarray:
        """The samples without the dictionary's offset."""
        centred: np.ndarray = self.X - self.dictionary.offset
        return centred


def own(encoding: Encoding) -> np.ndarray:
    """The method's own codes."""
    return encoding.own_codes


def exact_map(encoding: Encoding) -> np.ndarray:
    """Exact lasso codes at the penalty with the wanted mean number of active features; see `map_penalty`."""
    dictionary = encoding.dictionary
    penalty = map_penalty(
        dictionary.components,
        encoding.X_fit - dictionary.offset,
        encoding.n_active,
        nonnegative=encoding.nonnegative,
    )
    return map_codes(
        dictionary.components, encoding.centred, penalty, nonnegative=encoding.nonnegative
    )


def omp(encoding: Encoding) -> np.ndarray:
    """Orthogonal matching pursuit with the wanted number of active features, rounded; see `matching_pursuit`."""
    return matching_pursuit(
        encoding.dictionary.components,
        encoding.centred,
        max(1, round(encoding.n_active)),
        nonnegative=encoding.nonnegative,
    )


def oracle_support(encoding: Encoding) -> np.ndarray:
    """Least squares on the true support: the learned features matched to the true features that are active.

    True features without a match are in no support, and features without a true one are never active.
    """
    support = true_support(encoding.codes_true, encoding.matching, len(encoding.own_codes.T))
    return refit(
        encoding.dictionary.components, encoding.centred, support, nonnegative=encoding.nonnegative
    )


ENCODERS: dict[str, Callable[[Encoding], np.ndarray]] = {
    "own": own,
    "map": exact_map,
    "omp": omp,
    "oracle_support": oracle_support,
}
"""Encoders by name: functions of an `Encoding`, that return codes (n_samples, n_components)."""


def true_support(codes_true: np.ndarray, matching: Matching, n_components: int) -> np.ndarray:
    """Where the true support lies on the learned features, (n_samples, n_components), boolean."""
    support = np.zeros((len(codes_true), n_components), bool)
    support[:, matching.learned_index] = codes_true[:, matching.true_index] != 0
    return support


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

    Found by bisection of its logarithm on the first 512 samples, between the smallest penalty that silences all of
    them and a millionth of it; the mean number falls with the penalty, apart from rare single codes.

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
    low, high = np.log(largest) + np.log(_LOWEST), np.log(largest)
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        codes = map_codes(D, X, float(np.exp(middle)), nonnegative=nonnegative)
        reached = np.count_nonzero(codes) / len(X)
        if abs(reached - n_active) <= max(0.5 / len(X), _TOLERANCE * n_active):
            return float(np.exp(middle))
        low, high = (middle, high) if reached > n_active else (low, middle)
    return float(np.exp(0.5 * (low + high)))


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
