"""A folder of activations that another tool wrote, opened like one of ours, with what JSON files beside them say."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from overica.lm.store.activations import Activations
from overica.lm.store.files import TokenRows
from overica.lm.store.foreign.array_files import KINDS
from overica.lm.store.foreign.files import find_arrays
from overica.lm.store.place import site_of
from overica.lm.store.token_text import marks_pieces, vocabulary_of
from overica.persistence import read_json

FILES = ("metadata.json", "config.json", "cfg.json", "cache_activations_runner_cfg.json")
_WORDS: dict[str, tuple[type, tuple[str, ...]]] = {
    "model": (str, ("model_name", "model", "model_name_or_path", "llm_name")),
    "tokenizer": (str, ("tokenizer", "tokenizer_name")),
    "hook": (str, ("hook_name", "hook", "hook_point", "module", "submodule_name")),
    "layer": (int, ("hook_layer", "layer", "hook_point_layer")),
    "context": (int, ("context_size", "context", "ctx_len", "context_length")),
}
"""What each fact is, and is called by others; the first that is there is taken."""
_BLOCK = 1024
"""Rows of what stands for a document where nothing tells documents apart."""


class ForeignStore(Activations):
    """Activations in ``.npy``, ``.safetensors``, ``.pt`` or ``.arrow`` files, mapped and never copied whole.

    Files are taken in the order of their names, numbers by their value; arrays of (contexts, tokens, features) are read
    row after row. Where they lie beside, token ids (an integer array named like ``tokens`` or ``input_ids``, one per
    row) and a JSON file that names the model or tokenizer give the texts.

    Parameters
    ----------
    path : path
        The folder, or one file.
    key : str, optional
        Which array, where a file has several.

    Attributes
    ----------
    metadata : dict
        `kind`, `key`, `files`, what a ``config.json``, ``metadata.json`` or ``cfg.json`` says of `model`, `layer` and
        `hook`, and `content`, a hash.
    has_tokens : bool
        Whether token ids were found.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a file is damaged or not whole yet, holds several arrays or none, or does not fit the others: names it.

    Notes
    -----
    What stands for a document, of which a study never learns and judges both, is a context where files have them,
    else 1024 consecutive rows. Rows that were shuffled before they were written cannot be told apart by document.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from overica.lm import open_store
    >>> folder = Path(tempfile.mkdtemp())
    >>> for i in range(2):
    ...     np.save(folder / f"acts_{i}.npy", np.full((3, 5, 4), i, np.float16))
    >>> store = open_store(folder)
    >>> store.n_tokens, store.n_features, store.n_documents, store.activations.dtype
    (30, 4, 6, dtype('float16'))
    """

    replayable = False

    def __init__(self, path: str | os.PathLike[str], key: str | None = None) -> None:
        self.folder, self.key = Path(path), key
        self._found = find_arrays(self.folder, key)
        self.has_tokens = self._found.ids is not None

    def __repr__(self) -> str:
        return (
            f"ForeignStore({str(self.folder)!r}: {self.n_tokens} rows x {self.n_features} features, "
            f"{self.metadata['kind']}, {self.place})"
        )

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """What is known of the folder."""
        found = self._found
        return {
            **facts_of(found.files[0].parent, found.key),
            "kind": KINDS[found.files[0].suffix].name,
            "key": found.key,
            "files": [file.name for file in found.files],
            "n_tokens": self.n_tokens,
            "n_features": self.n_features,
            "content": self._content(),
        }

    @property
    def activations(self) -> Any:
        """See `Activations`."""
        return self._found.rows

    @cached_property
    def text(self) -> TokenRows:
        """Where each row stands; their numbers in place of token ids that are not known."""
        parts = list(self._parts())
        sizes = np.array([size for _, size in parts])
        starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
        positions = np.arange(self.n_tokens) - starts
        ids = positions if self._found.ids is None else self._found.ids
        documents = np.repeat(np.arange(len(sizes)), sizes)
        return TokenRows(ids, documents, positions, [name for name, _ in parts])

    @property
    def word_pieces(self) -> bool:
        """See `Activations`."""
        return getattr(self.vocabulary, "word_pieces", False)

    @property
    def without_texts(self) -> str | None:
        """See `Activations`."""
        if not self.has_tokens:
            return f"no token ids lie beside the activations in {str(self.folder)!r}"
        if isinstance(self.vocabulary, Numbered):
            return f"the tokenizer of the token ids in {str(self.folder)!r} is not at hand (named: {self._tokenizer})"
        return None

    @cached_property
    def vocabulary(self) -> Sequence[str]:
        """Text of every token id; where there are none, the number in brackets."""
        known = _vocabulary(self._tokenizer) if self.has_tokens and self._tokenizer else None
        return Numbered() if known is None else known

    @property
    def _tokenizer(self) -> str | None:
        named: str | None = self.metadata["tokenizer"] or self.metadata["model"]
        return named

    def _parts(self) -> Iterator[tuple[str, int]]:
        """Name and length of what stands for each document."""
        for shard in self._found.shards:
            length = shard.context or _BLOCK
            for start in range(0, len(shard.array), length):
                stop = min(start + length, len(shard.array))
                yield f"{Path(shard.name).name} rows {start} to {stop - 1}", stop - start

    def _content(self) -> str:
        """Hash of names, shapes and first rows: another folder of the same shape has another."""
        digest = hashlib.sha256()
        for shard in self._found.shards:
            name, shape = Path(shard.name).name, tuple(shard.array.shape)
            first = shard.array[:1]
            rows = first if isinstance(first, np.ndarray) else first.float().numpy()
            digest.update(f"{name} {shape} {rows.dtype}".encode())
            digest.update(np.ascontiguousarray(rows).tobytes())
        return digest.hexdigest()[:16]


class Numbered(Sequence[str]):
    """Stands for a vocabulary: every number is its own text.

    Examples
    --------
    >>> from overica.lm.store.foreign.foreign_store import Numbered
    >>> Numbered()[17]
    '[17] '
    """

    def __len__(self) -> int:
        return 2**31

    def __getitem__(self, key: Any) -> Any:
        return f"[{key}] "


def facts_of(folder: Path, key: str) -> dict[str, Any]:
    """`model`, `tokenizer`, `hook`, `layer` and `context`, None where nobody says; an array named like a hook is one.

    Raises
    ------
    ValueError
        If one of the files is damaged.
    """
    told: dict[str, Any] = {}
    for name in FILES:
        if (folder / name).is_file():
            found = read_json(folder / name)
            told = {**(found if isinstance(found, dict) else {}), **told}
    facts = {
        fact: next((told[word] for word in words if isinstance(told.get(word), kind)), None)
        for fact, (kind, words) in _WORDS.items()
    }
    hook = facts["hook"] or (key if "." in key else None)
    return facts | {"hook": hook} | (site_of(hook) if hook else {})


class Vocabulary(list[str]):
    """Texts of token ids, and whether they are word pieces."""

    word_pieces: bool = False


@functools.lru_cache(maxsize=2)
def _vocabulary(name: str) -> Vocabulary | None:
    """Texts of token ids by the tokenizer of that name, if it is on this machine."""
    try:
        from overica.lm.collecting.hub import fetch

        _, tokenizer = fetch(name, local_files_only=True)
    except (ImportError, OSError, ValueError):
        return None
    found = Vocabulary(vocabulary_of(tokenizer))
    found.word_pieces = marks_pieces(tokenizer)
    return found
