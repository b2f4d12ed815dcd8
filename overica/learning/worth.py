"""What a column is worth: how much worse samples are explained without it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from overica.learning.calibration import usage
from overica.learning.posterior import Model, infer

NEAR = 64
"""Columns that may take over what one leaves behind."""


def worth(model: Model, X: np.ndarray, near: int = NEAR) -> np.ndarray:
    """Mean rise of the energy of samples when a column is taken away, (n_components,).

    With ``E(x) = min_s |x - A s|^2 / 2 + penalty * cost(s)``, column j is worth ``mean E_without_j(x) - E(x)``, at
    least 0: for samples in which it is not active nothing changes. Of more than `near` other columns only those
    of largest cosine are coded anew, the other codes stay as they are, and the figure is an upper bound.

    How much of the data a column carries does not say this. The sum of two columns that are there as well may carry
    much, and they do as well without it at a small price; a rare column that nothing else resembles carries little,
    and without it all that it explained is lost.

    Parameters
    ----------
    model : Model
        With an l1 cost; smooth costs have no samples in which a column is not active.
    X : array (n_samples, n_features)
    near : int

    Examples
    --------
    Two orthogonal columns, their sum, and a third that is used in one sample of eight:

    >>> from overica.priors import get_prior
    >>> A = np.array([[1, 0, 0.7, 0], [0, 1, 0.7, 0], [0, 0, 0, 1]])
    >>> X = np.repeat([[3.0, 0, 0], [0, 3, 0], [2, 2, 0], [0, 0, 3]], [2, 2, 3, 1], axis=0)
    >>> worth(Model(A, get_prior("exponential"), penalty=0.1), X).round(2)
    array([0.54, 0.54, 0.04, 0.53])
    """
    A, codes = model.mixing, infer(model, X).codes
    residual = X - codes @ A.T
    lengths = np.linalg.norm(A, axis=0)
    U = A / np.where(lengths > 0, lengths, 1.0)
    cosines = U.T @ U if model.prior.nonnegative else np.abs(U.T @ U)
    np.fill_diagonal(cosines, -np.inf)
    values = np.zeros(len(lengths))
    for j in range(len(lengths)):
        rows = np.flatnonzero(codes[:, j])
        if not len(rows):
            continue
        others = np.argsort(-cosines[j], kind="stable")[: min(near, len(lengths) - 1)]
        kept = np.append(others, j)
        # What these columns explain, and nobody else.
        part = residual[rows] + codes[np.ix_(rows, kept)] @ A[:, kept].T
        before = _energy(model, residual[rows], codes[np.ix_(rows, kept)])
        if len(others):
            fewer = replace(model, mixing=A[:, others], presence=1.0)
            anew = infer(fewer, part).codes
            after = _energy(model, part - anew @ A[:, others].T, anew)
        else:
            after = _energy(model, part, np.zeros((len(rows), 0)))
        values[j] = max(0.0, float((after - before).sum()) / len(X))
    return values


def drop_least_worth(model: Model, X: np.ndarray, n_components: int) -> Model:
    """The model without the columns that are worth least, until `n_components` are left.

    Half of the surplus goes at a time: what a column is worth depends on which others are there. Under a smooth cost
    every column is active everywhere, if only a little; the least used go.
    """
    if model.prior.l1_weights() is None:
        most = np.argsort(-usage(model, X), kind="stable")[:n_components]
        return replace(model, mixing=model.mixing[:, most], presence=1.0)
    while (surplus := model.mixing.shape[1] - n_components) > 0:
        least = np.argsort(worth(model, X), kind="stable")[: (surplus + 1) // 2]
        model = replace(model, mixing=np.delete(model.mixing, least, axis=1), presence=1.0)
    return model


def _energy(model: Model, residual: np.ndarray, codes: np.ndarray) -> np.ndarray:
    squares = np.einsum("ij,ij->i", residual, residual) / 2
    return np.asarray(squares + model.penalty * model.prior.cost(codes).sum(axis=1))
