"""The files of a folder of activations: how they are named, written and read.

=============================  ===================================================================================
``metadata.json``              settings, shapes, rows per shard, versions; written anew after each shard
``vocabulary.json``            text of every token id
``activations-00000.npy``      (rows, n_features) float32, memory-mapped when read
``tokens-00000.safetensors``   `ids`, `document_ids`, `positions`, each (rows,) int32
``documents-00000.json``       sources of the documents that begin in this shard
=============================  ===================================================================================

Every file appears in one move; a shard exists once the metadata count its rows, which are written last.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from overica.persistence import damage_named, read_json, write_atomically, write_json

METADATA = "metadata.json"
VOCABULARY = "vocabulary.json"
FORMAT = "overica activations 1"
_COLUMNS = ("ids", "document_ids", "positions")


@dataclass(frozen=True, eq=False)
class TokenRows:
    """What is known of the rows of one shard besides their activations.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.lm.store.files import TokenRows
    >>> rows = TokenRows(np.array([7, 8]), np.array([0, 0]), np.array([0, 1]), ["a.txt"])
    >>> len(rows), rows.ids.dtype
    (2, dtype('int32'))
    """

    ids: np.ndarray
    """(rows,) int32, the tokenizer's number of each token."""
    document_ids: np.ndarray
    """(rows,) int32, which document; they are numbered in order, and a document's rows are consecutive."""
    positions: np.ndarray
    """(rows,) int32, index of the token in its document."""
    sources: list[str] = field(default_factory=list)
    """Where the documents come from that begin in this shard."""

    def __post_init__(self) -> None:
        for name in _COLUMNS:
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), np.int32))
        if not self.ids.shape == self.document_ids.shape == self.positions.shape:
            raise ValueError(
                "`ids`, `document_ids` and `positions` must have one shape, got "
                f"{self.ids.shape}, {self.document_ids.shape} and {self.positions.shape}"
            )

    def __len__(self) -> int:
        return len(self.ids)

    def same_as(self, other: TokenRows) -> bool:
        """Whether both are of the same tokens of the same documents."""
        equal = all(np.array_equal(getattr(self, n), getattr(other, n)) for n in _COLUMNS)
        return equal and self.sources == other.sources


@dataclass(frozen=True)
class ShardFiles:
    """The three files of one shard of a folder."""

    folder: Path
    number: int

    @property
    def activations(self) -> Path:
        """Float32 matrix in NumPy's format."""
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
        """The activations, memory-mapped, read-only."""
        rows: np.ndarray = np.load(self.activations, mmap_mode="r", allow_pickle=False)
        return rows

    def read_tokens(self) -> TokenRows:
        """What is known of the rows."""
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
            return TokenRows(**{name: columns[name] for name in _COLUMNS}, sources=sources)

    def write_tokens(self, rows: TokenRows) -> None:
        """Write what is known of the rows."""
        write_json(self.documents, rows.sources)
        write_atomically(self.tokens, save({name: getattr(rows, name) for name in _COLUMNS}))
