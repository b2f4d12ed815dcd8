"""From the weights in another's file to an estimator of this package: where they stand, and what they become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from overica.formats.foreign_files import Tensors

if TYPE_CHECKING:
    from torch import Tensor

    from overica.sae import SparseAutoencoder


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


def assemble(
    kind: str,
    encoder: Mapping[str, Tensor],
    W_dec: Tensor,
    b_dec: Tensor,
    *,
    source: dict[str, Any] | None = None,
    subtracts: bool = True,
    n_active: float | None = None,
    factor: Tensor | None = None,
) -> SparseAutoencoder:
    """A fitted sparse autoencoder with given weights.

    Others' dictionaries have rows of any length. Here rows have unit length, and the lengths are in the codes: code j
    is theirs times ``factor_j |W_dec_j|``, which does not change the reconstruction and lets codes of different
    features compare. Which codes are active is decided before, on their own scale.

    Parameters
    ----------
    kind : str
        A name in `overica.sae.SAES`.
    encoder : mapping of str to Tensor
        All of the network but its decoder, by the names of its attributes.
    W_dec : Tensor (n_components, n_features)
    b_dec : Tensor (n_features,)
    source : dict, optional
        What `source_` will say.
    subtracts : bool
        Whether the encoder reads ``x - b_dec``; else it reads x, and ``b_dec W_enc`` becomes part of its biases.
    n_active : float, optional
        Of the kinds that keep so many codes.
    factor : Tensor (n_components,), optional
        What codes are multiplied by before they are decoded.

    Returns
    -------
    SparseAutoencoder
    """
    import torch

    from overica.sae import SAES

    n_components, n_features = W_dec.shape
    sae = SAES[kind](n_components, n_active=n_active)
    module = sae._network(n_features, n_components, n_active, None).to(W_dec.dtype)
    norms = W_dec.norm(dim=1)
    # A row of zero has no direction; its codes mean nothing to the reconstruction, and stay what they are.
    norms = torch.where(norms > 0, norms, torch.ones_like(norms))
    with torch.no_grad():
        for name, value in encoder.items():
            getattr(module, name).data = value.to(W_dec.dtype)
        module.W_dec.data = W_dec / norms[:, None]
        module.b_dec.copy_(b_dec)
        module.gain.copy_(norms if factor is None else norms * factor)
        if not subtracts:
            module.displace(module.shift())
    sae._adopt(module.requires_grad_(False).eval())
    sae.n_features_in_ = n_features
    sae.n_active_ = n_active
    sae.centre_ = sae.offset_.astype("float64")
    # No step of training has been taken here, and samples were not scaled.
    sae.unit_, sae.history_, sae.n_iter_ = 1.0, {"loss": []}, 0
    if source is not None:
        sae.source_ = source
    return sae
