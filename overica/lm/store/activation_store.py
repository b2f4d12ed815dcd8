"""A folder of activations, opened: the matrix, and for each row its token, text and place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from overica._validation import check_scalar
from overica.lm.store.files import FORMAT, METADATA, VOCABULARY, ShardFiles
from overica.lm.store.token_text import TokenTexts, joined
from overica.persistence import damage_named, read_json
from overica.random_state import generator
from overica.rows import ShardedRows, row_batches

_MOMENT_ROWS = 16384


class ActivationStore:
    """Activations of a transformer on disk, one row per token, as `collect_activations` wrote them.

    Nothing is read before it is asked for: opening a folder of any size is immediate.

    Parameters
    ----------
    folder : path
        Of `collect_activations`. An unfinished one opens with the shards it has; see `complete`.

    Attributes
    ----------
    folder : Path
    metadata : dict
        The settings of the collection (`model`, `layer`, `context`, `max_tokens`, `shard_tokens`, ...), `n_features`,
        `n_tokens`, `n_documents`, `sources`, `rows` (of each shard), `complete`, `word_pieces`, `versions`.
    complete : bool
        Whether the collection went to its end.
    n_tokens, n_features, n_documents : int

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no shard in it.
    ValueError
        If its files are damaged or of another format.

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
    >>> store = ActivationStore(folder)
    >>> store.n_tokens, store.activations[1], store.tokens(2), store.mean()
    (3, memmap([2., 3.], dtype=float32), '##c', array([2., 3.]))
    >>> store.context(1, before=1, after=5), store.excerpt(1)
    ((['a', 'b', '##c'], 1), ('a ', 'b', 'c'))
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        path = self.folder / METADATA
        if not path.is_file():
            raise FileNotFoundError(
                f"`folder` must hold {METADATA}, got {str(self.folder)!r} without it"
            )
        metadata = read_json(path)
        if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
            found = metadata.get("format") if isinstance(metadata, dict) else None
            raise ValueError(f"{path} must be of format {FORMAT!r}, got {found!r}")
        with damage_named(str(path)):
            lengths = [int(n) for n in metadata["rows"]]
            width = int(metadata["n_features"])
            for name in ("n_documents", "complete", "word_pieces"):
                metadata[name]
            if sum(lengths) != metadata["n_tokens"]:
                raise ValueError(f"expected {sum(lengths)} tokens, got {metadata['n_tokens']!r}")
        if not lengths:
            raise FileNotFoundError(f"`folder` {str(self.folder)!r} holds no finished shard yet")
        self._metadata: dict[str, Any] = metadata
        self._files = [ShardFiles(self.folder, i) for i in range(len(lengths))]
        for files, rows in zip(self._files, lengths, strict=True):
            _check(files, (rows, width))

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> ActivationStore:
        """The same as calling the class."""
        return cls(folder)

    def __repr__(self) -> str:
        return (
            f"ActivationStore({str(self.folder)!r}: {self.n_tokens} tokens x {self.n_features} features, "
            f"{self._metadata['model']} layer {self._metadata['layer']})"
        )

    def __len__(self) -> int:
        return self.n_tokens

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """Settings, shapes, sources and versions."""
        return {**self._metadata, "sources": self.sources}

    @property
    def n_tokens(self) -> int:
        """Rows."""
        return int(self._metadata["n_tokens"])

    @property
    def n_features(self) -> int:
        """Columns, the width of the model."""
        return int(self._metadata["n_features"])

    @property
    def n_documents(self) -> int:
        """Documents with a token in the store."""
        return int(self._metadata["n_documents"])

    @property
    def complete(self) -> bool:
        """Whether the collection went to its end."""
        return bool(self._metadata["complete"])

    @cached_property
    def activations(self) -> np.ndarray | ShardedRows:
        """(n_tokens, n_features) float32, memory-mapped: one array if there is one shard, else `ShardedRows`."""
        shards = [files.read() for files in self._files]
        return shards[0] if len(shards) == 1 else ShardedRows(shards)

    @cached_property
    def ids(self) -> np.ndarray:
        """(n_tokens,) int32, the tokenizer's number of each token."""
        return np.concatenate([rows.ids for rows in self._token_rows])

    @cached_property
    def document_ids(self) -> np.ndarray:
        """(n_tokens,) int32, which text; never falling."""
        return np.concatenate([rows.document_ids for rows in self._token_rows])

    @cached_property
    def positions(self) -> np.ndarray:
        """(n_tokens,) int32, index of the token in its text, special tokens not counted."""
        return np.concatenate([rows.positions for rows in self._token_rows])

    @cached_property
    def sources(self) -> list[str]:
        """Where each document comes from: a file, the name of an object, or ``text 3``."""
        return [source for rows in self._token_rows for source in rows.sources]

    @cached_property
    def vocabulary(self) -> list[str]:
        """Text of every token id."""
        return list(read_json(self.folder / VOCABULARY))

    @cached_property
    def token_texts(self) -> TokenTexts:
        """Text of the token at each row, a sequence of n_tokens strings."""
        return TokenTexts(self.ids, self.vocabulary)

    def tokens(self, i: int) -> str:
        """Text of the token at row `i`."""
        return self.token_texts[i]

    def context(self, i: int, before: int = 10, after: int = 10) -> tuple[list[str], int]:
        """Texts of the tokens around row `i`, within its document.

        Parameters
        ----------
        i : int
            Row; negative ones count from the end.
        before, after : int
            At most so many tokens on either side.

        Returns
        -------
        texts : list of str
        index : int
            Of the token of row `i` in `texts`.
        """
        i, start, stop = self._around(i, before, after)
        return self.token_texts[start:stop], i - start

    def excerpt(self, i: int, before: int = 10, after: int = 10) -> tuple[str, str, str]:
        """The text around row `i` as one reads it: what is before, the token itself, what is after.

        The tokenizer's marks (``##`` of word pieces) are taken away; joined, the three are the tokenizer's reading
        of the text.
        """
        texts, index = self.context(i, before, after)
        pieces = joined(texts, self._metadata["word_pieces"])
        return "".join(pieces[:index]), pieces[index], "".join(pieces[index + 1 :])

    def sample(self, n: int, random_state: Any = None) -> np.ndarray:
        """`n` rows drawn without replacement, (n, n_features) in memory; all of them if there are no more."""
        n = check_scalar(n, "n", minimum=1, integer=True)
        rows = generator(random_state).permutation(self.n_tokens)[:n]
        return np.array(self.activations[rows])

    def batches(self, batch_size: int, random_state: Any = None) -> Iterator[np.ndarray]:
        """Every row once, in order or, with a `random_state`, in random order."""
        return row_batches(self.activations, batch_size, random_state)

    def split(self, held_out: float = 0.1, random_state: Any = 0) -> tuple[np.ndarray, np.ndarray]:
        """Rows to learn from and rows held out, whole documents each.

        Documents in random order are held out until they hold the wanted share of the tokens.

        Parameters
        ----------
        held_out : float
            Share of the tokens, in (0, 1).
        random_state : int, numpy Generator or None

        Returns
        -------
        rows, rows_held_out : array of int64
            Sorted; together all rows.
        """
        held_out = check_scalar(held_out, "held_out", strict=True)
        if held_out >= 1 or self.n_documents < 2:
            raise ValueError(
                "`held_out` must be below 1 and the store of two documents or more, "
                f"got {held_out} of {self.n_documents}"
            )
        sizes = np.bincount(self.document_ids, minlength=self.n_documents)
        order = generator(random_state).permutation(self.n_documents)
        cumulated = np.cumsum(sizes[order])
        n_held = int(np.searchsorted(cumulated, held_out * self.n_tokens)) + 1
        chosen = np.zeros(self.n_documents, bool)
        chosen[order[: min(n_held, self.n_documents - 1)]] = True
        apart = chosen[self.document_ids]
        return np.flatnonzero(~apart), np.flatnonzero(apart)

    def mean(self) -> np.ndarray:
        """Mean activation, (n_features,) float64: what centring subtracts and mean-ablation puts in."""
        return self._moments[0].copy()

    def scale(self) -> float:
        """Root mean square about the mean over all entries: dividing by it gives unit variance on average."""
        return self._moments[1]

    @cached_property
    def _moments(self) -> tuple[np.ndarray, float]:
        X, n = self.activations, self.n_tokens
        parts = [slice(start, start + _MOMENT_ROWS) for start in range(0, n, _MOMENT_ROWS)]
        mean = np.zeros(self.n_features)
        for part in parts:
            mean += X[part].sum(axis=0, dtype=np.float64) / n
        power = sum(float(((X[part].astype(np.float64) - mean) ** 2).sum()) for part in parts)
        return mean, float(np.sqrt(power / (n * self.n_features)))

    @cached_property
    def _token_rows(self) -> list[Any]:
        return [files.read_tokens() for files in self._files]

    def _around(self, i: int, before: int, after: int) -> tuple[int, int, int]:
        if not -self.n_tokens <= i < self.n_tokens:
            raise IndexError(f"`i` must be in 0..{self.n_tokens - 1}, got {i}")
        i = int(i) % self.n_tokens
        before = check_scalar(before, "before", integer=True)
        after = check_scalar(after, "after", integer=True)
        first, last = np.searchsorted(
            self.document_ids, [self.document_ids[i], self.document_ids[i] + 1]
        )
        return i, max(i - before, int(first)), min(i + after + 1, int(last))


def _check(files: ShardFiles, shape: tuple[int, int]) -> None:
    for path in (files.activations, files.tokens, files.documents):
        if not path.is_file():
            raise FileNotFoundError(f"`folder` must hold {path.name}, got {str(path.parent)!r}")
    try:
        found = files.read()
    except (ValueError, EOFError) as error:
        raise ValueError(f"{files.activations} is damaged: {error}") from None
    if found.shape != shape or found.dtype != np.float32:
        raise ValueError(
            f"{files.activations} must be float32 of shape {shape}, got {found.dtype} {found.shape}"
        )
