"""The gated autoencoder: whether a feature is active, and how much, are two questions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from overica.sae.base import SparseAutoencoder
from overica.sae.module import Autoencoder, Losses, column_sums, squared_error


class GatedAutoencoder(Autoencoder):
    """Codes ``1[gate > 0] * ReLU(magnitude)`` of two affine functions that share their directions.

    ``gate = (x - b_dec) W_enc + b_gate`` and ``magnitude = exp(r_mag) * (x - b_dec) W_enc + b_mag``.
    """

    architecture: ClassVar[str | None] = "gated"
    starts: ClassVar[Mapping[str, float]] = {"b_gate": 0.0, "b_mag": 0.0, "r_mag": 0.0}

    b_gate: Tensor
    b_mag: Tensor
    r_mag: Tensor

    def paths(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Gate and magnitude, both (batch, n_components), before their non-linearities."""
        projected = torch.addmm(-self.shift(), x, self.W_enc)
        return projected + self.b_gate, projected * self.r_mag.exp() + self.b_mag

    def activate(self, x: Tensor) -> Tensor:
        """See `Autoencoder.activate`."""
        gate, magnitude = self.paths(x)
        return magnitude.relu() * (gate > 0)

    def loss(self, x: Tensor, coefficient: float = 0.0, dead: Tensor | None = None) -> Losses:
        """See `Autoencoder.loss`; the sparsity is the L1 norm of the open gates, the codes are not penalised.

        The step function gives the gate no gradient, so it reconstructs x too. It does so through a decoder that is
        constant here: the dictionary serves the codes alone.
        """
        gate, magnitude = self.paths(x)
        codes = magnitude.relu() * (gate > 0)
        reconstruction = squared_error(self.decode(codes), x)
        opened = gate.relu()
        sparsity = column_sums(opened).sum() / len(x)
        auxiliary = squared_error(self.decode_gates(opened), x)
        return Losses(
            reconstruction + coefficient * sparsity + auxiliary,
            codes,
            {"reconstruction": reconstruction, "sparsity": sparsity, "auxiliary": auxiliary},
        )

    def decode_gates(self, opened: Tensor) -> Tensor:
        """Samples from the open gates, through a decoder that learns nothing from it."""
        return torch.addmm(self.b_dec.detach(), opened, self.W_dec.detach())

    def _fold_encoder(self, norms: Tensor, unit: float) -> None:
        self.W_enc *= norms
        self.b_gate *= norms * unit
        self.b_mag *= norms * unit

    @torch.no_grad()
    def displace(self, amount: Tensor) -> None:
        """See `Autoencoder.displace`."""
        self.b_gate += amount
        self.b_mag += self.r_mag.exp() * amount

    def export(self) -> dict[str, Tensor]:
        """See `Autoencoder.export`; the gate decides alone, `gain` is in the magnitude."""
        tensors = {name: getattr(self, name) for name in ("W_enc", "b_gate", "W_dec", "b_dec")}
        magnitude = {"r_mag": self.r_mag + self.gain.log(), "b_mag": self.b_mag * self.gain}
        return tensors | magnitude


class GatedSAE(SparseAutoencoder):
    """Sparse autoencoder in which gates decide which codes are active, and magnitudes how large they are.

    With ``gate = (x - b_dec) W_enc + b_gate`` and ``magnitude = exp(r_mag) * (x - b_dec) W_enc + b_mag``, codes are
    ``1[gate > 0] * ReLU(magnitude)``. Training is by

        mean |x - x_hat|^2 + sparsity_coefficient * sum_j ReLU(gate_j) + |x - ReLU(gate) D - offset|^2

    where D and the offset are constants in the last term. Only the gates are penalised, so the magnitudes do not
    shrink. The network is a `JumpReLUSAE` with its threshold at ``b_mag - exp(r_mag) b_gate``.
    Parameters, attributes and errors are those of `SparseAutoencoder`.

    References
    ----------
    Rajamanoharan et al. (2024), "Improving dictionary learning with gated sparse autoencoders".

    Examples
    --------
    >>> from overica.datasets import make_mixture
    >>> from overica.sae import GatedSAE
    >>> data = make_mixture(2000, 8, 12, "sparse_exponential", n_active=2, random_state=0)
    >>> sae = GatedSAE(12, n_active=2, n_steps=100, random_state=0).fit(data.X)
    >>> sae.transform(data.X).shape
    (2000, 12)
    """

    name: ClassVar[str] = "gated"
    label: ClassVar[str] = "Gated SAE"

    def _network(
        self,
        n_features: int,
        n_components: int,
        n_active: float | None,
        rng: np.random.Generator | None,
    ) -> Autoencoder:
        return GatedAutoencoder(n_features, n_components, rng)
