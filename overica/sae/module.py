"""The network of a sparse autoencoder: encoder, decoder, and the parts of its loss."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

_NEWCOMER = 0.5


@dataclass(frozen=True)
class Losses:
    """What a batch costs.

    Examples
    --------
    >>> losses = Losses(torch.tensor(1.5), torch.zeros(2, 3), {"reconstruction": torch.tensor(1.5)})
    >>> float(losses.total), losses.codes.shape
    (1.5, torch.Size([2, 3]))
    """

    total: Tensor
    """What is minimised, a scalar."""
    codes: Tensor
    """(batch, n_components) codes of the batch, with gradients."""
    parts: dict[str, Tensor] = field(default_factory=dict)
    """Scalars for the history: ``reconstruction``, ``sparsity`` (before its coefficient), ``auxiliary``."""


class Autoencoder(nn.Module, ABC):
    """An encoder ``x -> codes >= 0`` and a linear decoder ``codes @ W_dec + b_dec``.

    The network trains on samples about a centre, of mean length sqrt(n_features). When training is over, `fold` moves
    the centre into the decoder's bias, and units and lengths into the encoder: rows of `W_dec` then have unit norm, and
    samples and codes are in units of the data.

    Parameters
    ----------
    n_features, n_components : int
        d and F.
    rng : numpy.random.Generator or None
        Draws the decoder's directions; the encoder starts as the decoder's transpose. None leaves them at zero, for a
        network that is to be restored.

    Attributes
    ----------
    W_enc : Tensor (n_features, n_components)
    W_dec : Tensor (n_components, n_features)
    b_enc : Tensor (n_components,)
    b_dec : Tensor (n_features,)
    gain : Tensor (n_components,)
        Factors between encoder and decoder, one until `overica.sae.fine_tune_scale` fits them.

    Examples
    --------
    >>> from overica.sae import TopKSAE
    >>> X = np.random.default_rng(0).standard_normal((100, 3))
    >>> network = TopKSAE(4, n_active=1, n_steps=2, random_state=0).fit(X).module_
    >>> tuple(network.W_dec.shape), network.architecture
    ((4, 3), 'topk')
    """

    architecture: ClassVar[str | None] = None
    """What SAELens calls a network with the tensors of `export`; None where it has no word for it."""
    unit_rows: ClassVar[bool] = True
    """Whether rows of `W_dec` have unit norm in training too, so that codes of different features compare."""
    starts: ClassVar[Mapping[str, float]] = {"b_enc": 0.0}
    """Parameters with one number per feature, and where that starts."""

    optional: ClassVar[frozenset[str]] = frozenset()
    """Names of tensors that `export` leaves out where they say nothing."""

    W_enc: Tensor
    b_enc: Tensor
    gain: Tensor

    def __init__(self, n_features: int, n_components: int, rng: np.random.Generator | None) -> None:
        super().__init__()
        start = torch.zeros(n_components, n_features)
        if rng is not None:
            directions = rng.standard_normal((n_components, n_features))
            directions /= np.linalg.norm(directions, axis=1, keepdims=True)
            start = torch.from_numpy(directions.astype(np.float32))
            if not self.unit_rows:
                start *= 0.1
        self.W_dec = nn.Parameter(start)
        self.b_dec = nn.Parameter(torch.zeros(n_features))
        for name, value in self.starts.items():
            self.register_parameter(name, nn.Parameter(torch.full((n_components,), value)))
        self._make_encoder()
        self.register_buffer("gain", torch.ones(n_components))

    def _make_encoder(self) -> None:
        self.W_enc = nn.Parameter(
            self.W_dec.detach().T.clone(memory_format=torch.contiguous_format)
        )

    def shift(self) -> Tensor:
        """What the encoder reads of the decoder's bias, ``b_dec @ W_enc``, (n_components,)."""
        return self.b_dec @ self.W_enc

    def preactivations(self, x: Tensor) -> Tensor:
        """``(x - b_dec) @ W_enc + b_enc``, (batch, n_components)."""
        return torch.addmm(self.b_enc - self.shift(), x, self.W_enc)

    @abstractmethod
    def activate(self, x: Tensor) -> Tensor:
        """Codes of samples, (batch, n_components), before `gain`; each row depends on its own sample alone."""

    def encode(self, x: Tensor) -> Tensor:
        """Codes of samples, (batch, n_components): `activate` times `gain`."""
        return self.activate(x) * self.gain

    def decode(self, codes: Tensor) -> Tensor:
        """Samples from codes, ``codes @ W_dec + b_dec``."""
        return torch.addmm(self.b_dec, codes, self.W_dec)

    @abstractmethod
    def loss(self, x: Tensor, coefficient: float = 0.0, dead: Tensor | None = None) -> Losses:
        """What a batch costs.

        Parameters
        ----------
        x : Tensor (batch, n_features)
            Samples of mean length sqrt(n_features).
        coefficient : float
            Of the sparsity.
        dead : Tensor of int or None
            Features that have not fired for long.

        Returns
        -------
        Losses
            Squared errors are summed over features and averaged over samples.
        """

    @torch.no_grad()
    def before_step(self) -> None:
        """What gradients need before they are used: where rows keep their length, only what turns them is left.

        The part along a row is undone by `after_step`, but Adam would scale the steps by its size.
        """
        gradient = self.W_dec.grad
        if self.unit_rows and gradient is not None:
            gradient -= (gradient * self.W_dec).sum(dim=1, keepdim=True) * self.W_dec

    @torch.no_grad()
    def after_step(self) -> None:
        """What must hold after every step of the optimiser: unit rows, where they are wanted."""
        if self.unit_rows:
            self.W_dec.div_(self.W_dec.norm(dim=1, keepdim=True))

    def hopeless(self, dead: Tensor, x: Tensor) -> Tensor:
        """Those of the dead features that the loss cannot revive, given a batch: all, unless a variant knows better."""
        return dead

    @torch.no_grad()
    def restart(
        self, dead: Tensor, directions: Tensor
    ) -> list[tuple[Tensor, tuple[slice | Tensor, ...]]]:
        """Let features start anew in given directions.

        Parameters
        ----------
        dead : Tensor of int (n_dead,)
        directions : Tensor (n_dead, n_features)
            Unit rows.

        Returns
        -------
        list of (parameter, index)
            What was changed, whose momentum is to be forgotten.
        """
        alive = torch.ones(len(self.W_dec), dtype=torch.bool, device=dead.device)
        alive[dead] = False
        if not bool(alive.any()):
            alive[:] = True
        # A moderate encoder: a newcomer shares its samples with those that explained them so far.
        strength = _NEWCOMER * self.W_enc.norm(dim=0)[alive].mean()
        self.W_dec[dead] = directions * self.W_dec.norm(dim=1)[alive].mean()
        changed: list[tuple[Tensor, tuple[slice | Tensor, ...]]] = [(self.W_dec, (dead,))]
        if isinstance(self.W_enc, nn.Parameter):
            self.W_enc[:, dead] = directions.T * strength
            changed.append((self.W_enc, (slice(None), dead)))
        for name, value in self.starts.items():
            parameter = self.get_parameter(name)
            parameter[dead] = value
            changed.append((parameter, (dead,)))
        return changed

    @torch.no_grad()
    def fold(self, unit: float, centre: Tensor | float = 0.0) -> None:
        """Give the decoder unit rows and go over to the data's own units, ``x = centre + unit * (x in training)``.

        The function stays the same: codes become ``unit * norm * codes``.
        """
        norms = self.W_dec.norm(dim=1).clamp_min(torch.finfo(self.W_dec.dtype).tiny)
        self.W_dec.div_(norms[:, None])
        self.b_dec.mul_(unit).add_(centre)
        self._fold_encoder(norms, unit)

    def unfolded(self, unit: float, centre: np.ndarray) -> Autoencoder:
        """A copy, of a folded network, for samples ``(x - centre) / unit`` again."""
        other = copy.deepcopy(self)
        with torch.no_grad():
            other.b_dec.sub_(torch.from_numpy(centre).to(other.b_dec))
        # Rows have unit norm already, so that this takes back the unit and nothing else.
        other.to(torch.float32).fold(1 / unit)
        return other

    def begin_at(self, other: Autoencoder, unit: float, centre: np.ndarray) -> None:
        """Start from another network of the same kind, which is folded.

        Raises
        ------
        ValueError
            If it has another number of features or components.
        """
        shape, wanted = tuple(other.W_dec.shape), tuple(self.W_dec.shape)
        if shape != wanted:
            raise ValueError(
                f"`warm_start` needs the (n_components, n_features) of the fit before, {shape}, got {wanted}"
            )
        self.take(other.unfolded(unit, centre).values())
        # The factors belonged to what has been learned before.
        self.gain.fill_(1.0)

    def _fold_encoder(self, norms: Tensor, unit: float) -> None:
        self.W_enc.mul_(norms)
        self.b_enc.mul_(norms * unit)

    @torch.no_grad()
    def displace(self, amount: Tensor) -> None:
        """Add a constant (n_components,) to what the encoder reads, ``(x - b_dec) @ W_enc``."""
        self.b_enc += amount

    def values(self) -> dict[str, np.ndarray]:
        """All that it holds, in plain values; `take` is the inverse, to the bit."""
        return {name: value.cpu().numpy() for name, value in self.state_dict().items()}

    def take(self, values: Mapping[str, np.ndarray]) -> None:
        """Be as `values` says."""
        self.load_state_dict({name: torch.from_numpy(value) for name, value in values.items()})

    def config(self) -> dict[str, Any]:
        """What SAELens has to know besides the tensors of `export`."""
        n_components, n_features = self.W_dec.shape
        return {
            "architecture": self.architecture,
            "d_in": n_features,
            "d_sae": n_components,
            "dtype": str(self.W_dec.dtype).removeprefix("torch."),
            "device": "cpu",
            "apply_b_dec_to_input": True,
            "normalize_activations": "none",
            "reshape_activations": "none",
        }

    def export(self) -> dict[str, Tensor]:
        """Tensors by the names that SAELens gives them, of a folded network; `gain` has become part of them."""
        return {
            "W_enc": self.W_enc * self.gain,
            "b_enc": self.b_enc * self.gain,
            "W_dec": self.W_dec,
            "b_dec": self.b_dec,
        }

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over what `export` gave."""
        for name, value in tensors.items():
            getattr(self, name).copy_(value)


def column_sums(values: Tensor) -> Tensor:
    """Sums over the samples, at least in single precision: products may be in less, see `overica.sae.arithmetic`."""
    return values.sum(dim=0, dtype=torch.promote_types(values.dtype, torch.float32))


def squared_error(x_hat: Tensor, x: Tensor) -> Tensor:
    """Squared distance, summed over features and averaged over samples."""
    return nn.functional.mse_loss(x_hat, x, reduction="sum") / len(x)
