"""The cure of shrinkage: one factor per feature between encoder and decoder, fitted when all else is learned."""

from __future__ import annotations

import copy
from typing import TypeVar

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from overica._validation import Array
from overica.rows.parts import chunks
from overica.sae.base import SparseAutoencoder

_CHUNK = 8192
_RIDGE = 1e-9
_SMALLEST = 1e-6

SAE = TypeVar("SAE", bound=SparseAutoencoder)


def fine_tune_scale(sae: SAE, X: Array) -> SAE:
    """Undo the shrinkage of a trained autoencoder by one factor per feature.

    An L1 penalty pulls codes towards zero by more than sparsity needs. In the smallest case, a feature that is 1 or
    absent in one dimension, the best code under ``(1 - a)^2 + c a`` is ``a = 1 - c / 2`` instead of 1. With encoder
    and dictionary D as they are, the factors

        argmin_(s >= 0)  mean |x - offset - (s * codes) D|^2

    are found by least squares: ``(D D^T * codes^T codes) s = diag(D (x - offset)^T codes)``, products ``*`` entry by
    entry. Which codes are active stays as it was.

    Parameters
    ----------
    sae : SparseAutoencoder
        Fitted, of any kind; not changed.
    X : array (n_samples, n_features)
        Samples like those of the training, or these.

    Returns
    -------
    SparseAutoencoder
        A copy whose codes are multiplied by the factors. A feature that never fires in X keeps its factor, and one
        that is best left out keeps a millionth.

    Raises
    ------
    ValueError
        If X does not fit the autoencoder.
    sklearn.exceptions.NotFittedError
        If the autoencoder is not fitted.

    Notes
    -----
    Memory grows with n_components squared.

    References
    ----------
    B. Wright and L. Sharkey (2024), "Addressing feature suppression in SAEs".

    Examples
    --------
    >>> from overica.datasets import make_mixture
    >>> from overica.sae import ReLUSAE, fine_tune_scale
    >>> X = make_mixture(2000, 8, 12, "sparse_exponential", n_active=2, random_state=0).X
    >>> sae = ReLUSAE(12, n_active=2, n_steps=200, random_state=0).fit(X)
    >>> tuned = fine_tune_scale(sae, X)
    >>> before, after = (
    ...     ((X - m.inverse_transform(m.transform(X))) ** 2).mean() for m in (sae, tuned)
    ... )
    >>> bool(after < 0.9 * before)
    True
    """
    check_is_fitted(sae)
    D = sae.components_.astype(np.float64)
    width = len(D)
    moments, products = np.zeros((width, width)), np.zeros(width)
    for rows in chunks(sae._validated(X, reset=False), _CHUNK):
        part = np.asarray(rows, dtype=np.float64)
        codes = sae.transform(part)
        moments += codes.T @ codes
        products += ((part - sae.offset_) @ D.T * codes).sum(axis=0)
    factors = _nonnegative(moments * (D @ D.T), products)
    tuned = copy.deepcopy(sae)
    with torch.no_grad():
        gain = tuned.module_.gain
        gain *= torch.from_numpy(factors).to(gain.device, gain.dtype)
    return tuned


def _nonnegative(G: np.ndarray, r: np.ndarray) -> np.ndarray:
    """Factors s with ``G s = r``; one where a feature never fires, next to nothing where s would be negative.

    A little of ``sum_j G_jj (s_j - 1)^2`` decides between features that cannot be told apart.
    """
    s = np.ones(len(r))
    free = np.diag(G) > 0
    while free.any():
        block = G[np.ix_(free, free)]
        ridge = _RIDGE * np.diag(block)
        right = r[free] - G[np.ix_(free, ~free & (np.diag(G) > 0))].sum(axis=1) * _SMALLEST
        s[free] = np.linalg.solve(block + np.diag(ridge), right + ridge)
        negative = free & (s < _SMALLEST)
        if not negative.any():
            break
        s[negative] = _SMALLEST
        free &= ~negative
    return s
