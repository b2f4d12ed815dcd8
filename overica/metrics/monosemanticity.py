"""Does each learned feature respond to one true feature only?"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from overica._validation import check_scalar
from overica.metrics.arrays import as_matrix
from overica.metrics.words import described
from overica.random_state import generator


def feature_responses(
    featuriser: Any, mixing: ArrayLike, magnitude: float | ArrayLike = 1.0
) -> np.ndarray:
    """What a fitted featuriser says of each true feature alone.

    The identity features e_1 ... e_n pass through the mixing, ``x_i = m_i A e_i``, and through
    ``featuriser.transform``; the sizes of the codes are returned.

    Parameters
    ----------
    featuriser : object with ``transform(X) -> codes``
        Fitted.
    mixing : array-like of shape (n_features, n_true)
        True mixing matrix A.
    magnitude : float or array-like of shape (n_true,)
        Sizes m of the features, in the units of the true codes.  A featuriser with thresholds
        may not respond to features much smaller than in its data, so give the usual size.

    Returns
    -------
    ndarray of shape (n_true, n_components)
        ``a_ij``, response of component j to feature i, at least 0.

    Raises
    ------
    ValueError
        If the mixing matrix or a code is not finite.

    Examples
    --------
    >>> class Halves:
    ...     def transform(self, X):
    ...         return X / 2
    >>> feature_responses(Halves(), [[1.0, 0.0], [0.0, -1.0]])
    array([[0.5, 0. ],
           [0. , 0.5]])
    """
    A = as_matrix(mixing, "mixing", "n_features", "n_true")
    magnitudes = np.broadcast_to(np.asarray(magnitude, dtype=np.float64), A.shape[1])
    codes = featuriser.transform((A * magnitudes).T)
    return np.abs(as_matrix(codes, "codes", "n_true", "n_components", length=A.shape[1]))


@described(
    "monosemanticity",
    "Largest share that one true feature has of a learned feature's response, averaged over the "
    "learned features.",
    group="codes",
)
def monosemanticity(responses: ArrayLike) -> float:
    """Mean over learned features of the share that the strongest response has in all.

    ``1/n_components * sum_j max_i a_ij / (1e-10 + sum_i a_ij)``.  A component that responds to
    one true feature counts 1, one that responds to k equally 1 / k, and one that responds to
    none 0.  It does not see that several components respond to the same feature.

    Parameters
    ----------
    responses : array-like of shape (n_true, n_components)
        Sizes of the codes of each true feature alone, from `feature_responses`.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ValueError
        If `responses` is not a finite matrix, or is negative somewhere.

    References
    ----------
    Jermyn, Schiefer and Hubinger (2022), "Engineering monosemanticity in toy models", as used on
    sparse autoencoders by Anders et al. (2024), "Sparse autoencoders find composed features in
    small toy models".

    Examples
    --------
    >>> round(monosemanticity([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0]]), 6)
    0.5
    """
    a = as_matrix(responses, "responses", "n_true", "n_components")
    if (a < 0).any():
        raise ValueError(f"`responses` must not be negative, got {a.min():g}")
    return float((a.max(axis=0) / (1e-10 + a.sum(axis=0))).mean())


def monosemanticity_chance(
    responses: ArrayLike,
    *,
    n_shuffles: int = 20,
    random_state: int | np.random.Generator | None = None,
) -> float:
    """Mean `monosemanticity` when each feature's responses go to components at random.

    Each true feature keeps the sizes of its responses, and so how many components respond to it;
    which ones is drawn anew, independently of the other features.

    Parameters
    ----------
    responses : array-like of shape (n_true, n_components)
        As in `monosemanticity`.
    n_shuffles : int
        Independent draws.
    random_state : None, int or numpy.random.Generator
        Source of the draws.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ValueError
        As `monosemanticity`, or if `n_shuffles` is below 1.

    Examples
    --------
    >>> responses = np.eye(50)
    >>> monosemanticity_chance(responses, random_state=0) < monosemanticity(responses)
    True
    """
    a = as_matrix(responses, "responses", "n_true", "n_components")
    n_shuffles = check_scalar(n_shuffles, "n_shuffles", minimum=1, integer=True)
    rng = generator(random_state)
    return float(np.mean([monosemanticity(rng.permuted(a, axis=1)) for _ in range(n_shuffles)]))
