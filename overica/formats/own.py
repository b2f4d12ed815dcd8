"""What this package saves: models, and sparse autoencoders."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from overica.coding import Featuriser
from overica.formats.foreign_files import Config
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
        if super().recognises(folder):
            # Damage is found by whoever reads it.
            with suppress(ValueError, OSError):
                return "overica" in Config.read(folder / self.files[0])
        return False

    def read(self, folder: Path) -> Featuriser:
        """See `Format.read`."""
        from overica.sae import SparseAutoencoder

        return SparseAutoencoder.load(folder)
