"""What this package saves: models, and sparse autoencoders."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from overica.coding import Featuriser
from overica.formats.format import Format
from overica.persistence.checkpoint import ARRAYS, CONFIG


class SavedModel(Format):
    """A folder of `OvercompleteICA.save`."""

    name: ClassVar[str] = "overica"
    files: ClassVar[tuple[str, ...]] = (CONFIG, ARRAYS)

    def read(self, folder: Path) -> Featuriser:
        """See `Format.read`."""
        from overica.estimator import OvercompleteICA

        return OvercompleteICA.load(folder)


class SavedAutoencoder(Format):
    """A folder of `save` of any class in `overica.sae.SAES`: SAELens reads it too, and here it comes back whole."""

    name: ClassVar[str] = "overica sae"
    files: ClassVar[tuple[str, ...]] = ("cfg.json", "sae_weights.safetensors")

    def recognises(self, folder: Path) -> bool:
        """See `Format.recognises`; what this package adds for itself is there."""
        return super().recognises(folder) and "overica" in self.config(folder)

    def read(self, folder: Path) -> Featuriser:
        """See `Format.read`."""
        from overica.sae import SparseAutoencoder

        return SparseAutoencoder.load(folder)
