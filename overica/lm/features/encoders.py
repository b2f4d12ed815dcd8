"""The encoder of a fit, kept beside its dictionary, so that other texts can be encoded as it would."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from overica.coding import Dictionary, Featuriser, SparseCoder
from overica.lm.features.record import Source
from overica.persistence import damage_named, read_arrays

_CODER = "coder.json"
_TOLD = ("method", "penalty", "nonnegative")


class Encoder(NamedTuple):
    """A featuriser, and in a few words what its codes are."""

    featuriser: Featuriser
    words: str

    def encode(self, X: np.ndarray) -> np.ndarray:
        """Codes in units of X, of features of unit norm, (n_samples, n_components)."""
        return Dictionary.of(self.featuriser).encode(self.featuriser, X)


def packed_encoder(featuriser: Any) -> dict[str, np.ndarray]:
    """What encodes, as arrays to keep in a file: those of bytes, by the names of the files that they would be.

    Parameters
    ----------
    featuriser : fitted SparseCoder, or anything with `save`
        Of the former its settings and its penalty, the dictionary being kept elsewhere; the latter whole.

    Returns
    -------
    dict of str to array of uint8
        Empty if the featuriser cannot be saved.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.coding import SparseCoder
    >>> from overica.lm.features.encoders import packed_encoder
    >>> coder = SparseCoder(np.eye(2), n_active=1).fit(np.array([[2.0, 1.0], [3.0, 0.5]]))
    >>> list(packed_encoder(coder))
    ['coder.json']
    """
    if isinstance(featuriser, SparseCoder):
        told = featuriser.get_params(deep=False) | {"penalty": featuriser.penalty_}
        text = json.dumps({name: told[name] for name in _TOLD})
        return {_CODER: np.frombuffer(text.encode(), np.uint8)}
    if not hasattr(featuriser, "save"):
        return {}
    with tempfile.TemporaryDirectory() as folder:
        featuriser.save(folder)
        return {
            path.name: np.frombuffer(path.read_bytes(), np.uint8)
            for path in sorted(Path(folder).iterdir())
        }


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
    packed = _kept(study, source)
    if packed and _CODER not in packed:
        return Encoder(_unpacked(packed), "its own codes")
    path = study / source.dictionary
    arrays = read_arrays(path)
    told: dict[str, Any] = {"method": "debiased", "nonnegative": nonnegative}
    words = "exact codes"
    if packed:
        told |= json.loads(packed[_CODER].tobytes())
    else:
        told["n_active"] = source.n_active
        words += (
            f" with {source.n_active:g} features a token on average, its own encoder was not kept"
        )
    with damage_named(str(path)):
        return Encoder(SparseCoder(arrays["components"], offset=arrays["offset"], **told), words)


def _kept(study: Path, source: Source) -> dict[str, np.ndarray]:
    if source.encoder is None or not (study / source.encoder).is_file():
        return {}
    return read_arrays(study / source.encoder)


def _unpacked(packed: Mapping[str, np.ndarray]) -> Featuriser:
    from overica.sae import SparseAutoencoder

    with tempfile.TemporaryDirectory() as folder:
        for name, content in packed.items():
            (Path(folder) / name).write_bytes(content.tobytes())
        return SparseAutoencoder.load(folder)
