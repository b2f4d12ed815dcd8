"""JumpReLU: a learned threshold per feature, under a penalty on the number of active codes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from overica._validation import check_scalar
from overica.sae.base import SparseAutoencoder
from overica.sae.module import Autoencoder, Losses, column_sums, squared_error
from overica.sae.trainer import Orthogonality


class Jump(torch.autograd.Function):
    """Values above a threshold, and which they are; with a gradient for the threshold where there is none.

    Forward: ``active = 1[z > threshold]`` and ``codes = z * active``. Both jump at the threshold t. Their mean over
    samples is smooth all the same, and its derivative is a density at t; over a batch that density is estimated by a
    rectangle K of width h and area one:

        d codes / dt = -t K(z - t),    d active / dt = -K(z - t),    K(u) = 1[|u| < h / 2] / h.

    z gets the plain derivative, ``active``, of the codes and none of the activity.
    """

    @staticmethod
    def forward(ctx: Any, z: Tensor, threshold: Tensor, bandwidth: float) -> tuple[Tensor, Tensor]:
        """Codes and activity, both of the shape of z (batch, n_components)."""
        active = (z > threshold).to(z.dtype)
        ctx.save_for_backward(z, threshold, active)
        ctx.bandwidth = bandwidth
        return z * active, active

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_codes: Tensor, by_active: Tensor) -> tuple[Tensor, Tensor, None]:
        """Straight-through gradients."""
        z, threshold, active = ctx.saved_tensors
        close = ((z - threshold).abs() < ctx.bandwidth / 2).to(z.dtype)
        density = close * (threshold * by_codes + by_active)
        return by_codes * active, -column_sums(density) / ctx.bandwidth, None


class JumpReLUAutoencoder(Autoencoder):
    """``codes = z * 1[z > threshold]`` with ``z = (x - b_dec) W_enc + b_enc``; penalised by the number of active codes.

    Parameters
    ----------
    n_features, n_components, rng
        See `Autoencoder`.
    bandwidth : float
        Width h of the window through which thresholds see the density of z.
    """

    architecture: ClassVar[str | None] = "jumprelu"
    starts: ClassVar[Mapping[str, float]] = {"b_enc": 0.0, "threshold": 0.1}

    threshold: Tensor

    def __init__(
        self,
        n_features: int,
        n_components: int,
        rng: np.random.Generator | None,
        *,
        bandwidth: float,
    ) -> None:
        super().__init__(n_features, n_components, rng)
        self.bandwidth = bandwidth

    def activate(self, x: Tensor) -> Tensor:
        """See `Autoencoder.activate`."""
        z = self.preactivations(x)
        return z * (z > self.threshold)

    def loss(self, x: Tensor, coefficient: float = 0.0, dead: Tensor | None = None) -> Losses:
        """See `Autoencoder.loss`; the sparsity is the mean number of active codes, which moves thresholds alone."""
        codes, active = Jump.apply(self.preactivations(x), self.threshold, self.bandwidth)
        reconstruction = squared_error(self.decode(codes), x)
        sparsity = column_sums(active).sum() / len(x)
        return Losses(
            reconstruction + coefficient * sparsity,
            codes,
            {"reconstruction": reconstruction, "sparsity": sparsity},
        )

    @torch.no_grad()
    def after_step(self) -> None:
        """Unit rows, and no threshold below zero: codes are not negative."""
        super().after_step()
        self.threshold.clamp_(min=0.0)

    def _fold_encoder(self, norms: Tensor, unit: float) -> None:
        super()._fold_encoder(norms, unit)
        self.threshold *= norms * unit

    def export(self) -> dict[str, Tensor]:
        """See `Autoencoder.export`."""
        return super().export() | {"threshold": self.threshold * self.gain}


class JumpReLUSAE(SparseAutoencoder):
    """Sparse autoencoder with a learned threshold per feature and a penalty on the number of active codes.

    ``codes = z * 1[z > threshold]`` with ``z = (x - b_dec) W_enc + b_enc`` is trained by

        mean |x - x_hat|^2 + sparsity_coefficient * (number of active codes),

    whose gradient by the thresholds is estimated, see `overica.sae.jumprelu.Jump`. Codes above their threshold are
    not penalised, so they do not shrink. Other parameters, attributes and errors are those of `SparseAutoencoder`.

    Parameters
    ----------
    n_components : int or None
        See `SparseAutoencoder`.
    bandwidth : float
        Width of the window around a threshold in which samples have a say in where it moves, for samples of mean
        length sqrt(n_features).
    n_active, sparsity_coefficient, n_steps, batch_size, learning_rate, betas, warm_up, cool_down, clip
        See `SparseAutoencoder`.
    revive, orthogonality
        See `SparseAutoencoder`.
    random_state, device, precision, compile, checkpoint, checkpoint_every, warm_start, verbose, callback
        See `SparseAutoencoder`.

    References
    ----------
    Rajamanoharan et al. (2024), "Jumping ahead: improving reconstruction fidelity with JumpReLU sparse autoencoders".

    Examples
    --------
    >>> from overica.datasets import make_mixture
    >>> from overica.sae import JumpReLUSAE
    >>> data = make_mixture(2000, 8, 12, "sparse_exponential", n_active=2, random_state=0)
    >>> sae = JumpReLUSAE(12, n_active=2, n_steps=100, random_state=0).fit(data.X)
    >>> sae.transform(data.X).shape
    (2000, 12)
    """

    name: ClassVar[str] = "jumprelu"
    label: ClassVar[str] = "JumpReLU SAE"

    def __init__(
        self,
        n_components: int | None = None,
        *,
        bandwidth: float = 1.0,
        n_active: float | None = None,
        sparsity_coefficient: float | None = None,
        n_steps: int = 2000,
        batch_size: int = 1024,
        learning_rate: float | None = None,
        betas: tuple[float, float] = (0.9, 0.999),
        warm_up: float = 0.1,
        cool_down: float = 0.2,
        clip: float | None = 1.0,
        revive: bool = True,
        orthogonality: Orthogonality | None = None,
        random_state: Any = None,
        device: str = "auto",
        precision: str = "float32",
        compile: bool = False,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: float = 60.0,
        warm_start: bool = False,
        verbose: int = 0,
        callback: Callable[[dict[str, float]], object] | None = None,
    ) -> None:
        super().__init__(
            n_components,
            n_active=n_active,
            sparsity_coefficient=sparsity_coefficient,
            n_steps=n_steps,
            batch_size=batch_size,
            learning_rate=learning_rate,
            betas=betas,
            warm_up=warm_up,
            cool_down=cool_down,
            clip=clip,
            revive=revive,
            orthogonality=orthogonality,
            random_state=random_state,
            device=device,
            precision=precision,
            compile=compile,
            checkpoint=checkpoint,
            checkpoint_every=checkpoint_every,
            warm_start=warm_start,
            verbose=verbose,
            callback=callback,
        )
        self.bandwidth = bandwidth

    def _network(
        self,
        n_features: int,
        n_components: int,
        n_active: float | None,
        rng: np.random.Generator | None,
    ) -> Autoencoder:
        bandwidth = check_scalar(self.bandwidth, "bandwidth", strict=True)
        return JumpReLUAutoencoder(n_features, n_components, rng, bandwidth=bandwidth)
