"""Gemma Scope: JumpReLU, ``params.npz`` or, of the later release, ``params.safetensors``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from overica.formats.foreign_files import Tensors, holds, read_safetensors
from overica.formats.format import Format
from overica.formats.layout import Layout, assemble
from overica.formats.source import source
from overica.persistence import current, read_arrays

if TYPE_CHECKING:
    from overica.sae import SparseAutoencoder

_ARRAYS, _TENSORS = "params.npz", "params.safetensors"
_LAYOUT = Layout("jumprelu", {"b_enc": "b_enc", "threshold": "threshold"}, subtracts=False)


class GemmaScope(Format):
    """A folder of Gemma Scope; its encoders do not subtract the decoder's bias."""

    name: ClassVar[str] = "gemma_scope"
    files: ClassVar[tuple[str, ...]] = (_ARRAYS,)

    def recognises(self, folder: Path) -> bool:
        """See `Format.recognises`."""
        return holds(folder, _ARRAYS) or holds(folder, _TENSORS)

    def read(self, folder: Path) -> SparseAutoencoder:
        """See `Format.read`."""
        tensors = _tensors(folder)
        if "affine_skip_connection" in tensors:
            raise ValueError(
                f"{tensors.path} must describe an autoencoder, got a transcoder: it holds affine_skip_connection"
            )
        # Where it lies says what it is of: gemma-scope-2b-pt-res/layer_12/width_16k/average_l0_82.
        hook = "/".join(folder.parts[-3:])
        facts = source(self.name, str(folder), "jumprelu", hook=hook)
        return assemble(
            _LAYOUT.kind, *_LAYOUT.read(tensors), source=facts, subtracts=_LAYOUT.subtracts
        )


def _tensors(folder: Path) -> Tensors:
    """All tensors, under the names of the first release."""
    if holds(folder, _TENSORS):
        found = read_safetensors(folder / _TENSORS)
        renamed = {re.sub("^w_", "W_", name): value for name, value in found.items()}
        return Tensors(found.path, renamed)
    import torch

    path = folder / _ARRAYS
    arrays = read_arrays(current(folder, _ARRAYS))
    try:
        return Tensors(path, {name: torch.from_numpy(value) for name, value in arrays.items()})
    except TypeError as error:
        raise ValueError(f"{path} must hold arrays of numbers: {error}") from None
