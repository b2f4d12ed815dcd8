"""The tied autoencoder: the encoder is the dictionary itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from overica.sae.base import SparseAutoencoder
from overica.sae.module import Autoencoder
from overica.sae.relu import ReLUAutoencoder


class TiedAutoencoder(ReLUAutoencoder):
    """``codes = ReLU((x - b_dec) W_dec^T + b_enc)`` with unit rows of W_dec, penalised by ``sum_j codes_j``."""

    unit_rows: ClassVar[bool] = True

    def _make_encoder(self) -> None:
        """There is none: `W_enc` is the decoder's transpose."""

    @property
    def W_enc(self) -> Tensor:  # type: ignore[override]
        """``W_dec.T``, (n_features, n_components)."""
        return self.W_dec.T

    def _fold_encoder(self, norms: Tensor, unit: float) -> None:
        self.b_enc *= norms * unit

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """See `Autoencoder.restore`; the exported encoder differs from the decoder by `gain`."""
        for name in ("W_dec", "b_dec"):
            getattr(self, name).copy_(tensors[name])
        self.gain.copy_((tensors["W_enc"].T * tensors["W_dec"]).sum(dim=1))
        self.b_enc.copy_(tensors["b_enc"] / self.gain)


class TiedSAE(SparseAutoencoder):
    """Sparse autoencoder whose encoder is the transpose of its decoder, with an L1 penalty.

    ``codes = ReLU((x - b_dec) D^T + b_enc)`` with unit rows of D is trained by

        mean |x - x_hat|^2 + sparsity_coefficient * sum_j codes_j.

    It has half the parameters of `ReLUSAE`, but cannot tell features apart by reading along other directions than it
    writes. Parameters, attributes and errors are those of `SparseAutoencoder`.

    References
    ----------
    Cunningham et al. (2023), "Sparse autoencoders find highly interpretable features in language models".

    Examples
    --------
    >>> from overica.datasets import make_mixture
    >>> from overica.sae import TiedSAE
    >>> data = make_mixture(2000, 8, 12, "sparse_exponential", n_active=2, random_state=0)
    >>> sae = TiedSAE(12, n_active=2, n_steps=100, random_state=0).fit(data.X)
    >>> sae.transform(data.X).shape
    (2000, 12)
    """

    name: ClassVar[str] = "tied"
    label: ClassVar[str] = "Tied SAE"

    def _network(
        self,
        n_features: int,
        n_components: int,
        n_active: float | None,
        rng: np.random.Generator | None,
    ) -> Autoencoder:
        return TiedAutoencoder(n_features, n_components, rng)
