"""A trained autoencoder brought to a level of sparsity: its thresholds raised or lowered together."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from overica._validation import Array, check_scalar
from overica.sae.base import SparseAutoencoder

_ROWS = 8192


def steer(sae: SparseAutoencoder, X: Array, n_active: float) -> bool:
    """Move the thresholds of an autoencoder so that samples have a mean number of active codes, in place.

    A threshold that was learned in batches, under a penalty or in a short run need not give the level that was asked
    for on other samples. With codes ``z 1[z > f t]``, thresholds t times one factor f, the number of active codes falls
    with f in steps at the ratios z / t: the f of a level is a quantile of these, found without search.

    Parameters
    ----------
    sae : SparseAutoencoder
        Fitted.
    X : array (n_samples, n_features)
        Samples that the level is reached on; of more than 8192 those, evenly spaced.
    n_active : float
        The level.

    Returns
    -------
    bool
        Whether it has thresholds; an autoencoder that has none is left as it is.

    Raises
    ------
    ValueError
        If `n_active` is not between 0 and the number of components.

    Examples
    --------
    >>> from overica.datasets import make_mixture
    >>> from overica.sae import BatchTopKSAE
    >>> X = make_mixture(2000, 8, 12, "sparse_exponential", n_active=2, random_state=0).X
    >>> sae = BatchTopKSAE(12, n_active=2, n_steps=20, random_state=0).fit(X)
    >>> steer(sae, X, 3.0), round(float((sae.transform(X) > 0).sum(axis=1).mean()), 2)
    (True, 3.0)
    """
    check_is_fitted(sae)
    check_scalar(n_active, "n_active", strict=True)
    if n_active > sae.n_components_:
        raise ValueError(f"`n_active` must be at most {sae.n_components_}, got {n_active:g}")
    module = sae.module_
    threshold = getattr(module, "threshold", None)
    if threshold is None:
        return False
    rows = np.unique(np.linspace(0, len(X) - 1, min(len(X), _ROWS)).astype(int))
    with torch.no_grad():
        x = torch.from_numpy(np.array(X[rows])).to(module.W_dec.device, module.W_dec.dtype)
        z = module.preactivations(x)
        ratios = torch.where(z > 0, z / threshold.clamp_min(torch.finfo(z.dtype).tiny), 0.0)
        k = min(max(1, round(n_active * len(rows))), ratios.numel() - 1)
        highest = torch.topk(ratios.flatten(), k + 1).values
        # Between two samples' codes, so that rounding decides nothing.
        threshold *= float((highest[-2].double() + highest[-1].double()) / 2)
    return True
