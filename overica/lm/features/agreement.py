"""Dictionaries held against each other and against themselves: agreement, and clusters of near-parallel features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from overica._validation import check_array, check_scalar
from overica.metrics import cosine_matrix, match_components

THRESHOLDS = (0.7, 0.9)
"""Cosines above which two features are called near, and the same."""


def feature_clusters(
    components: Any, threshold: float = 0.7, *, nonnegative: bool = True
) -> np.ndarray:
    """Cluster of every feature: single linkage of the cosines, cut at a threshold.

    Two features are in one cluster if a chain of features joins them in which neighbours have a cosine above the
    threshold; these are the connected components of that graph, which is what a single-linkage tree cut there has.

    Parameters
    ----------
    components : array (n_components, n_features)
        Features as rows, of any norm; rows of zero are alone.
    threshold : float
        In (0, 1).
    nonnegative : bool
        Whether codes cannot be negative; if they can, opposite features are near too.

    Returns
    -------
    array (n_components,) of int
        Labels from 0 on, the largest cluster first.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.lm import feature_clusters
    >>> feature_clusters(np.array([[1.0, 0.0], [0.0, 1.0], [0.0, -2.0], [0.1, 1.0]]))
    array([1, 0, 2, 0])
    """
    rows = check_array(components, "components", {"n_components": None, "n_features": None})
    threshold = check_scalar(threshold, "threshold", strict=True)
    cosines = cosine_matrix(rows.T, rows.T)
    near = (cosines if nonnegative else np.abs(cosines)) > threshold
    _, labels = connected_components(csr_matrix(near), directed=False)
    rank = np.argsort(np.argsort(-np.bincount(labels), kind="stable"))
    return np.asarray(rank[labels])


def clustered_share(components: Any, threshold: float, *, nonnegative: bool = True) -> float:
    """Share of the features that are in a cluster of two or more."""
    sizes = np.bincount(feature_clusters(components, threshold, nonnegative=nonnegative))
    return float(sizes[sizes > 1].sum() / sizes.sum())


def agreement(first: Any, second: Any, chance: Any | None = None) -> dict[str, float]:
    """How much of one dictionary is in another: features matched one to one by ``|cosine|``.

    Parameters
    ----------
    first, second : array (n_components, n_features)
        Features as rows; widths may differ. Shares are of the features of `first`.
    chance : array (n, n_features), optional
        Directions that take the place of `second` for the chance level.

    Returns
    -------
    dict of str to float
        `mean`, and the share of matches above each of `THRESHOLDS`, as ``above_0.7``; with `chance`, the same with
        ``chance_`` before it.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.lm import agreement
    >>> agreement(np.eye(3), -np.eye(3)[:2])
    {'mean': 0.666..., 'above_0.7': 0.666..., 'above_0.9': 0.666...}
    """
    found = _agreement(np.asarray(first), np.asarray(second))
    if chance is not None:
        other = _agreement(np.asarray(first), np.asarray(chance))
        found |= {f"chance_{name}": value for name, value in other.items()}
    return found


def _agreement(first: np.ndarray, second: np.ndarray) -> dict[str, float]:
    cosines = match_components(second.T, first.T).cosines
    n = len(first)
    figures = {"mean": float(cosines.sum() / n)}
    return figures | {f"above_{t:g}": float((cosines > t).sum() / n) for t in THRESHOLDS}


def random_directions(covariance: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Unit directions drawn as Gaussian samples of a covariance: what looks like the data and has no structure.

    They crowd where the data have their variance, as learned features do, so that they are nearer to those
    than directions that are spread evenly: the fairer chance level.
    """
    mean = np.zeros(len(covariance))
    draws = rng.multivariate_normal(mean, covariance, n, check_valid="ignore", method="eigh")
    return np.asarray(draws / np.linalg.norm(draws, axis=1, keepdims=True))


def partners(dictionaries: Mapping[str, np.ndarray], name: str) -> dict[str, dict[str, list[Any]]]:
    """For every feature of one dictionary its one-to-one match in each of the others.

    Returns
    -------
    dict of str to dict
        By the other's name: `index` of the partner (-1 for none) and `cosine`, signed, lists of n_components.
    """
    own = dictionaries[name]
    found = {}
    for other, rows in dictionaries.items():
        if other == name:
            continue
        matching = match_components(rows.T, own.T)
        index, cosine = np.full(len(own), -1), np.zeros(len(own))
        index[matching.true_index] = matching.learned_index
        cosine[matching.true_index] = matching.cosines * matching.signs
        found[other] = {"index": index.tolist(), "cosine": cosine.round(3).tolist()}
    return found


def nearest(components: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices and cosines of the features nearest to each by ``|cosine|``, (n_components, n) each."""
    cosines = cosine_matrix(components.T, components.T)
    sizes = np.abs(cosines)
    np.fill_diagonal(sizes, -1.0)
    n = min(n, len(components) - 1)
    order = np.argsort(-sizes, axis=1, kind="stable")[:, :n]
    return order, np.take_along_axis(cosines, order, axis=1)
