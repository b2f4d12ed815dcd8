"""BatchTopK: as many codes as k per sample, wherever in the batch they are largest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from overica.distributed import world
from overica.distributed.exchange import gathered, total
from overica.sae.module import Autoencoder
from overica.sae.selecting import SelectingAutoencoder, SelectingSAE, above, largest

_MEMORY = 0.99


class BatchTopKAutoencoder(SelectingAutoencoder):
    """The ``k * batch`` largest codes of a batch in training; afterwards, codes above a threshold.

    The threshold is the smallest code kept, averaged over the batches of training: exponentially with a memory of
    a hundred steps, plainly as long as there were fewer.
    """

    architecture: ClassVar[str | None] = "jumprelu"

    threshold: Tensor

    def __init__(
        self,
        n_features: int,
        n_components: int,
        rng: np.random.Generator | None,
        *,
        n_active: float,
    ) -> None:
        super().__init__(n_features, n_components, rng, n_active=n_active)
        self.register_buffer("threshold", torch.zeros(()))
        self._n_batches = 0
        self._smallest = torch.zeros(())
        """Code that was kept last of the latest batch."""

    def select(self, preactivations: Tensor) -> Tensor:
        """See `SelectingAutoencoder.select`."""
        choose = largest if world() == 1 else largest_of_ranks
        n_samples = round(total({"n": len(preactivations)})["n"])
        n_kept = max(1, round(self.n_active * n_samples))
        codes, smallest = choose(preactivations.view(1, -1), n_kept)
        self._smallest = smallest.detach().reshape(())
        return codes.view_as(preactivations)

    def activate(self, x: Tensor) -> Tensor:
        """See `Autoencoder.activate`."""
        return above(self.preactivations(x), self.threshold)

    def export(self) -> dict[str, Tensor]:
        """See `Autoencoder.export`; with one threshold per feature, which `gain` moves too."""
        return super().export() | {"threshold": self.threshold * self.gain}

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """See `Autoencoder.restore`."""
        self.threshold = self.threshold.new_empty(len(self.W_dec))
        super().restore(tensors)

    def take(self, values: Mapping[str, np.ndarray]) -> None:
        """See `Autoencoder.take`."""
        self.threshold = self.threshold.new_empty(values["threshold"].shape)
        super().take(values)

    def get_extra_state(self) -> Tensor:
        """What torch's `state_dict` keeps besides: the number of batches behind the threshold."""
        return torch.tensor(self._n_batches)

    def set_extra_state(self, state: Tensor) -> None:
        """See `get_extra_state`."""
        self._n_batches = int(state)

    def _fold_encoder(self, norms: Tensor, unit: float) -> None:
        super()._fold_encoder(norms, unit)
        self.threshold *= unit

    @torch.no_grad()
    def after_step(self) -> None:
        """See `Autoencoder.after_step`; the threshold follows the smallest code that was kept."""
        super().after_step()
        self._n_batches += 1
        weight = max(1 - _MEMORY, 1 / self._n_batches)
        self.threshold.lerp_(self._smallest.to(self.threshold), weight)


def largest_of_ranks(values: Tensor, n_kept: int) -> tuple[Tensor, Tensor]:
    """`largest` of one row that lies in several ranks, each of which has a part; those that tie are all kept.

    No rank can keep more than its own `n_kept` largest, so that these are all that must be compared.
    """
    own = values.detach().flatten()
    n_own = min(n_kept, own.numel())
    sent = own.new_zeros(n_kept)
    sent[:n_own] = own.topk(n_own, sorted=False).values
    smallest = torch.cat(gathered(sent)).topk(n_kept, sorted=False).values.amin().clamp_min(0.0)
    return above(values, smallest), smallest.reshape(1, 1)


class BatchTopKSAE(SelectingSAE):
    """Sparse autoencoder that keeps the k largest codes per sample of a batch as a whole.

    Samples with more in them get more codes. Training is by ``mean |x - x_hat|^2`` over the ``k * batch`` largest
    codes of every batch and, where features have died, by 1/32 of an auxiliary loss, see
    `overica.sae.selecting.auxiliary_loss`. Afterwards a code is active where it is above a threshold, the mean of the
    smallest codes that were kept. k is `n_active` and need not be whole.
    Parameters, attributes and errors are those of `SparseAutoencoder`; there is no `sparsity_coefficient`.

    References
    ----------
    Bussmann, Leask and Nanda (2024), "BatchTopK sparse autoencoders".

    Examples
    --------
    >>> from overica.datasets import make_mixture
    >>> from overica.sae import BatchTopKSAE
    >>> data = make_mixture(2000, 8, 12, "sparse_exponential", n_active=2, random_state=0)
    >>> sae = BatchTopKSAE(12, n_active=2, n_steps=100, random_state=0).fit(data.X)
    >>> codes = sae.transform(data.X)
    >>> codes.shape, bool(abs((codes > 0).sum(axis=1).mean() - 2) < 0.2)
    ((2000, 12), True)
    """

    name: ClassVar[str] = "batchtopk"
    label: ClassVar[str] = "BatchTopK SAE"

    def _network(
        self,
        n_features: int,
        n_components: int,
        n_active: float | None,
        rng: np.random.Generator | None,
    ) -> Autoencoder:
        return BatchTopKAutoencoder(n_features, n_components, rng, n_active=self._k(n_active))
