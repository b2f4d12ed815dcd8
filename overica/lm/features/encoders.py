"""The encoder of a fit, kept beside its dictionary, so that other texts can be encoded as it would."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from overica.coding import Dictionary, Featuriser, SparseCoder
from overica.lm.features.record import Source
from overica.persistence import damage_named, read_arrays, write_json

_CODER = "coder.json"
_TOLD = ("method", "penalty", "nonnegative")


class Encoder(NamedTuple):
    """A featuriser, and in a few words what its codes are."""

    featuriser: Featuriser
    words: str

    def encode(self, X: np.ndarray) -> np.ndarray:
        """Codes in units of X, of features of unit norm, (n_samples, n_components)."""
        return Dictionary.of(self.featuriser).encode(self.featuriser, X)


def kept_encoder(featuriser: Any) -> dict[str, np.ndarray]:
    """What encodes, as arrays to keep: the bytes of files, by their names.

    Parameters
    ----------
    featuriser : fitted SparseCoder, or anything with `save`
        An autoencoder is kept whole, of exact codes their penalty; of what cannot be saved nothing.
    """
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if isinstance(featuriser, SparseCoder):
            told = featuriser.get_params(deep=False) | {"penalty": featuriser.penalty_}
            write_json(folder / _CODER, {name: told[name] for name in _TOLD})
        elif hasattr(featuriser, "save"):
            featuriser.save(folder)
        files = [path for path in folder.iterdir() if path.is_file()]
        return {path.name: np.frombuffer(path.read_bytes(), np.uint8) for path in files}


def read_encoder(study: Path, source: Source, nonnegative: bool) -> Encoder:
    """The encoder of a run: the one that was kept, or exact codes on its dictionary.

    Parameters
    ----------
    study : Path
        Folder that the paths in `source` start from.
    source : Source
    nonnegative : bool
        Whether codes cannot be negative.

    Raises
    ------
    FileNotFoundError, ValueError
        If the dictionary is missing; if a file is damaged.
    """
    kept = None if source.encoder is None else study / source.encoder
    files = read_arrays(kept) if kept is not None and kept.is_file() else {}
    if files and _CODER not in files:
        from overica.sae import SparseAutoencoder

        with TemporaryDirectory() as scratch:
            for name, content in files.items():
                Path(scratch, Path(name).name).write_bytes(content.tobytes())
            return Encoder(SparseAutoencoder.load(scratch), "its own codes")
    path = study / source.dictionary
    arrays = read_arrays(path)
    with damage_named(str(path)):
        components, offset = arrays["components"], arrays["offset"]
    told: dict[str, Any] = {"method": "debiased", "nonnegative": nonnegative}
    if files:
        told |= json.loads(files[_CODER].tobytes())
        return Encoder(SparseCoder(components, offset=offset, **told), "exact codes")
    told["n_active"] = source.n_active
    return Encoder(
        SparseCoder(components, offset=offset, **told),
        f"exact codes with {source.n_active:g} features a token on average, its own encoder was not kept",
    )
