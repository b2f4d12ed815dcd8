"""Columns by least squares on the supports that are found, where samples are explained nearly whole.

A code of maximum posterior is shrunk by its penalty, so columns learned from such codes lean towards what is active
along with them, and that is all that is left of the error where there is little noise. Freed of their shrinkage,

    S_a = A_a^+ x  on the support a of every sample,      A = argmin |X - S A'|^2,

codes and columns are refined in turn. If supports are right and there is no noise, the true columns are where this
comes to rest.

A column that is missing shows in what codes of maximum posterior leave, r = x - A s. No column a that is there
correlates with that by more than the penalty, ``a'r <= penalty``, so that a further one of length L in the unit
direction v lowers the energy of samples, other codes held, by

    sum max(v'r - penalty / L, 0)^2 / 2,

which is zero for what is there already. It is convex in v, so that putting ``v <- sum max(v'r - penalty / L, 0) r``,
of unit length, never lowers it. Tops that are reached from the longest rests are where columns are missing, nearly.
They come to rest by least squares, with the others held, on codes that keep their shrinkage: freed of it, other columns
explain what a direction that is not right leaves, and it hardly moves.

That a surplus column has died, or has become so short that nothing makes it active, is an error of the same kind: it
was found, and is not used.

References
----------
Journee, Nesterov, Richtarik and Sepulchre (2010), "Generalized power method for sparse principal component analysis",
Journal of Machine Learning Research 11.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from overica.learning.least_squares import fitted_columns
from overica.learning.merging import distinct_columns
from overica.learning.posterior import Model, found_codes, free_codes
from overica.learning.worth import worth
from overica.ranges import unit_columns

_ROUNDS = 4
_PASSES, _SETTLING_ROUNDS = 4, 6
"""Times that what is missing is looked for, and rounds in which it then comes to rest."""
_APART = 0.5
"""Cosine below which two directions are both missing."""
_SPARSE, _SETTLING = 2.0, 0.5
"""Penalties at which what is missing is looked for and comes to rest, relative to that of learning."""
_RIDGE = 0.01
"""Samples by which columns that are hardly used are held where they are."""
_SELDOM = 0.2
"""Share of the median activity below which a short column is made as long as others."""
_POOR, _JUDGED = 0.2, 1500
"""Share of the median worth below which a column is replaced, and the samples that tell."""
_STARTS, _POWERS = 40, 15
"""Rests from which a direction is sought, and iterations of each."""


def polish(model: Model, X: np.ndarray) -> Model:
    """The model after rounds of least squares.

    Parameters
    ----------
    model : Model
        With an l1 cost. Its noise and presence are those of before: to be judged, and taken if it is better.
    X : array (n_samples, n_features)

    Examples
    --------
    Sparse samples without noise, and columns that are nearly right:

    >>> from overica.datasets import make_compositional
    >>> from overica.metrics import mean_cosine
    >>> from overica.priors import get_prior
    >>> data = make_compositional(100, 5, 3000, random_state=0)
    >>> near = data.mixing + np.random.default_rng(1).standard_normal((30, 100)) / 30
    >>> found = polish(Model(near / 2, get_prior("exponential"), 0.02), data.X).mixing
    >>> bool(mean_cosine(near, data.mixing) < 0.99 < 0.995 < mean_cosine(found, data.mixing))
    True
    """
    return replace(model, mixing=_refined(model, model.mixing, X))


def reseed(
    model: Model, X: np.ndarray, judged: np.ndarray | None = None, penalty: float | None = None
) -> Model:
    """The model with columns that are worth a fifth of the median or less replaced by those that are missing.

    Where fewer are missing, those of most worth stay.

    Parameters
    ----------
    model : Model
        Polished, see `polish`.
    X : array (n_samples, n_features)
    judged : array (n_samples, n_features), optional
        By which columns are worth something; some of X by default. One that is not right may be of use in the samples
        that it was fitted to.
    penalty : float, optional
        At which columns are learned, if the model's has been lowered since.

    Returns
    -------
    Model
        The same object if no column is worth so little.
    """
    value = worth(model, X[:_JUDGED] if judged is None else judged)
    poor = np.flatnonzero(value < _POOR * np.median(value))
    if not len(poor):
        return model
    learning = replace(model, penalty=penalty or model.penalty)
    A = _filled(learning, np.delete(model.mixing, poor, axis=1), len(poor), X)
    unfilled = model.mixing.shape[1] - A.shape[1]
    most = poor[np.argsort(-value[poor], kind="stable")[:unfilled]]
    A = np.column_stack([A, model.mixing[:, most]])
    return replace(model, mixing=_refined(model, A, X), presence=1.0)


def _filled(model: Model, A: np.ndarray, n_new: int, X: np.ndarray) -> np.ndarray:
    """So many columns more, or as many as are missing; those that there are stay where they are."""
    n, length = A.shape[1], float(np.median(np.linalg.norm(A, axis=0)))
    sparse, settling = (replace(model, penalty=f * model.penalty) for f in (_SPARSE, _SETTLING))
    level, signed = sparse.penalty / length, not model.prior.nonnegative
    for _ in range(_PASSES):
        if (wanted := n + n_new - A.shape[1]) == 0:
            break
        left = X - found_codes(replace(sparse, mixing=A), X).sparse() @ A.T
        V = _missing(left, level, signed=signed)[:, :wanted]
        if not V.size:
            break
        A = np.column_stack([A, length * V])
        for _ in range(_SETTLING_ROUNDS):
            S = found_codes(replace(settling, mixing=A), X).sparse()
            rows = np.flatnonzero(S[:, n:].getnnz(axis=1))
            own = S[rows, n:]
            theirs = X[rows] - S[rows, :n] @ A[:, :n].T
            A[:, n:] = length * unit_columns(fitted_columns(own, theirs, A[:, n:], _RIDGE))
    return A


def _refined(model: Model, A: np.ndarray, X: np.ndarray) -> np.ndarray:
    """Columns after rounds of least squares on supports."""
    for _ in range(_ROUNDS):
        S = free_codes(replace(model, mixing=A), X).sparse()
        A = fitted_columns(S, X, A, _RIDGE)
        lengths, activity = np.linalg.norm(A, axis=0), S.getnnz(axis=0)
        short = (activity < _SELDOM * np.median(activity)) & (lengths < np.median(lengths))
        stretch = np.where(short, np.median(lengths) / np.maximum(lengths, 1e-300), 1.0)
        A = A * stretch
    return A


def _missing(left: np.ndarray, level: float, *, signed: bool) -> np.ndarray:
    """Unit directions in which a column would gain most, the best first, none near another, (n_features, n_found)."""
    lengths = np.linalg.norm(left, axis=1)
    starts = np.argsort(-lengths, kind="stable")[:_STARTS]
    starts = starts[lengths[starts] > level]
    V = (left[starts] / lengths[starts, None]).T
    for _ in range(_POWERS):
        V = unit_columns(left.T @ _beyond(left @ V, level, signed))
    gain = (_beyond(left @ V, level, signed) ** 2).sum(axis=0)
    return V[:, distinct_columns(V, gain, nonnegative=not signed, threshold=_APART)]


def _beyond(along: np.ndarray, level: float, signed: bool) -> np.ndarray:
    """What is beyond the level, with its sign."""
    beyond = np.maximum((np.abs(along) if signed else along) - level, 0.0)
    return beyond * np.sign(along)
