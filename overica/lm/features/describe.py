"""Every feature of a fit by itself: how often it fires, where the most, how its sizes are spread, what it is worth."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import sparse

from overica._validation import check_array
from overica.lm.features.densities import FAMILIES, fit_densities
from overica.lm.features.examples import Interval, examples

BINS = 24
"""Of the histograms of sizes."""


BEFORE, AFTER = 14, 9
"""Tokens of an example on either side of the one that it is of."""


def describe_features(
    codes: Any,
    documents: np.ndarray,
    residual: np.ndarray | None = None,
    components: np.ndarray | None = None,
    *,
    nonnegative: bool = True,
) -> list[dict[str, Any]]:
    """The features of a fit, from their codes on consecutive tokens.

    Parameters
    ----------
    codes : sparse matrix or array (n_tokens, n_components)
        In units of the activations, for features of unit norm.
    documents : array (n_tokens,) of int
        Document of each token.
    residual : array (n_tokens, n_features), optional
        Activations less their reconstruction; needed for the contributions, with `components`.
    components : array (n_components, n_features), optional
        Features as rows of unit norm.
    nonnegative : bool
        Whether codes cannot be negative.

    Returns
    -------
    list of dict
        In the order of the columns; `overica.lm.features.record` says what each holds, of which this is all that takes
        no other feature. The contribution is what the feature adds to the log evidence, all others as they
        are: at a token where it fires with code s, dropping it raises the squared error by ``s^2 + 2 s d'r``, and what
        the firing costs is set against that,

            (s^2 + 2 s d'r) / (2 sigma^2) + log p(s) + log(rho / (1 - rho)) + log(2 pi sigma^2) / 2,

        with p exponential (Laplace unless `nonnegative`) of the mean size, rho the frequency, and sigma^2 the mean
        squared residual of an entry: the log Bayes factor of the firing in the approximation of Laplace. Summed over
        the firings and divided by the number of tokens; NaN without residuals.

    Raises
    ------
    ValueError
        If shapes do not fit each other.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.lm.features.describe import describe_features
    >>> codes = np.array([[1.0, 0.0], [3.0, 0.0], [2.0, 0.0]])
    >>> first, dead = describe_features(codes, np.array([0, 0, 1]))
    >>> [row for row, *_ in first["examples"][0]["places"]], first["density"], dead["firings"]
    ([1, 2], 1.0, 0)
    """
    S = sparse.csc_matrix(codes)
    documents = np.asarray(documents)
    if documents.shape != (S.shape[0],):
        raise ValueError(f"`documents` must have shape ({S.shape[0]},), got {documents.shape}")
    features = []
    for j in range(S.shape[1]):
        rows, values = firings(S, j)
        found = examples(rows, values, documents)
        places = [_with_places(interval, rows, values, documents) for interval in found]
        about = _described(values, S.shape[0], nonnegative)
        features.append({"index": j, **about, "examples": places})
    if residual is None or components is None:
        return features
    residual = check_array(residual, "residual", {"n_tokens": S.shape[0], "n_features": None})
    noise_variance = max(float(np.mean(np.square(residual, dtype=np.float64))), 1e-30)
    for feature, component in zip(features, components, strict=True):
        if feature["firings"]:
            rows, values = firings(S, feature["index"])
            along = residual[rows] @ component.astype(residual.dtype)
            feature["contribution"] = _contribution(
                values, along, noise_variance, S.shape[0], nonnegative
            )
    return features


def firings(S: sparse.csc_matrix, j: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of a column that are not zero, ascending, and their values in double precision."""
    part = slice(S.indptr[j], S.indptr[j + 1])
    order = np.argsort(S.indices[part])
    return S.indices[part][order], S.data[part][order].astype(np.float64)


def _described(values: np.ndarray, n_tokens: int, nonnegative: bool) -> dict[str, Any]:
    sizes, n = np.abs(values), len(values)
    largest = float(sizes.max(initial=0.0))
    low, high = 0.0 if nonnegative else -largest, largest or 1.0
    counts, _ = np.histogram(values, BINS, (low, high))
    return {
        "firings": n,
        "density": n / n_tokens,
        "mean_size": float(sizes.mean()) if n else 0.0,
        "largest": largest,
        "positive_share": float((values > 0).mean()) if n else math.nan,
        "contribution": math.nan if n else 0.0,
        "histogram": {"low": low, "high": high, "counts": counts.tolist()},
        "prior": _prior(sizes),
    }


def _prior(sizes: np.ndarray) -> dict[str, Any] | None:
    fits = fit_densities(sizes)
    if not fits:
        return None
    best = max(fits, key=lambda name: fits[name].log_likelihood)
    return {
        "best": FAMILIES[best].label,
        "gain": fits[best].log_likelihood - fits["exponential"].log_likelihood,
        "distance": fits["exponential"].distance,
    }


def _with_places(
    interval: Interval, rows: np.ndarray, values: np.ndarray, documents: np.ndarray
) -> dict[str, Any]:
    """An interval whose places have the codes around them."""
    facts, places = vars(interval).copy(), []
    for row, value in zip(facts.pop("rows"), facts.pop("values"), strict=True):
        first, last = np.searchsorted(rows, [row - BEFORE, row + AFTER + 1])
        around = zip(rows[first:last].tolist(), values[first:last].tolist(), strict=True)
        places.append((row, value, [at for at in around if documents[at[0]] == documents[row]]))
    return facts | {"places": places}


def _contribution(
    values: np.ndarray, along: np.ndarray, noise_variance: float, n_tokens: int, nonnegative: bool
) -> float:
    theta = np.abs(values).mean()
    rho = min(len(values) / n_tokens, 1 - 0.5 / n_tokens)
    gain = (values**2 + 2 * values * along) / (2 * noise_variance)
    prior = -np.abs(values) / theta - np.log(theta) - (0.0 if nonnegative else np.log(2))
    price = np.log(rho / (1 - rho)) + 0.5 * np.log(2 * np.pi * noise_variance)
    return float((gain + prior + price).sum() / n_tokens)
