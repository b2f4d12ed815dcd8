"""Networks that begin with the features of a smaller one, which stay as they are."""

from __future__ import annotations

from functools import cache, partial
from itertools import chain

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from overica.sae.module import Autoencoder, Losses


def begin_with(
    network: Autoencoder, former: Autoencoder, unit: float, centre: np.ndarray
) -> Autoencoder:
    """Put a trained network's features first in an untrained, wider one, and freeze them.

    Parameters
    ----------
    network : Autoencoder
        Changed in place.
    former : Autoencoder
        A folded network of the same class, with fewer features.
    unit : float
    centre : array (n_features,)
        What it was folded with.

    Returns
    -------
    Autoencoder
        `network`, a `Frozen` one until it is folded.
    """
    former = former.unfolded(unit, centre).to(network.W_dec.device, network.W_dec.dtype)
    network.__class__ = _frozen(type(network))
    assert isinstance(network, Frozen)
    network.freeze(former)
    return network


class Frozen(Autoencoder):
    """A network whose first features do not learn.

    They keep all that is theirs: encoder, decoder, bias, threshold. What all features share, such as the decoder's
    bias b_dec, goes on from where it was and learns on. Frozen features go on reading ``x - c`` with the bias c that
    they learned with, so that their pre-activations stay the same while b_dec moves. `fold` then moves ``(b_dec - c)
    W_enc`` into their own bias and makes this a network of its usual class again.
    """

    n_frozen: int
    centre: Tensor
    handles: list[RemovableHandle]

    @torch.no_grad()
    def freeze(self, former: Autoencoder) -> None:
        """Start from another network's features and keep them."""
        self.n_frozen = len(former.W_dec)
        self.handles = []
        own = dict(chain(self.named_parameters(), self.named_buffers()))
        for name, old in chain(former.named_parameters(), former.named_buffers()):
            new = own[name]
            if new.shape == old.shape:
                new.copy_(old)
                continue
            axis = next(i for i, length in enumerate(old.shape) if length != new.shape[i])
            new.narrow(axis, 0, self.n_frozen).copy_(old)
            if isinstance(new, nn.Parameter):
                # A gradient of zero from the first step on leaves Adam's moments, and so the values, as they are.
                mask = partial(_cleared, axis=axis, n_frozen=self.n_frozen)
                self.handles.append(new.register_hook(mask))
        self.register_buffer("centre", former.b_dec.detach().clone())

    def shift(self) -> Tensor:
        """See `Autoencoder.shift`; frozen features read ``x - centre``."""
        frozen, new = self.W_enc[:, : self.n_frozen], self.W_enc[:, self.n_frozen :]
        return torch.cat([self.centre @ frozen, self.b_dec @ new])

    def loss(self, x: Tensor, coefficient: float = 0.0, dead: Tensor | None = None) -> Losses:
        """See `Autoencoder.loss`; frozen features are not revived."""
        moving = None if dead is None else dead[dead >= self.n_frozen]
        return super().loss(x, coefficient, moving)  # type: ignore[safe-super]

    def restart(
        self, dead: Tensor, directions: Tensor
    ) -> list[tuple[Tensor, tuple[slice | Tensor, ...]]]:
        """See `Autoencoder.restart`; frozen features are not restarted."""
        moving = dead >= self.n_frozen
        return super().restart(dead[moving], directions[moving])

    @torch.no_grad()
    def fold(self, unit: float, centre: Tensor | float = 0.0) -> None:
        """See `Autoencoder.fold`; freezing ends."""
        for handle in self.handles:
            handle.remove()
        n = self.n_frozen
        amount = (self.b_dec - self.centre) @ self.W_enc
        amount[n:] = 0.0
        self.displace(amount)
        del self.centre, self.handles, self.n_frozen
        self.__class__ = type(self).__bases__[1]
        self.fold(unit, centre)


@cache
def _frozen(kind: type[Autoencoder]) -> type[Autoencoder]:
    """`Frozen` on top of a class of networks."""
    return type(f"Frozen{kind.__name__}", (Frozen, kind), {})


def _cleared(gradient: Tensor, *, axis: int, n_frozen: int) -> Tensor:
    """A gradient without its frozen part."""
    gradient = gradient.clone()
    gradient.narrow(axis, 0, n_frozen).zero_()
    return gradient
