"""TopK: the k largest codes of every sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from overica.sae.module import Autoencoder
from overica.sae.selecting import SelectingAutoencoder, SelectingSAE


class TopKAutoencoder(SelectingAutoencoder):
    """``codes = ReLU(TopK((x - b_dec) W_enc + b_enc))``, the k largest of each sample."""

    def __init__(
        self,
        n_features: int,
        n_components: int,
        rng: np.random.Generator | None,
        *,
        n_active: float,
    ) -> None:
        super().__init__(n_features, n_components, rng, n_active=max(1, round(n_active)))

    architecture: ClassVar[str | None] = "topk"

    def select(self, preactivations: Tensor) -> Tensor:
        """See `SelectingAutoencoder.select`."""
        return self.keep(preactivations, int(self.n_active))[0]

    def activate(self, x: Tensor) -> Tensor:
        """See `Autoencoder.activate`."""
        return self.select(self.preactivations(x))

    def config(self) -> dict[str, Any]:
        """See `Autoencoder.config`; adds k, and that codes are compared as they are."""
        return super().config() | {"k": int(self.n_active), "rescale_acts_by_decoder_norm": False}

    def export(self) -> dict[str, Tensor]:
        """See `Autoencoder.export`; `gain` is the length of the decoder's rows, so that it has no say in the choice."""
        tensors = {name: getattr(self, name) for name in ("W_enc", "b_enc", "b_dec")}
        return tensors | {"W_dec": self.W_dec * self.gain[:, None]}

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """See `Autoencoder.restore`."""
        super().restore(tensors)
        self.gain.copy_(self.W_dec.norm(dim=1))
        self.W_dec.div_(self.gain[:, None].clamp_min(torch.finfo(self.gain.dtype).tiny))


class TopKSAE(SelectingSAE):
    """Sparse autoencoder that keeps the k largest codes of every sample.

    ``codes = ReLU(TopK((x - b_dec) W_enc + b_enc))`` is trained by ``mean |x - x_hat|^2`` and, where features have
    died, by 1/32 of an auxiliary loss, see `overica.sae.selecting.auxiliary_loss`. k is `n_active`, rounded.
    Parameters, attributes and errors are those of `SparseAutoencoder`; there is no `sparsity_coefficient`.

    References
    ----------
    Gao et al. (2024), "Scaling and evaluating sparse autoencoders".

    Examples
    --------
    >>> from overica.datasets import make_mixture
    >>> from overica.sae import TopKSAE
    >>> data = make_mixture(2000, 8, 12, "sparse_exponential", n_active=2, random_state=0)
    >>> sae = TopKSAE(12, n_active=2, n_steps=100, random_state=0).fit(data.X)
    >>> codes = sae.transform(data.X)
    >>> codes.shape, int((codes > 0).sum(axis=1).max())
    ((2000, 12), 2)
    """

    name: ClassVar[str] = "topk"
    label: ClassVar[str] = "TopK SAE"

    def _network(
        self,
        n_features: int,
        n_components: int,
        n_active: float | None,
        rng: np.random.Generator | None,
    ) -> Autoencoder:
        return TopKAutoencoder(n_features, n_components, rng, n_active=self._k(n_active))
