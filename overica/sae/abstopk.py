"""AbsTopK: the k codes of every sample that are largest in magnitude, with their signs."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from torch import Tensor

from overica.sae.module import Autoencoder
from overica.sae.selecting import SelectingSAE, largest
from overica.sae.topk import TopKAutoencoder


def largest_magnitudes(values: Tensor, n_kept: int) -> tuple[Tensor, Tensor]:
    """The `n_kept` of every row that are farthest from zero, and zero elsewhere; see `selecting.largest`.

    Examples
    --------
    >>> import torch
    >>> largest_magnitudes(torch.tensor([[1.0, -3.0, 0.5, 0.0]]), 2)
    (tensor([[ 1., -3.,  0.,  0.]]), tensor([[1.]]))
    """
    kept, smallest = largest(values.detach().abs(), n_kept)
    return values * (kept > 0), smallest


class AbsTopKAutoencoder(TopKAutoencoder):
    """``codes = (x - b_dec) W_enc + b_enc``, the k of each sample that are largest in magnitude."""

    architecture: ClassVar[str | None] = "abstopk"
    keep = staticmethod(largest_magnitudes)


class AbsTopKSAE(SelectingSAE):
    """Sparse autoencoder that keeps the k codes of every sample that are largest in magnitude, with their signs.

    A feature stands for both ends of its direction, where the others need one feature for each. For sources of one
    sign that is no help: which end is which is then arbitrary. Training is that of `TopKSAE`; the auxiliary loss, too,
    takes the largest in magnitude. Parameters, attributes and errors are those of `SparseAutoencoder`; there is no
    `sparsity_coefficient`, and codes may be negative.

    References
    ----------
    Zhu, Khalili and Zhu (2025), "AbsTopK: rethinking sparse autoencoders for bidirectional features".

    Examples
    --------
    >>> from overica.datasets import make_mixture
    >>> from overica.sae import AbsTopKSAE
    >>> data = make_mixture(2000, 8, 12, "laplace", random_state=0)
    >>> sae = AbsTopKSAE(12, n_active=2, n_steps=100, random_state=0).fit(data.X)
    >>> codes = sae.transform(data.X)
    >>> int((codes != 0).sum(axis=1).max()), bool((codes < 0).any())
    (2, True)
    """

    name: ClassVar[str] = "abstopk"
    label: ClassVar[str] = "AbsTopK SAE"
    one_sided: ClassVar[bool] = False

    def _network(
        self,
        n_features: int,
        n_components: int,
        n_active: float | None,
        rng: np.random.Generator | None,
    ) -> Autoencoder:
        return AbsTopKAutoencoder(n_features, n_components, rng, n_active=self._k(n_active))
