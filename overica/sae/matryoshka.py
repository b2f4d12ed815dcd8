"""Matryoshka: nested dictionaries, each of which has to reconstruct on its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from overica._validation import check_scalar
from overica.sae.batchtopk import BatchTopKAutoencoder
from overica.sae.module import Autoencoder, squared_error
from overica.sae.selecting import SelectingSAE
from overica.sae.trainer import Orthogonality


class MatryoshkaAutoencoder(BatchTopKAutoencoder):
    """A BatchTopK network whose first features, at several widths, reconstruct x without the others.

    Parameters
    ----------
    n_features, n_components, rng, n_active
        See `overica.sae.selecting.SelectingAutoencoder`.
    widths : sequence of int
        Rising; the last is n_components.
    """

    def __init__(
        self,
        n_features: int,
        n_components: int,
        rng: np.random.Generator | None,
        *,
        n_active: float,
        widths: Sequence[int],
    ) -> None:
        super().__init__(n_features, n_components, rng, n_active=n_active)
        self.widths = tuple(widths)

    def reconstruct(self, codes: Tensor, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See `SelectingAutoencoder.reconstruct`; the mean of the errors of all widths is minimised."""
        x_hat, errors = self.b_dec.expand_as(x), []
        for start, end in pairwise((0, *self.widths)):
            x_hat = x_hat.addmm(codes[:, start:end], self.W_dec[start:end])
            errors.append(squared_error(x_hat, x))
        return x_hat, errors[-1], sum(errors[1:], errors[0]) / len(errors)


class MatryoshkaSAE(SelectingSAE):
    """BatchTopK autoencoder in which the first features, at several widths, reconstruct without the others.

    With one choice of codes for all widths m, see `BatchTopKSAE`, training is by

        mean over m of |x - offset - codes[:, :m] D[:m]|^2

    averaged, not summed, over the widths. Features that come first have to be general; those of later groups refine
    them, and need not absorb what they say. Other parameters, attributes and errors are those of `SparseAutoencoder`;
    there is no `sparsity_coefficient`.

    Parameters
    ----------
    n_components : int or None
        See `SparseAutoencoder`.
    widths : sequence of int or None
        Widths at which a reconstruction is asked for, besides n_components. None: from a thirty-second of n_components
        on, each four times the one before.
    n_active, sparsity_coefficient, n_steps, batch_size, learning_rate, betas, warm_up, cool_down, clip
        See `SparseAutoencoder`.
    revive, orthogonality
        See `SparseAutoencoder`.
    random_state, device, precision, compile, checkpoint, checkpoint_every, warm_start, verbose, callback
        See `SparseAutoencoder`.

    References
    ----------
    Bussmann et al. (2025), "Learning multi-level features with Matryoshka sparse autoencoders".

    Examples
    --------
    >>> from overica.datasets import make_mixture
    >>> from overica.sae import MatryoshkaSAE
    >>> data = make_mixture(2000, 8, 12, "sparse_exponential", n_active=2, random_state=0)
    >>> sae = MatryoshkaSAE(12, widths=(4,), n_active=2, n_steps=100, random_state=0).fit(data.X)
    >>> sae.transform(data.X).shape, sae.module_.widths
    ((2000, 12), (4, 12))
    """

    name: ClassVar[str] = "matryoshka"
    label: ClassVar[str] = "Matryoshka SAE"

    def __init__(
        self,
        n_components: int | None = None,
        *,
        widths: Sequence[int] | None = None,
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
        self.widths = widths

    def _network(
        self,
        n_features: int,
        n_components: int,
        n_active: float | None,
        rng: np.random.Generator | None,
    ) -> Autoencoder:
        widths = nested_widths(n_components) if self.widths is None else self._widths(n_components)
        return MatryoshkaAutoencoder(
            n_features, n_components, rng, n_active=self._k(n_active), widths=widths
        )

    def _widths(self, n_components: int) -> list[int]:
        given = list(self.widths or ())
        widths = [check_scalar(width, "widths", minimum=1, integer=True) for width in given]
        if sorted(set(widths)) != widths or (widths and widths[-1] > n_components):
            raise ValueError(
                f"`widths` must rise and be at most n_components={n_components}, got {given}"
            )
        return widths if widths and widths[-1] == n_components else [*widths, n_components]


def nested_widths(n_components: int) -> list[int]:
    """Widths from a thirty-second of n_components on, times four each, and n_components itself.

    Examples
    --------
    >>> nested_widths(4096), nested_widths(32), nested_widths(1)
    ([128, 512, 2048, 4096], [1, 4, 16, 32], [1])
    """
    widths = {max(1, round(n_components * share)) for share in (1 / 32, 1 / 8, 1 / 2, 1)}
    return sorted(widths)
