"""One-to-one matching of the columns of two mixing matrices by their cosines."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment

from overica._validation import check_array


@dataclass(frozen=True)
class Matching:
    """Pairs of a learned and a true column, ordered by the true column's index.

    There are ``min(n_learned, n_true)`` pairs; surplus columns of the wider matrix are in none.
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
    n_true: int
    """Columns of the true matrix, matched or not."""


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
    B = np.asarray(
        check_array(mixing_true, "mixing_true", {"n_features": None, "n_components": None}),
        dtype=np.float64,
    )
    A = np.asarray(
        check_array(mixing_a, "mixing_a", {"n_features": B.shape[0], "n_components": None}),
        dtype=np.float64,
    )
    return np.clip(_unit_columns(A).T @ _unit_columns(B), -1.0, 1.0)


def match_components(mixing_a: ArrayLike, mixing_true: ArrayLike, signed: bool = False) -> Matching:
    """Match learned to true columns one to one, with the largest sum of cosines.

    Solves the assignment problem ``max sum_p |cos(a_l(p), b_t(p))|`` over injective pairings
    (without the absolute value if `signed`) by the Hungarian method, so that no learned column
    is credited twice.

    Parameters
    ----------
    mixing_a : array-like of shape (n_features, n_learned)
        Learned matrix; zero columns have cosine 0 with everything.
    mixing_true : array-like of shape (n_features, n_true)
        True matrix.
    signed : bool
        Whether a column and its negative differ, as they do for non-negative sources.

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
    cosines = cosine_matrix(mixing_a, mixing_true)
    gain = cosines if signed else np.abs(cosines)
    learned, true = linear_sum_assignment(gain, maximize=True)
    order = np.argsort(true)
    learned, true = learned[order], true[order]
    flipped = (cosines[learned, true] < 0) & (not signed)
    return Matching(
        cosines=gain[learned, true],
        learned_index=learned,
        true_index=true,
        signs=np.where(flipped, -1.0, 1.0),
        n_true=cosines.shape[1],
    )


def _unit_columns(mixing: np.ndarray) -> np.ndarray:
    # Dividing by the largest entry first keeps the squares within range at any scale.
    largest = np.abs(mixing).max(axis=0)
    A = mixing / np.where(largest > 0, largest, 1.0)
    norms = np.linalg.norm(A, axis=0)
    return A / np.where(norms > 0, norms, 1.0)
