"""Is a learned feature one true feature, or a sum of several?

A sparse autoencoder lowers its L0 by giving a common combination of features a direction of its
own; the cosine with the best true direction then falls to about ``1 / sqrt(2)``, which a merely
inaccurate direction reaches as well.  The two figures here tell these apart by explaining each
learned direction with few true ones.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from overica._deprecation import renamed_keyword
from overica._validation import check_scalar
from overica.coding import Dictionary, orthogonal_matching_pursuit
from overica.metrics.arrays import as_matrix
from overica.metrics.matching import cosine_matrix
from overica.metrics.words import described
from overica.ranges import unit_columns

# Pairs are searched among this many true columns nearest to each learned one.
_CANDIDATES = 64


@renamed_keyword("signed", "nonnegative")
@described(
    "composition",
    "Effective number of true directions that a learned one is the sum of; 1 is one alone.",
    group="directions",
    ideal=1.0,
)
def composition_index(
    mixing_a: ArrayLike, mixing_true: ArrayLike, nonnegative: bool = False, *, n_terms: int = 4
) -> float:
    """Effective number of true features in a learned one, averaged over the learned ones.

    Each learned direction is explained by at most `n_terms` true ones, ``a ~ sum_j w_j b_j``, by
    orthogonal matching pursuit.  With shares ``p_j = w_j^2 / sum w^2`` the effective number is
    the inverse participation ratio ``1 / sum_j p_j^2``: 1 for a single true direction, 2 for the
    sum of two orthogonal ones, 1.2 for a sum in the ratio 3:1.  Columns that no true
    direction explains, such as zero ones, are left out.

    Parameters
    ----------
    mixing_a, mixing_true, nonnegative
        As in `match_components`.
    n_terms : int
        Most true directions in an explanation.

    Returns
    -------
    float
        In [1, n_terms], 1 for the truth; NaN if all learned columns are left out.

    Raises
    ------
    ValueError
        If `n_terms` is below 1, besides what `match_components` raises.

    References
    ----------
    The question is that of Till (2024), "Do sparse autoencoders find 'true features'?", and
    Anders et al. (2024), "Sparse autoencoders find composed features in small toy models".

    Examples
    --------
    >>> import numpy as np
    >>> truth = np.eye(3)
    >>> composed = truth @ [[1.0, 1.0], [0.0, 1.0], [0.0, 0.0]]
    >>> round(composition_index(composed, truth), 6)
    1.5
    """
    n_terms = check_scalar(n_terms, "n_terms", minimum=1, integer=True)
    B = as_matrix(mixing_true, "mixing_true", "n_features", "n_components")
    A = as_matrix(mixing_a, "mixing_a", "n_features", "n_components", length=len(B))
    true = Dictionary.of_rows(B.T)
    W = orthogonal_matching_pursuit(true, unit_columns(A).T, n_terms, nonnegative=nonnegative) ** 2
    W = W[W.any(axis=1)]
    return float((W.sum(axis=1) ** 2 / (W**2).sum(axis=1)).mean()) if len(W) else float("nan")


@renamed_keyword("signed", "nonnegative")
@described(
    "composed share",
    "Share of the learned directions that a sum of two true ones explains and no single one does; "
    "low for random directions too.",
    group="directions",
    ideal=math.nan,
)
def composed_share(
    mixing_a: ArrayLike,
    mixing_true: ArrayLike,
    nonnegative: bool = False,
    *,
    explained: float = 0.9,
    margin: float = 0.1,
) -> float:
    """Share of the learned features that a sum of two true ones explains and no single one does.

    A learned direction is composed if its best pair of true directions explains at least
    `explained` of its squared length, and at least `margin` more than the best single one does.
    With unit vectors, ``c = <a, b_i>``, ``e = <a, b_j>`` and ``g = <b_i, b_j>``, a pair explains
    ``(c^2 + e^2 - 2 g c e) / (1 - g^2)`` and a single one ``c^2``.  If `nonnegative`, both
    coefficients must be positive: ``c > g e`` and ``e > g c``.

    Pairs are searched among the 64 true directions of largest cosine with the learned one, which
    is all of them up to that number.

    Parameters
    ----------
    mixing_a, mixing_true, nonnegative
        As in `match_components`.
    explained : float
        What the pair must explain, in (0, 1].
    margin : float
        How much more than a single direction, in (0, 1].

    Returns
    -------
    float
        In [0, 1], 0 for the truth.

    Raises
    ------
    ValueError
        If a threshold is outside (0, 1], besides what `match_components` raises.

    References
    ----------
    As `composition_index`.

    Examples
    --------
    >>> composed_share([[1.0, 1.0], [0.0, 1.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    0.5
    """
    for name, value in {"explained": explained, "margin": margin}.items():
        if not 0 < value <= 1:
            raise ValueError(f"`{name}` must be in (0, 1], got {value}")
    C = cosine_matrix(mixing_a, mixing_true)
    G = cosine_matrix(mixing_true, mixing_true)
    gain = C if nonnegative else np.abs(C)
    single = np.maximum(gain, 0.0).max(axis=1) ** 2
    nearest = np.argsort(-gain, axis=1)[:, :_CANDIDATES]
    best = np.array(
        [
            _best_pair(c[near], G[np.ix_(near, near)], nonnegative)
            for c, near in zip(C, nearest, strict=True)
        ]
    )
    return float(((best >= explained) & (best >= single + margin)).mean())


def _best_pair(c: np.ndarray, G: np.ndarray, nonnegative: bool) -> float:
    """Largest share of a squared length that two directions explain, given its cosines c."""
    product = G * np.outer(c, c)
    squares = c**2
    determinant = 1.0 - G**2
    # Parallel directions, and each with itself, are no pair.
    valid = determinant > 1e-9
    if nonnegative:
        first = c[:, None] - G * c[None, :]
        valid &= (first > 0) & (first.T > 0)
    share = squares[:, None] + squares[None, :] - 2 * product
    share = np.divide(share, determinant, out=np.zeros_like(share), where=valid)
    return float(share.max())
