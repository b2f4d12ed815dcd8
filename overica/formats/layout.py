"""Where in a file the weights of an autoencoder stand: by which names, and which way round."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from overica.formats.foreign_files import Tensors

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Layout:
    """What one program calls the tensors of one kind; what ends with ``.T`` is stored transposed."""

    kind: str
    """What it is here, a name in `overica.sae.SAES`."""
    vectors: Mapping[str, str] = field(default_factory=lambda: {"b_enc": "b_enc"})
    """One number per feature: the name here, and there."""
    b_dec: str = "b_dec"
    W_enc: str = "W_enc"
    """(n_features, n_components); empty where there is none."""
    W_dec: str = "W_dec"
    """(n_components, n_features)."""
    subtracts: bool = True
    """Whether the encoder reads ``x - b_dec``."""

    def read(
        self, tensors: Tensors, n_components: int | None = None, n_features: int | None = None
    ) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """Encoder by the names of the network here, and the decoder's matrix and bias.

        Raises
        ------
        ValueError
            If a tensor is missing or of another shape: names file and tensor.
        """
        W_dec = _matrix(tensors, self.W_dec, d_sae=n_components, d_in=n_features)
        F, d = W_dec.shape
        encoder = {"W_enc": _matrix(tensors, self.W_enc, d_in=d, d_sae=F)} if self.W_enc else {}
        for here, there in self.vectors.items():
            one = there == "threshold" and there in tensors and tensors[there].ndim == 0
            encoder[here] = tensors.take(there).repeat(F) if one else tensors.take(there, d_sae=F)
        if "threshold" in encoder:
            # Codes are rectified too, so a threshold below zero is one at zero.
            encoder["threshold"] = encoder["threshold"].clamp(min=0)
        return encoder, W_dec, tensors.take(self.b_dec, d_in=d)


def _matrix(tensors: Tensors, name: str, **shape: int | None) -> Tensor:
    if not name.endswith(".T"):
        return tensors.take(name, **shape)
    other_way = dict(reversed(shape.items()))
    return tensors.take(name.removesuffix(".T"), **other_way).T.contiguous()
