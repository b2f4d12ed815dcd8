"""What a code costs: bits per pixel of a density at a precision, and of quantised coefficients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from overica._validation import check_array, check_scalar
from overica.coding import SparseCoder
from overica.estimator import OvercompleteICA
from overica.photographs.density import DictionaryDensity

_BISECTIONS = 25
_PSEUDO_COUNTS = 8.0
"""Weight of the smooth law in a code table, in samples."""


def coding_cost(
    model: Any,
    X: np.ndarray,
    precision: float,
    *,
    n_annealed: int = 0,
    random_state: int | np.random.Generator | None = None,
) -> float:
    """Bits per pixel to which a density codes samples at a precision.

    ``-(log2 p(x) + m log2(precision)) / m``, averaged over samples of m pixels: p(x) times the volume of a cell
    of that side is the probability of the cell, and minus its logarithm the length of its ideal code.

    Parameters
    ----------
    model : estimator
        Fitted; with a method `score` that returns the mean log density in nats per sample, as `OvercompleteICA` and
        scikit-learn's `PCA`, `FactorAnalysis` and `GaussianMixture` have; or a `DictionaryDensity`.
    X : array (n_samples, n_pixels)
        Samples that the model was not fitted to. If their values lie on a grid, spread them over its cells first
        (`split_photographs` does), or a density that fits the grid codes for nothing.
    precision : float
        Side of a cell, in units of X; positive.
    n_annealed : int
        For `OvercompleteICA` and `DictionaryDensity`: samples on which the fast evidence is corrected by annealed
        importance sampling, see `DictionaryDensity.evidence`.
    random_state : int, numpy.random.Generator or None
        Of the annealing.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If an argument is malformed, or `model` has no density.

    References
    ----------
    Lewicki and Olshausen (1999), "Probabilistic framework for the adaptation and comparison of image codes",
    Journal of the Optical Society of America A 16.

    Examples
    --------
    White Gaussian samples to a hundredth of their deviation, ``log2(sqrt(2 pi e) / .01)`` bits:

    >>> from sklearn.decomposition import PCA
    >>> rng = np.random.default_rng(0)
    >>> model = PCA().fit(rng.standard_normal((5000, 4)))
    >>> round(coding_cost(model, rng.standard_normal((5000, 4)), 0.01), 1)
    8.7
    """
    X = np.asarray(check_array(X, "X", {"n_samples": None, "n_pixels": None}))
    precision = check_scalar(precision, "precision", strict=True)
    n_annealed = check_scalar(n_annealed, "n_annealed", integer=True)
    if isinstance(model, OvercompleteICA) and n_annealed:
        model = DictionaryDensity.of(model)
    if isinstance(model, DictionaryDensity):
        nats = model.evidence(X, n_annealed=n_annealed, random_state=random_state)
    elif hasattr(model, "score"):
        nats = float(model.score(X))
    else:
        raise ValueError(
            "`model` must have a method `score` that returns a log density, got "
            f"{type(model).__name__}; `DictionaryDensity` gives any dictionary one"
        )
    return float(-nats / np.log(2) / X.shape[1] - np.log2(precision))


def pixel_entropy(X: np.ndarray, precision: float) -> float:
    """Bits per pixel if every pixel is rounded to a precision and coded by itself: the entropy of their histogram.

    Parameters
    ----------
    X : array (n_patches, n_pixels)
    precision : float
        In units of X.

    Returns
    -------
    float

    Examples
    --------
    >>> pixel_entropy(np.array([[0.0, 1.0, 2.0, 3.0]]), 1.0)
    2.0
    """
    _, counts = np.unique(np.round(np.asarray(X) / precision), return_counts=True)
    share = counts / counts.sum()
    return float(-(share * np.log2(share)).sum())


@dataclass(frozen=True)
class CoefficientCost:
    """Cost of quantised coefficients.

    Examples
    --------
    >>> cost = CoefficientCost(bits=2.5, distortion=1.3, n_active=4.0, step=3.0, penalty=0.1)
    >>> cost.bits
    2.5
    """

    bits: float
    """Per pixel."""
    distortion: float
    """Mean squared error per pixel, in squared units of X."""
    n_active: float
    """Mean number of coefficients of a sample that are not zero once quantised."""
    step: float
    """Of the quantiser, in units of X per column of unit norm."""
    penalty: float
    """At which the codes were inferred; 0 where they are linear."""


def coefficient_cost(
    mixing: np.ndarray,
    X_table: np.ndarray,
    X: np.ndarray,
    distortion: float,
    *,
    penalty: float,
) -> CoefficientCost | None:
    """Bits per pixel of the quantised codes of a dictionary, at a stated mean squared error.

    Codes have the support and signs of the lasso's, ``argmin |x - A s|^2 / 2 + penalty |s|_1``, and are freed of
    its shrinkage: least squares as far as no sign changes. All are rounded to one step times the inverse
    length of their column, the step at which what samples lose, by the penalty and by rounding, is `distortion` per
    pixel. Every coefficient has a table of code lengths of its own, ``-log2`` of the relative frequencies of
    its rounded values over `X_table`, smoothed by a two-sided geometric law of the same mean size with the
    weight of eight samples. X is coded by these tables, so that the figure is what an arithmetic coder would reach
    on samples that it has not seen.

    Parameters
    ----------
    mixing : array (n_pixels, n_components)
        A, in units of X; its columns have the lengths of their sources' scales, which the penalty goes by.
    X_table : array (n_samples, n_pixels)
        Centred samples that the tables are made from.
    X : array (n_samples, n_pixels)
        Centred samples to be coded.
    distortion : float
        Mean squared error per pixel to be met; a pixel rounded to steps D has ``D^2 / 12``.
    penalty : float
        Of the lasso, in squared units of X; 0, for a square matrix, takes ``A^-1 x``.

    Returns
    -------
    CoefficientCost, or None
        None if the penalty alone loses more than `distortion`.

    Examples
    --------
    With the pixels themselves as a basis it is their entropy but for the tables' being other samples':

    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(0, 16, (4000, 2))
    >>> cost = coefficient_cost(np.eye(2), X[:3000], X[3000:], 1 / 12, penalty=0.0)
    >>> round(cost.step, 2), round(cost.bits)
    (1.0, 4)
    """
    A = np.ascontiguousarray(mixing, np.float64)
    m, n = A.shape
    norms = np.linalg.norm(A, axis=0)
    unit = A / np.where(norms > 0, norms, 1.0)
    S_table, S = (_codes(A, samples, penalty) * norms for samples in (X_table, X))

    def lost(step: float) -> float:
        return float(((X - (np.round(S / step) * step) @ unit.T) ** 2).mean())

    low, high = 1e-3 * np.sqrt(distortion), 100 * np.sqrt(distortion)
    if lost(low) > distortion:
        return None
    for _ in range(_BISECTIONS):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if lost(middle) <= distortion else (low, middle)
    tables, symbols = (np.round(codes / low).astype(np.int64) for codes in (S_table, S))
    bits = sum(_code_length(tables[:, j], symbols[:, j]) for j in range(n)) / m
    n_active = float((symbols != 0).sum(axis=1).mean())
    return CoefficientCost(float(bits), lost(low), n_active, float(low), penalty)


def _codes(A: np.ndarray, X: np.ndarray, penalty: float) -> np.ndarray:
    if penalty == 0.0:
        return np.asarray(np.linalg.solve(A, X.T).T)
    return np.asarray(SparseCoder(A.T, penalty=penalty, method="debiased").transform(X))


def _code_length(table: np.ndarray, symbols: np.ndarray) -> float:
    """Mean bits of symbols by the smoothed frequencies of a table."""
    size = np.abs(table).mean() + 1.0 / len(table)
    # p(k) = (1 - q) / (1 + q) q^|k|, whose mean size is 2q / (1 - q^2).
    q = size / (1.0 + np.sqrt(1.0 + size**2))
    values, counts = np.unique(table, return_counts=True)
    place = np.minimum(np.searchsorted(values, symbols), len(values) - 1)
    seen = np.where(values[place] == symbols, counts[place], 0)
    log_smooth = np.log((1 - q) / (1 + q)) + np.abs(symbols) * np.log(q)
    # In logarithms: far out the smooth law underflows.
    with np.errstate(divide="ignore"):
        logs = np.logaddexp(np.log(seen), np.log(_PSEUDO_COUNTS) + log_smooth)
    logs -= np.log(len(table) + _PSEUDO_COUNTS)
    return float(-logs.mean() / np.log(2))
