"""A folder of activations, opened: the matrix, and for each row its token, text and place."""

from __future__ import annotations

import os
import warnings
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from overica.lm.store.activations import Activations, joined_shards
from overica.lm.store.files import METADATA, VOCABULARY, ShardFiles, TokenRows, read_metadata
from overica.lm.store.precision import PRECISIONS, Precision
from overica.persistence import damage_named, read_json


class ActivationStore(Activations):
    """Activations of a transformer on disk, one row per token, as `collect_activations` wrote them.

    Nothing is read before it is asked for: opening a folder of any size is immediate.

    Parameters
    ----------
    folder : path
        Of `collect_activations`. One that is not complete, perhaps because another process still writes to it, opens
        with the shards that are finished, and says so.

    Attributes
    ----------
    folder : Path
    metadata : dict
        The settings of the collection (`model`, `layer`, `site`, `context`, `skip_first`, ...), `n_features`,
        `n_tokens`, `n_documents`, `sources`, `rows` (of each shard), `skipped` (tokens without a row, by reason),
        `complete`, `word_pieces`, `versions`.
    complete : bool
        Whether the collection went to its end.
    n_tokens, n_features, n_documents : int

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no shard in it.
    ValueError
        If its files are damaged or of another format.

    Warns
    -----
    UserWarning
        If it is not complete.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from overica.lm import ActivationStore, StoreWriter, TokenRows
    >>> folder = tempfile.mkdtemp()
    >>> writer = StoreWriter(
    ...     folder, 2, ["a", "b", "##c"], {"model": "m", "layer": 1}, word_pieces=True
    ... )
    >>> with writer.shard(TokenRows([0, 1, 2], [0, 0, 0], [0, 1, 2], ["a.txt"])) as rows:
    ...     rows[:] = np.arange(6).reshape(3, 2)
    >>> writer.finish()
    >>> store = ActivationStore(folder)
    >>> store.n_tokens, store.activations[1], store.tokens(2), store.mean()
    (3, memmap([2., 3.], dtype=float32), '##c', array([2., 3.]))
    >>> store.context(1, before=1, after=5), store.excerpt(1)
    ((['a', 'b', '##c'], 1), ('a ', 'b', 'c'))
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        metadata = read_metadata(self.folder)
        with damage_named(str(self.folder / METADATA)):
            lengths = [int(n) for n in metadata["rows"]]
            width = int(metadata["n_features"])
            for name in ("n_documents", "complete", "word_pieces"):
                metadata[name]
            self._precision = PRECISIONS[metadata["store_dtype"]]
            if sum(lengths) != metadata["n_tokens"]:
                raise ValueError(f"expected {sum(lengths)} tokens, got {metadata['n_tokens']!r}")
        if not lengths:
            raise FileNotFoundError(f"`folder` {str(self.folder)!r} holds no finished shard yet")
        if not sum(lengths):
            raise ValueError(f"`folder` {str(self.folder)!r} holds no row: all tokens were skipped")
        self._metadata = metadata
        self._files = [ShardFiles(self.folder, i) for i in range(len(lengths))]
        for files, rows in zip(self._files, lengths, strict=True):
            _check(files, (rows, width), self._precision)
        if not self.complete:
            warnings.warn(
                f"{str(self.folder)!r} is not complete, and may still be written to: it is read as it is "
                f"now, {self.n_tokens} tokens in {len(lengths)} finished shard{'s' * (len(lengths) > 1)}",
                UserWarning,
                stacklevel=2,
            )

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> ActivationStore:
        """The same as calling the class."""
        return cls(folder)

    def __repr__(self) -> str:
        shape = f"{self.n_tokens} tokens x {self.n_features} features"
        return f"ActivationStore({str(self.folder)!r}: {shape}, {self.place})"

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """Settings, shapes, sources and versions."""
        return {**self._metadata, "sources": self.sources}

    @property
    def n_documents(self) -> int:
        """Documents with a token in the store."""
        return int(self._metadata["n_documents"])

    @property
    def complete(self) -> bool:
        """Whether the collection went to its end."""
        return bool(self._metadata["complete"])

    @cached_property
    def activations(self) -> Any:
        """(n_tokens, n_features), memory-mapped, in the precision of the files: one array if there is one shard, else
        `ShardedRows`; of bfloat16, which NumPy has no numbers for, rows that come as float32."""
        shards = [self._precision.decode(files.read()) for files in self._files]
        return joined_shards(shards, [str(files.activations) for files in self._files])

    @cached_property
    def text(self) -> TokenRows:
        """All tokens of the texts, those that were skipped included."""
        shards = [files.read_tokens() for files in self._files]
        ids, documents, positions, kept = (
            np.concatenate([getattr(shard, name) for shard in shards])
            for name in ("ids", "document_ids", "positions", "kept")
        )
        sources = [source for shard in shards for source in shard.sources]
        return TokenRows(ids, documents, positions, sources, kept)

    @cached_property
    def vocabulary(self) -> list[str]:
        """Text of every token id."""
        return list(read_json(self.folder / VOCABULARY))


def _check(files: ShardFiles, shape: tuple[int, int], precision: Precision) -> None:
    for path in (files.activations, files.tokens, files.documents):
        if not path.is_file():
            raise FileNotFoundError(f"`folder` must hold {path.name}, got {str(path.parent)!r}")
    try:
        found = files.read()
    except (ValueError, EOFError) as error:
        raise ValueError(f"{files.activations} is damaged: {error}") from None
    if found.shape != shape or found.dtype != precision.dtype:
        raise ValueError(
            f"{files.activations} must be {precision.name} of shape {shape}, got {found.dtype} {found.shape}"
        )
