"""Arithmetic of fits: multiplications and additions, from sizes and from what a fit says of itself.

These are counts of a formula, not measurements: they leave out what is of lower order (activations, norms, sorting,
the optimiser's element-wise work) and say nothing of memory. d features, F components, N samples; a product of an
(a, b) with a (b, c) matrix is 2abc.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def ica_flops(ica: Any, X: np.ndarray) -> float:
    """Of `OvercompleteICA`, from its history of active sources.

    A step on B samples with F' columns (surplus columns included) does

    - correlations ``A'X``, ``2 B d F'``, and the Gram matrix ``A'A``, ``2 d F'^2``;
    - the active-set method: a sample with a active sources enters them one by one, and the i-th costs an update of a
      triangular factor and two solves, ``3 i^2``, and one of all correlations, ``2 i F'``: ``a^3 + a^2 F'``;
    - the covariance of its active sources, ``a^3``, and the statistics, ``2 a (d + a)``.

    The mean of a in every step is in ``history_["n_active"]``; powers of the mean stand for means of powers, so that
    this is an underestimate where samples differ much. A sum over all steps of all starts; the calibration at the end
    is left out.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> ica = SimpleNamespace(
    ...     components_=np.ones((8, 4)),
    ...     history_={"n_active": [1.0, 1.0]},
    ...     batch_size=100,
    ...     overprovision=1.0,
    ... )
    >>> ica_flops(ica, np.ones((500, 4)))
    17824.0
    """
    n_components, n_features = ica.components_.shape
    batch = min(ica.batch_size or max(1500, 4 * n_components), len(X))
    width = math.ceil(ica.overprovision * n_components)
    active = np.asarray(ica.history_["n_active"], float)
    step = 2 * batch * n_features * width + 2 * n_features * width**2
    sample = 2 * active**3 + active**2 * width + 2 * active * (n_features + active)
    return float(step * active.size + batch * sample.sum())


def no_flops(fitted: Any, X: np.ndarray) -> float:
    """0: nothing is learned."""
    return 0.0
