"""What a component is worth: how much less probable samples are without it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from overica.presence import PresenceModel

__all__ = ["worth"]

_NUMBERS, _FEWEST = 2**23, 4096
"""Of samples that are inferred anew at a time, and rows of them at least: every time costs a Gram matrix."""


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
    values = np.zeros(model.n_components)
    per_part = max(_FEWEST, _NUMBERS // model.n_features)
    for first in range(0, len(posterior.indices), per_part):
        barred = posterior.indices[first : first + per_part]
        rows = posterior.samples[first : first + per_part]
        without = model.infer(X[rows], barred=barred).log_evidence
        lost = posterior.log_evidence[rows] - without
        values += np.bincount(barred, lost, model.n_components)
    return values / len(X)
