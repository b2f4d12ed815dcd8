"""The matching-pursuit autoencoder: features are chosen one after the other, each for what the others leave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from overica._validation import Array
from overica.sae.module import Autoencoder, Losses
from overica.sae.selecting import SelectingSAE
from overica.sae.tied import TiedAutoencoder


class MatchingPursuitAutoencoder(TiedAutoencoder):
    """Codes by k steps of matching pursuit on the rows of W_dec, which have unit norm.

    With the residual ``r = x - b_dec``, a step takes the row that agrees with it most and what it says of it away:

        j = argmax_i w_i . r,    v = max(w_j . r, 0),    codes_j += v,    r -= v w_j.

    As rows have unit norm, what is left is orthogonal to the row that was taken last. Gradients go through all steps,
    but not through the choices. `b_enc`, which is added to what a row says, is not learned: it is zero, unless rows are
    to read about another point than b_dec, see `displace`.

    Parameters
    ----------
    n_features, n_components, rng
        See `Autoencoder`.
    n_active : float
        Steps k, rounded: no sample has more active codes.
    """

    architecture: ClassVar[str | None] = "matching_pursuit"
    starts: ClassVar[Mapping[str, float]] = {}
    optional: ClassVar[frozenset[str]] = frozenset({"b_enc"})

    def __init__(
        self,
        n_features: int,
        n_components: int,
        rng: np.random.Generator | None,
        *,
        n_active: float,
    ) -> None:
        super().__init__(n_features, n_components, rng)
        self.n_active = max(1, round(n_active))

    def _make_encoder(self) -> None:
        self.register_buffer("b_enc", torch.zeros(len(self.W_dec)))

    def pursue(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Codes (batch, n_components), and samples without what these stand for, (batch, n_features)."""
        # The residual keeps b_dec, which is in what rows say of it: they may read about different points.
        bias = self.b_enc - self.shift()
        residual, chosen, values = x, [], []
        for _ in range(self.n_active):
            with torch.no_grad():
                best = torch.addmm(bias, residual, self.W_enc).argmax(dim=1)
            # Once more, with gradients, for the chosen rows alone: (batch, n_features) is kept per step.
            rows = self.W_dec[best]
            value = ((residual * rows).sum(dim=1) + bias[best]).relu()
            residual = residual - value[:, None] * rows
            chosen.append(best)
            values.append(value)
        codes = x.new_zeros(len(x), len(self.W_dec))
        codes = codes.scatter_add(1, torch.stack(chosen, dim=1), torch.stack(values, dim=1))
        return codes, residual

    def activate(self, x: Tensor) -> Tensor:
        """See `Autoencoder.activate`."""
        return self.pursue(x)[0]

    def loss(self, x: Tensor, coefficient: float = 0.0, dead: Tensor | None = None) -> Losses:
        """See `Autoencoder.loss`; there is no sparsity to penalise."""
        codes, residual = self.pursue(x)
        error = (residual - self.b_dec).square().sum() / len(x)
        return Losses(error, codes, {"reconstruction": error})

    @torch.no_grad()
    def restart(
        self, dead: Tensor, directions: Tensor
    ) -> list[tuple[Tensor, tuple[slice | Tensor, ...]]]:
        """See `Autoencoder.restart`."""
        self.b_enc[dead] = 0.0
        return super().restart(dead, directions)

    def config(self) -> dict[str, Any]:
        """See `Autoencoder.config`; adds when the pursuit ends: after k steps."""
        ends = {"max_iterations": self.n_active, "residual_threshold": 0.0}
        return super().config() | ends | {"stop_on_duplicate_support": False}

    def export(self) -> dict[str, Tensor]:
        """See `Autoencoder.export`; `gain` is the length of the decoder's rows, `b_enc` is there if it is not zero."""
        tensors = {"W_dec": self.W_dec * self.gain[:, None], "b_dec": self.b_dec}
        return tensors | ({"b_enc": self.b_enc} if bool(self.b_enc.any()) else {})

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """See `Autoencoder.restore`."""
        self.b_enc.zero_()
        Autoencoder.restore(self, tensors)
        self.gain.copy_(self.W_dec.norm(dim=1))
        self.W_dec.div_(self.gain[:, None].clamp_min(torch.finfo(self.gain.dtype).tiny))


class MatchingPursuitSAE(SelectingSAE):
    """Sparse autoencoder whose encoder is matching pursuit on its own dictionary.

    Codes are found in k steps; each chooses the atom that agrees most with what is left of the sample and takes its
    share away. A feature is thus read after those that stand for more of the sample, as a child after its parent in a
    hierarchy, and features may be correlated across levels, where an encoder that reads all at once needs them nearly
    orthogonal. Training is by ``mean |x - x_hat|^2`` alone, through all steps. k is `n_active`, rounded; an atom may be
    chosen twice, and a sample with nothing left ends before, so that it is the most codes that a sample has.

    There is no encoder to learn besides the dictionary. A step costs as much as the whole of another encoder; gradients
    pass the chosen atoms only. Parameters, attributes and errors are those of `SparseAutoencoder`; there is no
    `sparsity_coefficient`. Dead features start anew at residuals.

    References
    ----------
    Costa, Fel, Lubana, Tolooshams and Ba (2025), "From flat to hierarchical: extracting sparse representations with
    matching pursuit".

    Examples
    --------
    >>> from overica.datasets import make_mixture
    >>> from overica.sae import MatchingPursuitSAE
    >>> data = make_mixture(2000, 8, 12, "sparse_exponential", n_active=2, random_state=0)
    >>> sae = MatchingPursuitSAE(12, n_active=2, n_steps=100, random_state=0).fit(data.X)
    >>> codes = sae.transform(data.X)
    >>> codes.shape, int((codes > 0).sum(axis=1).max())
    ((2000, 12), 2)
    """

    name: ClassVar[str] = "matching_pursuit"
    label: ClassVar[str] = "Matching-pursuit SAE"

    def _network(
        self,
        n_features: int,
        n_components: int,
        n_active: float | None,
        rng: np.random.Generator | None,
    ) -> Autoencoder:
        return MatchingPursuitAutoencoder(n_features, n_components, rng, n_active=self._k(n_active))

    def flops(self, X: Array) -> float:
        """See `SparseAutoencoder.flops`: ``2 d F k B T``, the agreement of all atoms with the residual in every step.

        All else, gradients included, is of the chosen atoms alone and of lower order.
        """
        n_components, n_features = self.components_.shape
        batch, pursuit = min(int(self.batch_size), len(X)), max(1, round(self.n_active_ or 1))
        return 2.0 * n_components * n_features * pursuit * batch * self.n_iter_
