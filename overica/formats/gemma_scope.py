"""Gemma Scope: JumpReLU, ``params.npz`` or, of the later release, ``params.safetensors``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from overica.formats.foreign_files import Tensors, holds, read_safetensors
from overica.formats.format import Format
from overica.formats.source import source
from overica.persistence import current, read_arrays

if TYPE_CHECKING:
    from overica.sae import SparseAutoencoder

_ARRAYS, _TENSORS = "params.npz", "params.safetensors"


class GemmaScope(Format):
    """A folder of Gemma Scope; its encoders do not subtract the decoder's bias."""

    name: ClassVar[str] = "gemma_scope"
    files: ClassVar[tuple[str, ...]] = (_ARRAYS,)

    def recognises(self, folder: Path) -> bool:
        """See `Format.recognises`."""
        return holds(folder, _ARRAYS) or holds(folder, _TENSORS)

    def read(self, folder: Path) -> SparseAutoencoder:
        """See `Format.read`."""
        from overica.formats.assembling import assemble

        tensors = _tensors(folder)
        if "affine_skip_connection" in tensors:
            raise ValueError(
                f"{tensors.path} must describe an autoencoder, got a transcoder: it holds affine_skip_connection"
            )
        W_enc = tensors.take("W_enc", d_in=None, d_sae=None)
        d, F = W_enc.shape
        encoder = {"W_enc": W_enc, "b_enc": tensors.take("b_enc", d_sae=F)}
        encoder["threshold"] = tensors.take("threshold", d_sae=F).clamp(min=0)
        W_dec = tensors.take("W_dec", d_sae=F, d_in=d)
        b_dec = tensors.take("b_dec", d_in=d)
        # Where it lies says what it is of: gemma-scope-2b-pt-res/layer_12/width_16k/average_l0_82.
        hook = "/".join(folder.parts[-3:])
        facts = source(self.name, str(folder), "jumprelu", hook=hook)
        return assemble("jumprelu", encoder, W_dec, b_dec, source=facts, subtracts=False)


def _tensors(folder: Path) -> Tensors:
    """All tensors, under the names of the first release."""
    if holds(folder, _TENSORS):
        found = read_safetensors(folder / _TENSORS)
        return found.renamed(lambda name: "W_" + name[2:] if name.startswith("w_") else name)
    import torch

    path = folder / _ARRAYS
    arrays = read_arrays(current(folder, _ARRAYS))
    try:
        return Tensors(path, {name: torch.from_numpy(value) for name, value in arrays.items()})
    except TypeError as error:
        raise ValueError(f"{path} must hold arrays of numbers: {error}") from None
