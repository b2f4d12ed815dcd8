"""The encoder of a fit, kept beside its dictionary, so that other texts can be encoded as it would."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from overica.coding import Featuriser, SparseCoder
from overica.formats import load
from overica.lm.features.record import Source
from overica.persistence import damage_named, read_arrays

_CODER = "coder.json"
_TOLD = ("method", "penalty", "nonnegative")


def packed_coder(coder: SparseCoder) -> dict[str, np.ndarray]:
    """What makes exact codes, the dictionary aside, as an array to keep: its settings and its penalty, in bytes.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.coding import SparseCoder
    >>> from overica.lm.features.encoders import packed_coder
    >>> coder = SparseCoder(np.eye(2), n_active=1).fit(np.array([[2.0, 1.0], [3.0, 0.5]]))
    >>> list(packed_coder(coder))
    ['coder.json']
    """
    told = coder.get_params(deep=False) | {"penalty": coder.penalty_}
    text = json.dumps({name: told[name] for name in _TOLD})
    return {_CODER: np.frombuffer(text.encode(), np.uint8)}


def read_encoder(study: Path, source: Source, nonnegative: bool) -> tuple[Featuriser, str]:
    """The encoder of a run, the one that was kept or exact codes on its dictionary; and what its codes are, in words.

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
    if kept is not None and kept.is_dir():
        return load(kept), "its own codes"
    path = study / source.dictionary
    arrays = read_arrays(path)
    told: dict[str, Any] = {"method": "debiased", "nonnegative": nonnegative}
    words = "exact codes"
    if kept is not None and kept.is_file():
        told |= json.loads(read_arrays(kept)[_CODER].tobytes())
    else:
        told["n_active"] = source.n_active
        words += (
            f" with {source.n_active:g} features a token on average, its own encoder was not kept"
        )
    with damage_named(str(path)):
        return SparseCoder(arrays["components"], offset=arrays["offset"], **told), words
