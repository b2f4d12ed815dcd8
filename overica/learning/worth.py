"""What a column is worth: how much worse samples are explained without it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from overica.learning.calibration import usage
from overica.learning.posterior import Model, found_codes

_BLOCK = 256
_AGAIN, _FEW = 4, 1000
"""Columns looked at again once others have gone, per one that is too many yet; and at least."""
NEAR = 64
"""Columns that may take over what one leaves behind."""


def worth(
    model: Model, X: np.ndarray, near: int = NEAR, columns: np.ndarray | None = None
) -> np.ndarray:
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
    columns : array of int, optional
        Those that are looked at, ascending; all by default.

    Returns
    -------
    array (n_components,) or (len(columns),)

    Examples
    --------
    Two orthogonal columns, their sum, and a third that is used in one sample of eight:

    >>> from overica.priors import get_prior
    >>> A = np.array([[1, 0, 0.7, 0], [0, 1, 0.7, 0], [0, 0, 0, 1]])
    >>> X = np.repeat([[3.0, 0, 0], [0, 3, 0], [2, 2, 0], [0, 0, 3]], [2, 2, 3, 1], axis=0)
    >>> worth(Model(A, get_prior("exponential"), penalty=0.1), X).round(2)
    array([0.54, 0.54, 0.04, 0.53])
    """
    A, codes = model.mixing, found_codes(model, X).sparse()
    atoms = np.ascontiguousarray(A.T)
    residual = X - codes @ atoms
    by_column = codes.tocsc()
    looked = np.arange(len(atoms)) if columns is None else columns
    values = np.zeros(len(looked))
    nearest = _nearest(atoms, looked, min(near, len(atoms) - 1), signed=not model.prior.nonnegative)
    for at, (j, others) in enumerate(nearest):
        rows = by_column.indices[slice(*by_column.indptr[j : j + 2])]
        if not len(rows):
            continue
        kept = np.append(others, j)
        own = codes[rows][:, kept].toarray()
        # What these columns explain, and nobody else.
        part = residual[rows] + own @ atoms[kept]
        before = _energy(model, residual[rows], own)
        if len(others):
            fewer = replace(model, mixing=atoms[others].T, presence=1.0)
            anew = found_codes(fewer, part).dense()
            after = _energy(model, part - anew @ atoms[others], anew)
        else:
            after = _energy(model, part, np.zeros((len(rows), 0)))
        values[at] = max(0.0, float((after - before).sum()) / len(X))
    return values


def _nearest(
    atoms: np.ndarray, looked: np.ndarray, near: int, *, signed: bool
) -> Iterator[tuple[int, np.ndarray]]:
    """Some of the rows with those of largest cosine, the nearest first."""
    U = atoms / np.maximum(np.linalg.norm(atoms, axis=1), np.finfo(float).tiny)[:, None]
    for start in range(0, len(looked), _BLOCK):
        block = looked[start : start + _BLOCK]
        cosines = U[block] @ U.T
        if signed:
            cosines = np.abs(cosines)
        for j, own in zip(block.tolist(), cosines, strict=True):
            own[j] = -np.inf
            most = np.argpartition(-own, near)[:near] if near else np.empty(0, np.int64)
            yield j, most[np.argsort(-own[most], kind="stable")]


def drop_least_worth(model: Model, X: np.ndarray, n_components: int) -> Model:
    """The model without the columns that are worth least, until `n_components` are left.

    Half of the surplus goes at a time: what a column is worth depends on which others are there. It rises as they go,
    so that of thousands only those that were worth little are looked at again. Under a smooth cost every column is
    active everywhere, if only a little; the least used go.
    """
    if model.prior.l1_weights() is None:
        most = np.argsort(-usage(model, X), kind="stable")[:n_components]
        return replace(model, mixing=model.mixing[:, most], presence=1.0)
    value = worth(model, X)
    while (surplus := model.mixing.shape[1] - n_components) > 0:
        least = np.argsort(value, kind="stable")[: (surplus + 1) // 2]
        model = replace(model, mixing=np.delete(model.mixing, least, axis=1), presence=1.0)
        value = np.delete(value, least)
        again = np.argsort(value, kind="stable")[: max(_AGAIN * (surplus - len(least)), _FEW)]
        if len(least) < surplus:
            again = np.sort(again)
            value[again] = worth(model, X, columns=again)
    return model


def _energy(model: Model, residual: np.ndarray, codes: np.ndarray) -> np.ndarray:
    squares = np.einsum("ij,ij->i", residual, residual) / 2
    return np.asarray(squares + model.penalty * model.prior.cost(codes).sum(axis=1))
