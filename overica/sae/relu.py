"""The classic sparse autoencoder: rectified codes and an L1 penalty."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from overica.sae.base import SparseAutoencoder
from overica.sae.module import Autoencoder, Losses, column_sums, squared_error


class ReLUAutoencoder(Autoencoder):
    """``codes = ReLU((x - b_dec) W_enc + b_enc)``, penalised by ``sum_j codes_j ||W_dec_j||``."""

    architecture: ClassVar[str | None] = "standard"
    unit_rows: ClassVar[bool] = False

    def activate(self, x: Tensor) -> Tensor:
        """See `Autoencoder.activate`."""
        return self.preactivations(x).relu()

    def loss(self, x: Tensor, coefficient: float = 0.0, dead: Tensor | None = None) -> Losses:
        """See `Autoencoder.loss`; the sparsity is the L1 norm of the codes, weighted by the decoder's norms.

        The weights keep a long decoder from hiding small codes.
        """
        codes = self.activate(x)
        reconstruction = squared_error(self.decode(codes), x)
        sparsity = torch.dot(column_sums(codes) / len(x), self.W_dec.norm(dim=1))
        return Losses(
            reconstruction + coefficient * sparsity,
            codes,
            {"reconstruction": reconstruction, "sparsity": sparsity},
        )


class ReLUSAE(SparseAutoencoder):
    """Sparse autoencoder with rectified codes and an L1 penalty.

    ``codes = ReLU((x - b_dec) W_enc + b_enc)`` is trained by

        mean |x - x_hat|^2 + sparsity_coefficient * sum_j codes_j ||W_dec_j||.

    The penalty makes codes sparse and, at the same time, too small; see `overica.sae.fine_tune_scale`.
    Parameters, attributes and errors are those of `SparseAutoencoder`.

    References
    ----------
    Bricken et al. (2023), "Towards monosemanticity"; Conerly et al. (2024), "Update on how we train SAEs".

    Examples
    --------
    >>> from overica.datasets import make_mixture
    >>> from overica.sae import ReLUSAE
    >>> data = make_mixture(2000, 8, 12, "sparse_exponential", n_active=2, random_state=0)
    >>> sae = ReLUSAE(12, n_active=2, n_steps=100, random_state=0).fit(data.X)
    >>> codes = sae.transform(data.X)
    >>> codes.shape, bool((codes >= 0).all()), sae.inverse_transform(codes).shape
    ((2000, 12), True, (2000, 8))
    """

    name: ClassVar[str] = "relu"
    label: ClassVar[str] = "ReLU SAE (L1)"
    shrinks: ClassVar[bool] = True

    def _network(
        self,
        n_features: int,
        n_components: int,
        n_active: float | None,
        rng: np.random.Generator | None,
    ) -> Autoencoder:
        return ReLUAutoencoder(n_features, n_components, rng)
