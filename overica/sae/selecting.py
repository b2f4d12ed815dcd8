"""What the TopK family shares: sparsity by choice, not by penalty, and the revival of dead features."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from overica.sae.base import SparseAutoencoder
from overica.sae.coefficients import Coefficient, FixedCoefficient
from overica.sae.module import Autoencoder, Losses, squared_error

AUXILIARY = 1 / 32
"""Coefficient of the auxiliary loss."""
_REACHED = 0.01


class SelectingAutoencoder(Autoencoder):
    """An autoencoder that keeps the largest codes.

    Rows of `W_dec` have unit norm throughout, so that codes compare. Features that have died reconstruct what the
    others leave over, see `auxiliary_loss`, until they are wanted again. That cannot reach features whose
    pre-activations are hardly ever positive, which start anew as in other variants.

    Parameters
    ----------
    n_features, n_components, rng
        See `Autoencoder`.
    n_active : float
        k, the number of codes kept per sample.
    """

    def __init__(
        self,
        n_features: int,
        n_components: int,
        rng: np.random.Generator | None,
        *,
        n_active: float,
    ) -> None:
        super().__init__(n_features, n_components, rng)
        self.n_active = n_active

    @staticmethod
    def keep(values: Tensor, n_kept: int) -> tuple[Tensor, Tensor]:
        """Which of the values count as large, see `largest`."""
        return largest(values, n_kept)

    @abstractmethod
    def select(self, preactivations: Tensor) -> Tensor:
        """Codes of a batch in training, (batch, n_components)."""

    def reconstruct(self, codes: Tensor, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Samples from their codes, the squared error, and what of it is minimised."""
        x_hat = self.decode(codes)
        error = squared_error(x_hat, x)
        return x_hat, error, error

    def loss(self, x: Tensor, coefficient: float = 0.0, dead: Tensor | None = None) -> Losses:
        """See `Autoencoder.loss`; there is no sparsity to penalise."""
        preactivations = self.preactivations(x)
        codes = self.select(preactivations)
        x_hat, error, total = self.reconstruct(codes, x)
        parts = {"reconstruction": error}
        if dead is not None and len(dead):
            residual = (x - x_hat).detach()
            revival = auxiliary_loss(preactivations[:, dead], residual, self.W_dec[dead], self.keep)
            parts["auxiliary"] = AUXILIARY * revival
            total = total + parts["auxiliary"]
        return Losses(total, codes, parts)

    @torch.no_grad()
    def hopeless(self, dead: Tensor, x: Tensor) -> Tensor:
        """See `Autoencoder.hopeless`: features that have a say in the auxiliary loss in too few samples."""
        values, _ = self.keep(self.preactivations(x)[:, dead], len(dead))
        reached = (values != 0).double().mean(dim=0)
        return dead[reached < _REACHED]


class SelectingSAE(SparseAutoencoder):
    """A sparse autoencoder of the TopK family, which has no `sparsity_coefficient`."""

    def _coefficient(self, n_active: float | None, n_steps: int) -> Coefficient:
        return FixedCoefficient(0.0)

    def _k(self, n_active: float | None) -> float:
        if n_active is None:
            raise ValueError(
                f"`sparsity_coefficient` must be None: {type(self).__name__} keeps `n_active` codes and penalises "
                f"none, got {self.sparsity_coefficient!r}"
            )
        return n_active


