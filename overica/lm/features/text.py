"""The features of a text that nobody has seen before: the model run on it, its stream encoded as a fit would."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from overica.coding import Dictionary, Featuriser, SparseCoder
from overica.formats import load
from overica.lm.collecting.model import ModelSource, load_again
from overica.lm.collecting.reader import stream_of
from overica.lm.collecting.sites import find_site
from overica.lm.collecting.texts import Document
from overica.lm.collecting.windows import windows
from overica.lm.features.reading import read_run, strongest_tokens
from overica.lm.features.record import Source
from overica.lm.store.token_text import joined, texts_of
from overica.persistence import damage_named, read_arrays

_CONTEXT = 128
_CODER = "coder.json"
_TOLD = ("method", "penalty", "nonnegative")


@dataclass(frozen=True, eq=False)
class TextFeatures:
    """Which features fire at which tokens of a text."""

    run: str
    title: str
    source: Source
    encoder: str
    """What the codes are, in words."""
    tokens: list[str]
    """Pieces that, put one after the other, read as the text."""
    codes: sparse.csr_matrix = field(repr=False)
    """(n_tokens, n_components), in units of the activations, of features of unit norm."""
    gists: dict[tuple[int, int], list[str]] = field(repr=False)
    """By feature that fires here and sign: the tokens where it was strongest in the study."""

    @property
    def l0(self) -> float:
        """Mean number of active features at a token."""
        return float(self.codes.nnz / len(self.tokens))

    def at(self, token: int, n: int) -> list[tuple[int, float]]:
        """The n features of largest absolute code at a token."""
        row = self.codes[token]
        order = np.argsort(-np.abs(row.data), kind="stable")[:n]
        return [(int(row.indices[i]), float(row.data[i])) for i in order]

    def gist(self, feature: int, code: float) -> list[str]:
        """Tokens where a feature was strongest in the study, with the sign that it has here; none if it never was."""
        return self.gists.get((feature, 1 if code > 0 else -1), [])

    def strongest(self, n: int) -> list[tuple[int, int, float]]:
        """The n features of largest absolute code in the text: feature, token, and its code there."""
        S = self.codes.tocoo()
        found: dict[int, tuple[int, int, float]] = {}
        for i in np.argsort(-np.abs(S.data), kind="stable"):
            j = int(S.col[i])
            found.setdefault(j, (j, int(S.row[i]), float(S.data[i])))
            if len(found) == n:
                break
        return list(found.values())


def text_features(
    study: str | os.PathLike[str],
    text: str,
    *,
    run: str | None = None,
    model: ModelSource | None = None,
    device: str = "auto",
) -> TextFeatures:
    """The features of a study that fire in a text.

    Parameters
    ----------
    study : path
        Folder that `overica features` wrote.
    text : str
        Longer than what the study's model saw at once, it is cut into windows as its texts were.
    run : str, optional
        Which fit, by its folder; by default the first.
    model : optional
        See `load_model`; by default the one that the study names.
    device : str
        See `load_model`.

    Returns
    -------
    TextFeatures

    Raises
    ------
    FileNotFoundError
        If the folder is not that of a study, or there is no model of that name.
    ValueError
        If the text holds no token, there is no such run, or the model has other weights than the study's.
    ImportError
        If transformers is not installed.
    """
    if not text.strip():
        raise ValueError("`text` must hold a token, got none")
    folder = Path(study)
    record = read_run(folder, run)
    with damage_named(f"the features of {record.get('run')} in {folder}"):
        source, nonnegative = Source(**record["source"]), bool(record["nonnegative"])
    featuriser, encoder = read_encoder(folder, source, nonnegative)
    loaded = load_again(vars(source), repr(str(folder)), model, device=device)
    found = list(windows(loaded, [Document(text, "text")], source.context or _CONTEXT))
    if not found:
        raise ValueError("`text` must hold a token, got none")
    site = find_site(loaded, source.layer, site=source.site, module=source.module)
    X = np.concatenate([stream_of(loaded, site, [window]) for window in found])
    codes = sparse.csr_matrix(Dictionary.of(featuriser).encode(featuriser, X))
    ids = np.concatenate([window.ids for window in found])
    return TextFeatures(
        run=str(record["run"]),
        title=str(record["title"]),
        source=source,
        encoder=encoder,
        tokens=joined(texts_of(ids, loaded.vocabulary), loaded.word_pieces),
        codes=codes,
        gists=strongest_tokens(folder, record, np.unique(codes.indices).tolist()),
    )


def packed_coder(coder: SparseCoder) -> dict[str, np.ndarray]:
    """What makes exact codes, the dictionary aside, as an array to keep: its settings and its penalty, in bytes.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.coding import SparseCoder
    >>> from overica.lm.features.text import packed_coder
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
