"""One-to-one matching of the columns of two mixing matrices by their cosines."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment

from overica._deprecation import renamed_keyword
from overica.metrics.arrays import as_matrix
from overica.ranges import unit_columns


@dataclass(frozen=True)
class Matching:
    """Pairs of a learned and a true column, ordered by the true column's index.

    There are ``min(n_learned, n_true)`` pairs; surplus columns of the wider matrix are in none.

    Examples
    --------
    >>> matching = match_components(-2 * np.eye(2)[:, ::-1], np.eye(2))
    >>> matching.learned_index, matching.signs, matching.scales
    (array([1, 0]), array([-1., -1.]), array([2., 2.]))
    """

    cosines: np.ndarray
    """(n_pairs,) cosine of each pair; its absolute value where signs do not count."""
    learned_index: np.ndarray
    """(n_pairs,) column of the learned matrix."""
    true_index: np.ndarray
    """(n_pairs,) column of the true matrix, ascending."""
    signs: np.ndarray
    """(n_pairs,) +1. or -1.: ``mixing_a[:, learned_index] * signs`` points along the truth.
    All +1 where signs count, since flipping a column is then not allowed."""
    scales: np.ndarray
    """(n_pairs,) length of the learned column over that of the true one, 0 if either is zero: a
    learned code times this is in the units of the true code."""
    n_true: int
    """Columns of the true matrix, matched or not."""

    @classmethod
    def identity(cls, n_true: int) -> "Matching":
        """The matching of the truth with itself.

        Examples
        --------
        >>> Matching.identity(2).learned_index
        array([0, 1])
        """
        ones, index = np.ones(n_true), np.arange(n_true)
        return cls(ones, index, index, ones, ones, n_true)

    def align(self, codes: np.ndarray) -> np.ndarray:
        """Learned codes in the order, the signs and the units of the true ones.

        ``codes[:, learned_index] * signs * scales``: what each matched column contributes to a
        sample, as a multiple of its true column.

        Parameters
        ----------
        codes : ndarray of shape (n_samples, n_learned)
            Codes of the learned matrix that was matched.

        Returns
        -------
        ndarray of shape (n_samples, n_pairs)

        Raises
        ------
        ValueError
            If there are fewer codes than the matching has learned columns.

        Examples
        --------
        >>> matching = match_components([[0.0, -2.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]])
        >>> matching.align(np.array([[5.0, 3.0]]))
        array([[-6., 5.]])
        """
        needed = int(self.learned_index.max()) + 1
        if codes.ndim != 2 or codes.shape[1] < needed:
            raise ValueError(
                f"`codes` must have shape (n_samples, n_learned>={needed}), got {codes.shape}"
            )
        return _columns(codes, self.learned_index) * (self.signs * self.scales)


def cosine_matrix(mixing_a: ArrayLike, mixing_true: ArrayLike) -> np.ndarray:
    """Cosines of the angles between all columns of two matrices.

    ``C[i, j] = <a_i, b_j> / (|a_i| |b_j|)``, and 0 where either column is zero: a dead column
    points nowhere.

    Parameters
    ----------
    mixing_a : array-like of shape (n_features, n_learned)
        Learned matrix.
    mixing_true : array-like of shape (n_features, n_true)
        True matrix.

    Returns
    -------
    ndarray of shape (n_learned, n_true), float64
        Each entry in [-1, 1].

    Raises
    ------
    ValueError
        If either is not a finite matrix, or their numbers of rows differ.

    Examples
    --------
    >>> cosine_matrix([[2.0, 0.0], [0.0, 0.0]], [[1.0, 3.0], [0.0, 4.0]])
    array([[1. , 0.6],
           [0. , 0. ]])
    """
    return _cosines(*_pair(mixing_a, mixing_true))


@renamed_keyword("signed", "nonnegative")
def match_components(
    mixing_a: ArrayLike, mixing_true: ArrayLike, nonnegative: bool = False
) -> Matching:
    """Match learned to true columns one to one, with the largest sum of cosines.

    Solves the assignment problem ``max sum_p |cos(a_l(p), b_t(p))|`` over injective pairings
    (without the absolute value if `nonnegative`) by the Hungarian method, so that no learned column
    is credited twice.

    Parameters
    ----------
    mixing_a : array-like of shape (n_features, n_learned)
        Learned matrix; zero columns have cosine 0 with everything.
    mixing_true : array-like of shape (n_features, n_true)
        True matrix.
    nonnegative : bool
        Whether codes cannot be negative, so that a column and its negative differ.

    Returns
    -------
    Matching

    Raises
    ------
    ValueError
        If either is not a finite matrix, or their numbers of rows differ.

    Examples
    --------
    >>> import numpy as np
    >>> truth = np.eye(3)
    >>> learned = np.column_stack([-2 * truth[:, 1], truth[:, 0]])
    >>> matching = match_components(learned, truth)
    >>> matching.true_index, matching.learned_index, matching.signs
    (array([0, 1]), array([1, 0]), array([ 1., -1.]))
    """
    A, B = _pair(mixing_a, mixing_true)
    cosines = _cosines(A, B)
    gain = cosines if nonnegative else np.abs(cosines)
    learned, true = linear_sum_assignment(gain, maximize=True)
    order = np.argsort(true)
    learned, true = learned[order], true[order]
    flipped = (cosines[learned, true] < 0) & (not nonnegative)
    return Matching(
        cosines=gain[learned, true],
        learned_index=learned,
        true_index=true,
        signs=np.where(flipped, -1.0, 1.0),
        scales=_length_ratios(A[:, learned], B[:, true]),
        n_true=cosines.shape[1],
    )


def paired_codes(
    codes: Any, codes_true: Any, matching: Matching
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Learned and true codes of the pairs, column by column, and all true codes.

    Parameters
    ----------
    codes : array-like of shape (n_samples, n_learned)
        Learned codes.
    codes_true : array-like of shape (n_samples, n_true)
        True codes of the same samples.
    matching : Matching
        Of the columns that the codes belong to.

    Returns
    -------
    ndarray of shape (n_samples, n_pairs)
        Learned codes as `Matching.align` has them.
    ndarray of shape (n_samples, n_pairs)
        The true codes beside them.
    ndarray of shape (n_samples, n_true)
        All true codes, those without a partner too.

    Raises
    ------
    ValueError
        If the codes are not finite, or do not fit each other or the matching.

    Examples
    --------
    >>> paired_codes([[5.0]], [[1.0]], Matching.identity(2))
    Traceback (most recent call last):
    ...
    ValueError: `codes_true` must have shape (n_samples, n_true=2), got (1, 1)
    """
    S = as_matrix(codes_true, "codes_true", "n_samples", "n_true")
    if S.shape[1] != matching.n_true:
        raise ValueError(
            f"`codes_true` must have shape (n_samples, n_true={matching.n_true}), got {S.shape}"
        )
    S_hat = as_matrix(codes, "codes", "n_samples", "n_learned", length=len(S))
    return matching.align(S_hat), _columns(S, matching.true_index), S


def _columns(M: np.ndarray, index: np.ndarray) -> np.ndarray:
    # Copies are most of what a metric of many codes costs.
    in_place = np.array_equal(index, np.arange(M.shape[1]))
    return M if in_place else np.take(M, index, axis=1)


def _pair(mixing_a: ArrayLike, mixing_true: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    B = as_matrix(mixing_true, "mixing_true", "n_features", "n_components")
    A = as_matrix(mixing_a, "mixing_a", "n_features", "n_components", length=B.shape[0])
    return A, B


def _cosines(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    return np.clip(unit_columns(A).T @ unit_columns(B), -1.0, 1.0)


def _length_ratios(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    above, below = np.linalg.norm(A, axis=0), np.linalg.norm(B, axis=0)
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
