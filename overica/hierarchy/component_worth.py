"""What a component is worth: how much less probable samples are without it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from overica.presence import PresenceModel

__all__ = ["worth"]

_NEVER = -1e6


def worth(model: PresenceModel, X: NDArray) -> NDArray[np.float64]:
    """Mean fall of log p(x, b) over samples if a component can no longer be present, (n_components,).

    Samples in which it is absent lose nothing; those in which it is present are inferred anew, so that others may take
    over what it explained. What a component carries does not say this: of two that stand for nearly the same, or of a
    sum and its parts, each may carry much and be missed little.

    Parameters
    ----------
    model : PresenceModel
    X : array (n_samples, n_features)

    Examples
    --------
    Two orthogonal components and one between them, which stands for both at once:

    >>> from overica.presence import Forest
    >>> A = np.array([[1, 0, 0.8], [0, 1, 0.6]])
    >>> model = PresenceModel(
    ...     A, np.full(3, 4.0), np.full(3, 0.25), 0.1, Forest.independent([0.2, 0.2, 0.05])
    ... )
    >>> X = np.repeat([[4.0, 0.0], [0.0, 4.0], [4.0, 3.0]], [3, 3, 1], axis=0)
    >>> one, two, between = worth(model, X)
    >>> bool(between < 0.05 * min(one, two))
    True
    """
    posterior = model.infer(X)
    present = posterior.sparse(np.ones(len(posterior.indices))).tocsc()
    values = np.zeros(model.n_components)
    for j in range(model.n_components):
        rows = present.indices[present.indptr[j] : present.indptr[j + 1]]
        if not len(rows):
            continue
        log_odds = model.forest.log_odds.copy()
        log_odds[j] = _NEVER
        silent = replace(model, forest=replace(model.forest, log_odds=log_odds))
        values[j] = (posterior.log_evidence[rows] - silent.infer(X[rows]).log_evidence).sum()
    return values / len(X)
