"""The encoder of a fit, kept beside its dictionary, so that other texts can be encoded as it would."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from overica.coding import Dictionary, Featuriser, SparseCoder
from overica.lm.features.record import Source
from overica.persistence import damage_named, read_arrays, read_json, write_json

_CODER = "coder.json"
_TOLD = ("method", "penalty", "nonnegative")


class Encoder(NamedTuple):
    """A featuriser, and in a few words what its codes are."""

    featuriser: Featuriser
    words: str

    def encode(self, X: np.ndarray) -> np.ndarray:
        """Codes in units of X, of features of unit norm, (n_samples, n_components)."""
        return Dictionary.of(self.featuriser).encode(self.featuriser, X)


def keep_encoder(folder: Path, featuriser: Any) -> None:
    """Write to a folder what encodes: an autoencoder whole, of exact codes their penalty.

    Parameters
    ----------
    folder : Path
        Made if missing.
    featuriser : fitted SparseCoder, or anything with `save`
    """
    if isinstance(featuriser, SparseCoder):
        folder.mkdir(parents=True, exist_ok=True)
        told = featuriser.get_params(deep=False) | {"penalty": featuriser.penalty_}
        write_json(folder / _CODER, {name: told[name] for name in _TOLD})
    else:
        featuriser.save(folder)


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
    if kept is not None and kept.is_dir() and not (kept / _CODER).is_file():
        from overica.sae import SparseAutoencoder

        return Encoder(SparseAutoencoder.load(kept), "its own codes")
    path = study / source.dictionary
    arrays = read_arrays(path)
    with damage_named(str(path)):
        components, offset = arrays["components"], arrays["offset"]
    told: dict[str, Any] = {"method": "debiased", "nonnegative": nonnegative}
    if kept is not None and kept.is_dir():
        told |= read_json(kept / _CODER)
        return Encoder(SparseCoder(components, offset=offset, **told), "exact codes")
    told["n_active"] = source.n_active
    return Encoder(
        SparseCoder(components, offset=offset, **told),
        f"exact codes with {source.n_active:g} features a token on average, its own encoder was not kept",
    )
