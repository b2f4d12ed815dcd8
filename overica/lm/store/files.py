"""The files of a folder of activations: how they are named, written and read.

=============================  ===================================================================================
``metadata.json``              settings, shapes, rows per shard, versions; written anew after each shard
``vocabulary.json``            text of every token id
``activations-00000.npy``      (rows, n_features) in the precision that the metadata say, memory-mapped when read
``tokens-00000.safetensors``   `ids`, `document_ids`, `positions`, each (tokens,) int32, and `kept`, bool: which of the
                               tokens have a row; without it, all
``documents-00000.json``       sources of the documents that begin in this shard
=============================  ===================================================================================

Every file appears in one move; a shard exists once the metadata count its rows, which are written last.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from overica.persistence import damage_named, read_json, write_atomically, write_json

METADATA = "metadata.json"
VOCABULARY = "vocabulary.json"
FORMAT = "overica activations 2"
FORMATS = ("overica activations 1", FORMAT)
"""That are read; the first had every token and float32 alone."""
UNSAID: dict[str, Any] = {
    "site": "residual",
    "module": None,
    "dtype": "float32",
    "store_dtype": "float32",
    "skip_first": 0,
    "max_norm": 0.0,
}
"""Settings of folders that say nothing of them."""
_COLUMNS = ("ids", "document_ids", "positions")


def read_metadata(folder: Path) -> dict[str, Any]:
    """What a folder of activations says of itself, with what those of before leave unsaid.

    Raises
    ------
    FileNotFoundError
        If it says nothing.
    ValueError
        If that is damaged, or of another format.
    """
    path = folder / METADATA
    if not path.is_file():
        raise FileNotFoundError(f"`folder` must hold {METADATA}, got {str(folder)!r} without it")
    found = read_json(path)
    told = found.get("format") if isinstance(found, dict) else None
    if told not in FORMATS:
        raise ValueError(f"{path} must be of format {FORMAT!r}, got {told!r}")
    return {**UNSAID, **found}


@dataclass(frozen=True, eq=False)
class TokenRows:
    """The tokens of one shard: those that have a row, and those that were skipped, whose text is there all the same.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.lm.store.files import TokenRows
    >>> rows = TokenRows(np.array([7, 8]), np.array([0, 0]), np.array([0, 1]), ["a.txt"])
    >>> len(rows), rows.ids.dtype
    (2, dtype('int32'))
    """

    ids: np.ndarray
    """(tokens,) int32, the tokenizer's number of each token."""
    document_ids: np.ndarray
    """(tokens,) int32, which document; they are numbered in order, and a document's tokens are consecutive."""
    positions: np.ndarray
    """(tokens,) int32, index of the token in its document."""
    sources: list[str] = field(default_factory=list)
    """Where the documents come from that begin in this shard."""
    kept: np.ndarray = None  # type: ignore[assignment]
    """(tokens,) bool, which have a row; None: all."""

    def __post_init__(self) -> None:
        for name in _COLUMNS:
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), np.int32))
        kept = np.ones(self.ids.shape, bool) if self.kept is None else np.asarray(self.kept, bool)
        object.__setattr__(self, "kept", kept)
        if len({getattr(self, name).shape for name in (*_COLUMNS, "kept")}) != 1:
            raise ValueError(
                "`ids`, `document_ids`, `positions` and `kept` must have one shape, got "
                f"{self.ids.shape}, {self.document_ids.shape}, {self.positions.shape} and {kept.shape}"
            )

    def __len__(self) -> int:
        return len(self.ids)

    def same_as(self, other: TokenRows) -> bool:
        """Whether both are of the same tokens of the same documents, whichever of them have a row."""
        equal = all(np.array_equal(getattr(self, n), getattr(other, n)) for n in _COLUMNS)
        return equal and self.sources == other.sources


@dataclass(frozen=True)
class ShardFiles:
    """The three files of one shard of a folder."""

    folder: Path
    number: int

    @property
    def activations(self) -> Path:
        """A matrix in NumPy's format."""
        return self.folder / f"activations-{self.number:05d}.npy"

    @property
    def tokens(self) -> Path:
        """Ids, document ids and positions."""
        return self.folder / f"tokens-{self.number:05d}.safetensors"

    @property
    def documents(self) -> Path:
        """Sources of the documents that begin here."""
        return self.folder / f"documents-{self.number:05d}.json"

    def read(self) -> np.ndarray:
        """The activations as they lie in the file, memory-mapped, read-only."""
        rows: np.ndarray = np.load(self.activations, mmap_mode="r", allow_pickle=False)
        return rows

    def read_tokens(self) -> TokenRows:
        """What is known of the tokens."""
        sources = read_json(self.documents)
        if not isinstance(sources, list):
            raise ValueError(
                f"{self.documents} is damaged: expected a list, got {type(sources).__name__}"
            )
        with damage_named(str(self.tokens)):
            try:
                columns = load(self.tokens.read_bytes())
            except SafetensorError as error:
                raise ValueError(str(error)) from None
            return TokenRows(
                **{name: columns[name] for name in _COLUMNS},
                sources=sources,
                kept=columns.get("kept"),  # type: ignore[arg-type]
            )

    def write_tokens(self, rows: TokenRows) -> None:
        """Write what is known of the tokens."""
        write_json(self.documents, rows.sources)
        columns = {name: getattr(rows, name) for name in (*_COLUMNS, "kept")}
        write_atomically(self.tokens, save(columns))