def auxiliary_loss(
    preactivations: Tensor,
    residual: Tensor,
    W_dec: Tensor,
    keep: Callable[[Tensor, int], tuple[Tensor, Tensor]] | None = None,
) -> Tensor:
    """What the best of the dead features leave of a residual.

    ``|residual - z W_dec|^2``, averaged over samples, where z keeps, in every sample, the n_features / 2 largest
    pre-activations and their positive part. The residual is a constant here and has no bias added to it, so that it is
    the dead features that learn from it (and, through their pre-activations, a little the decoder's bias).

    Parameters
    ----------
    preactivations : Tensor (batch, n_dead)
    residual : Tensor (batch, n_features)
    W_dec : Tensor (n_dead, n_features)
        Of the dead features.
    keep : callable or None
        What keeps the largest; None: `largest`.

    Returns
    -------
    Tensor
        Scalar.

    References
    ----------
    Gao et al. (2024), "Scaling and evaluating sparse autoencoders".
    """
    n_kept = max(1, residual.shape[1] // 2)
    kept, _ = (keep or largest)(preactivations, n_kept)
    return squared_error(kept @ W_dec, residual)


def largest(values: Tensor, n_kept: int) -> tuple[Tensor, Tensor]:
    """The `n_kept` largest of every row, if they are positive, and zero elsewhere; of those that tie, the first.

    Parameters
    ----------
    values : Tensor (rows, width)
    n_kept : int

    Returns
    -------
    kept : Tensor (rows, width)
        With the gradients of `values`; fewer than `n_kept` in a row with fewer positive ones.
    smallest : Tensor (rows, 1)
        What values had to reach, at least zero.

    Examples
    --------
    >>> import torch
    >>> kept, smallest = largest(torch.tensor([[1.0, 3.0, 1.0, 1.0], [-1.0, 0.5, -2.0, 0.0]]), 2)
    >>> kept
    tensor([[1.0000, 3.0000, 0.0000, 0.0000],
            [0.0000, 0.5000, 0.0000, 0.0000]])
    >>> smallest
    tensor([[1.],
            [0.]])
    """
    # NumPy knows no bfloat16, and the compiler of torch no partition of NumPy's.
    known = values.device.type == "cpu" and values.dtype != torch.bfloat16
    choose = by_partition if known and not torch.compiler.is_compiling() else by_index
    return choose(values, min(n_kept, values.shape[1]))


def by_index(values: Tensor, n_kept: int) -> tuple[Tensor, Tensor]:
    """`largest` without a look at the result, for which an accelerator would have to wait."""
    top = values.detach().topk(n_kept, dim=1, sorted=False)
    kept = torch.zeros_like(values, dtype=torch.bool).scatter_(1, top.indices, True)
    return values.relu() * kept, top.values.amin(dim=1, keepdim=True).clamp_min(0.0)


def by_partition(values: Tensor, n_kept: int) -> tuple[Tensor, Tensor]:
    """`largest` by NumPy's partition, several times faster than torch's selection on a CPU."""
    position = values.shape[1] - n_kept
    array = np.partition(values.detach().numpy(), position, axis=1)
    smallest = torch.from_numpy(array[:, position, None].copy()).clamp_min_(0.0)
    kept = above(values, smallest.reshape(()) if len(smallest) == 1 else smallest)
    with torch.no_grad():
        crowded = torch.nonzero(torch.count_nonzero(kept, dim=1) > n_kept).flatten()
        if not len(crowded):
            return kept, smallest
        ties = kept[crowded] == smallest[crowded]
        room = n_kept - (kept[crowded] > smallest[crowded]).sum(dim=1, keepdim=True)
        surplus = torch.zeros_like(kept, dtype=torch.bool)
        surplus[crowded] = ties & (ties.cumsum(dim=1) > room)
    return kept.masked_fill(surplus, 0.0), smallest


def above(values: Tensor, threshold: Tensor) -> Tensor:
    """`values` that reach a threshold >= 0 and are positive, and zero elsewhere.

    Examples
    --------
    >>> import torch
    >>> above(torch.tensor([-1.0, 0.0, 1.0, 2.0]), torch.tensor(2.0))
    tensor([0., 0., 0., 2.])
    """
    if values.device.type == "cpu" and threshold.ndim == 0:
        # One pass, gradients included; `threshold` keeps what is strictly larger.
        below = torch.nextafter(threshold, torch.zeros_like(threshold))
        return functional.threshold(values, float(below), 0.0)
    return values.relu() * (values >= threshold)
