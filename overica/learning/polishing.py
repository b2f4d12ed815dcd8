"""Columns by least squares on the supports that are found, where samples are explained nearly whole.

A code of maximum posterior is shrunk by its penalty, so columns learned from such codes lean towards what is active
along with them, and that is all that is left of the error where there is little noise. Freed of their shrinkage,

    S_a = A_a^+ x  on the support a of every sample,      A = argmin |X - S A'|^2,

codes and columns are refined in turn. If supports are right and there is no noise, the true columns are where this
comes to rest.

What such columns leave of samples is small. So a column that is missing shows: the samples in which it belongs leave a
multiple of it, more than others leave. That a surplus column has died, or has become so short that nothing makes it
active, is an error of the same kind: it was found, and is not used.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from overica.learning.least_squares import fitted_columns
from overica.learning.posterior import Model, free_codes
from overica.learning.worth import worth

_ROUNDS = 4
_LATE_ROUNDS = 12
"""Once missing columns have been put in, from a cosine of .8 or so."""
_RIDGE = 0.01
"""Samples by which columns that are hardly used are held where they are."""
_SELDOM = 0.2
"""Share of the median activity below which a short column is made as long as others."""
_POOR, _JUDGED = 0.1, 1500
"""Share of the median worth below which a column is replaced, and the samples that tell."""
_STARTS, _POWERS = 40, 15
"""Rests from which a direction is sought, and power iterations of each."""
_ALONG = 0.5
"""Cosine with a direction from which on what is left of a sample counts as a multiple of it."""


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
    return replace(model, mixing=_refined(model, model.mixing, X, _ROUNDS)[0])


def reseed(model: Model, X: np.ndarray) -> Model:
    """The model with columns that are worth a tenth of the median or less replaced by what is left without them.

    Parameters
    ----------
    model : Model
        Polished, see `polish`.
    X : array (n_samples, n_features)

    Returns
    -------
    Model
        The same object if no column is worth so little.
    """
    value = worth(model, X[:_JUDGED])
    poor = np.flatnonzero(value < _POOR * np.median(value))
    if not len(poor):
        return model
    signed = not model.prior.nonnegative
    kept, left = _refined(model, np.delete(model.mixing, poor, axis=1), X, 1)
    length = float(np.median(np.linalg.norm(kept, axis=0)))
    directions = []
    for _ in poor:
        direction = _strongest(left, signed=signed)
        directions.append(direction * length)
        along = left @ direction
        left = left - (along if signed else np.maximum(along, 0))[:, None] * direction
    A = np.column_stack([kept, *directions])
    return replace(model, mixing=_refined(model, A, X, _LATE_ROUNDS)[0], presence=1.0)


def _refined(
    model: Model, A: np.ndarray, X: np.ndarray, rounds: int
) -> tuple[np.ndarray, np.ndarray]:
    """Columns after so many rounds, and what is left of the samples then."""
    for _ in range(rounds):
        S = free_codes(replace(model, mixing=A), X).sparse()
        A = fitted_columns(S, X, A, _RIDGE)
        left = X - S @ A.T
        lengths, activity = np.linalg.norm(A, axis=0), S.getnnz(axis=0)
        short = (activity < _SELDOM * np.median(activity)) & (lengths < np.median(lengths))
        stretch = np.where(short, np.median(lengths) / np.maximum(lengths, 1e-300), 1.0)
        A = A * stretch
    return A, left


def _strongest(left: np.ndarray, *, signed: bool) -> np.ndarray:
    """The unit direction of which the longest rests are multiples, that takes most of their square away."""
    lengths = np.linalg.norm(left, axis=1)
    U = left / np.maximum(lengths, 1e-300)[:, None]
    best, most = U[0], 0.0
    for i in np.argsort(-lengths, kind="stable")[:_STARTS]:
        v = U[i]
        for _ in range(_POWERS):
            along = _along(U @ v, signed)
            v = along @ left
            v /= max(float(np.linalg.norm(v)), 1e-300)
        projected = left @ v
        along = _along(U @ v, signed)
        gain = float((projected[along != 0] ** 2).sum())
        if gain > most:
            best, most = v, gain
    return best


def _along(cosines: np.ndarray, signed: bool) -> np.ndarray:
    """The signs of the cosines that are large enough, zero for others."""
    large = np.abs(cosines) if signed else cosines
    return np.where(large > _ALONG, np.sign(cosines), 0.0)
