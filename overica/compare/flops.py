"""Arithmetic of fits: multiplications and additions, from sizes and from what a fit says of itself.

These are counts of a formula, not measurements: they leave out what is of lower order (activations, norms, sorting,
the optimiser's element-wise work) and say nothing of memory. d features, F components, N samples; a product of an
(a, b) with a (b, c) matrix is 2abc.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def sae_flops(sae: Any, X: np.ndarray) -> float:
    """Of a sparse autoencoder: 6 per weight and sample seen.

    A weight takes a multiplication and an addition forward, and twice that backward (the gradients of weights and of
    activations). Encoder and decoder together have 2dF weights, whether tied or not, so a fit of T steps of B samples
    is ``12 d F B T``. That is an upper bound for sparse activations, which dense products do not use.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> sae = SimpleNamespace(components_=np.ones((8, 4)), n_iter_=10, batch_size=100)
    >>> sae_flops(sae, np.ones((500, 4)))
    384000.0
    """
    n_components, n_features = sae.components_.shape
    batch = min(int(sae.batch_size), len(X))
    return 12.0 * n_components * n_features * batch * float(sae.n_iter_)


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


def dictionary_learning_flops(learner: Any, X: np.ndarray) -> float:
    """NaN: the passes of scikit-learn's coordinate descent are not reported, and they are most of the work."""
    return float("nan")


def fastica_flops(fastica: Any, X: np.ndarray) -> float:
    """Of FastICA: whitening by singular vectors, ``4 N d^2 + 8 d^3``, then steps of ``4 N m^2 + 25 m^3``.

    A step with m components projects all samples and averages their products with the nonlinearity, and makes m
    directions orthogonal by an eigendecomposition.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> fastica_flops(SimpleNamespace(components_=np.ones((2, 2)), n_iter_=1), np.ones((10, 2)))
    584.0
    """
    n_samples, d = X.shape
    m = len(fastica.components_)
    step = 4 * n_samples * m**2 + 25 * m**3
    return float(4 * n_samples * d**2 + 8 * d**3 + fastica.n_iter_ * step)


def pca_flops(pca: Any, X: np.ndarray) -> float:
    """Of PCA by singular vectors: ``4 N d^2 + 8 d^3``.

    Examples
    --------
    >>> pca_flops(None, np.ones((10, 2)))
    224.0
    """
    n_samples, d = X.shape
    return float(4 * n_samples * d**2 + 8 * d**3)


def no_flops(fitted: Any, X: np.ndarray) -> float:
    """0: nothing is learned."""
    return 0.0
