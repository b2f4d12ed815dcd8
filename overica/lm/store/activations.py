"""A matrix of activations on disk, whoever wrote it, and what is known of its rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from overica._validation import check_scalar
from overica.lm.store.files import TokenRows
from overica.lm.store.place import place_of
from overica.lm.store.token_text import joined, texts_of
from overica.random_state import generator
from overica.rows import Rows, ShardedRows
from overica.rows.shards import precision_of, row_batches

_MOMENT_ROWS = 16384


class Activations(ABC):
    """Rows of activations in documents: what every store has, be it of `collect_activations` or another's.

    Attributes
    ----------
    folder : Path

    Examples
    --------
    >>> import tempfile
    >>> from overica.lm import collect_activations, open_store
    >>> folder = tempfile.mkdtemp()
    >>> _ = collect_activations("minilm", 3, ["A sparse code."], folder, device="cpu")
    >>> store = open_store(folder)
    >>> store.activations.shape[1], store.metadata["layer"]
    (384, 3)
    """

    folder: Path
    key: str | None = None
    """Which array of the folder it is, see `open_store`."""
    replayable: ClassVar[bool] = True
    """Whether the model can be run over the same windows again."""

    @property
    @abstractmethod
    def metadata(self) -> dict[str, Any]:
        """What is known of all of them: `model`, `layer`, `site`, ..."""

    @property
    @abstractmethod
    def activations(self) -> Any:
        """(n_tokens, n_features), memory-mapped, in the precision of the files: an array, or what has rows like one."""

    @property
    @abstractmethod
    def text(self) -> TokenRows:
        """All tokens, those that have no row included."""

    @property
    @abstractmethod
    def vocabulary(self) -> Sequence[str]:
        """Text of every token id."""

    def __len__(self) -> int:
        return self.n_tokens

    @property
    def n_tokens(self) -> int:
        """Rows."""
        return int(self.activations.shape[0])

    @property
    def n_features(self) -> int:
        """Columns, the width of what was collected."""
        return int(self.activations.shape[1])

    @property
    def n_documents(self) -> int:
        """Documents that were read; where tokens are skipped, one may be without a row."""
        return len(self.text.sources)

    @property
    def word_pieces(self) -> bool:
        """Whether texts of tokens are marked as word pieces, see `overica.lm.store.token_text.joined`."""
        return bool(self.metadata.get("word_pieces"))

    @property
    def without_texts(self) -> str | None:
        """Why rows have numbers in place of texts; None if they have texts."""
        return None

    @property
    def place(self) -> str:
        """Where in which model the activations were read, in words."""
        return place_of(self.metadata)

    @property
    def origin(self) -> dict[str, Any]:
        """`model_name` and `hook` as `overica.export` takes them."""
        known, layer = self.metadata, self.metadata.get("layer")
        # Folders of before say the layer alone, of the stream.
        stream = None if layer is None else f"blocks.{layer}.hook_resid_pre"
        return {"model_name": known.get("model"), "hook": known.get("hook") or stream}

    def described(self) -> dict[str, Any]:
        """What it holds, in words and numbers, as ``overica inspect`` says it; nothing but the files' ends is read."""
        X, skipped = self.activations, self.metadata.get("skipped") or {}
        return {
            "kind": type(self).__name__,
            "n_tokens": self.n_tokens,
            "n_features": self.n_features,
            "n_documents": self.n_documents,
            "precision": precision_of(X),
            "source": self.place,
            "skipped": ", ".join(f"{n} ({reason})" for reason, n in skipped.items() if n) or "none",
            "texts": self.without_texts or "yes",
        }

    @cached_property
    def ids(self) -> np.ndarray:
        """(n_tokens,) int32, the tokenizer's number of the token of each row."""
        return self.text.ids[self.token_of_row]

    @cached_property
    def document_ids(self) -> np.ndarray:
        """(n_tokens,) int32, which text; never falling."""
        return self.text.document_ids[self.token_of_row]

    @cached_property
    def positions(self) -> np.ndarray:
        """(n_tokens,) int32, index of the token in its text, special tokens not counted, skipped ones counted."""
        return self.text.positions[self.token_of_row]

    @property
    def sources(self) -> list[str]:
        """Where each document comes from: a file, the name of an object, or ``text 3``."""
        return self.text.sources

    @cached_property
    def token_of_row(self) -> np.ndarray:
        """(n_tokens,) int64, index of each row's token among all tokens of `text`."""
        return np.flatnonzero(self.text.kept)

    @cached_property
    def token_texts(self) -> list[str]:
        """Text of the token at each row."""
        return texts_of(self.ids, self.vocabulary)

    def tokens(self, i: int) -> str:
        """Text of the token at row `i`."""
        return self.vocabulary[int(self.ids[i])]

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
        if not -self.n_tokens <= i < self.n_tokens:
            raise IndexError(f"`i` must be in 0..{self.n_tokens - 1}, got {i}")
        before = check_scalar(before, "before", integer=True)
        after = check_scalar(after, "after", integer=True)
        at, documents = int(self.token_of_row[i]), self.text.document_ids
        first, last = np.searchsorted(documents, [documents[at], documents[at] + 1])
        start, stop = max(at - before, int(first)), min(at + after + 1, int(last))
        return texts_of(self.text.ids[start:stop], self.vocabulary), at - start

    def excerpt(self, i: int, before: int = 10, after: int = 10) -> tuple[str, str, str]:
        """The text around row `i` as one reads it: what is before, the token itself, what is after.

        The tokenizer's marks (``##`` of word pieces) are taken away; joined, the three are the tokenizer's reading
        of the text.
        """
        texts, index = self.context(i, before, after)
        pieces = joined(texts, self.word_pieces)
        return "".join(pieces[:index]), pieces[index], "".join(pieces[index + 1 :])

    def read(self, rows: Any) -> np.ndarray:
        """Rows in memory, in the precision that is worked in: float32, or float64 where the files have it.

        Parameters
        ----------
        rows : slice or array of int
        """
        return Rows(self.activations)[rows]

    def sample(self, n: int, random_state: Any = None) -> np.ndarray:
        """`n` rows drawn without replacement, (n, n_features) in memory; all of them if there are no more."""
        n = check_scalar(n, "n", minimum=1, integer=True)
        return self.read(generator(random_state).permutation(self.n_tokens)[:n])

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
        sizes = np.bincount(self.document_ids, minlength=self.n_documents)
        if held_out >= 1 or np.count_nonzero(sizes) < 2:
            raise ValueError(
                "`held_out` must be below 1 and the store of two documents or more, "
                f"got {held_out} of {np.count_nonzero(sizes)}"
            )
        order = generator(random_state).permutation(self.n_documents)
        order = order[sizes[order] > 0]
        cumulated = np.cumsum(sizes[order])
        n_held = int(np.searchsorted(cumulated, held_out * self.n_tokens)) + 1
        chosen = np.zeros(self.n_documents, bool)
        chosen[order[: min(n_held, len(order) - 1)]] = True
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
        from sklearn.preprocessing import StandardScaler

        scaler = StandardScaler()
        for start in range(0, self.n_tokens, _MOMENT_ROWS):
            scaler.partial_fit(self.read(slice(start, start + _MOMENT_ROWS)))
        return scaler.mean_, float(np.sqrt(scaler.var_.mean()))


def joined_shards(shards: Sequence[Any], names: Sequence[str]) -> Any:
    """One matrix of the shards: the only one itself if it is a map, or `ShardedRows`."""
    alone = len(shards) == 1 and isinstance(shards[0], np.memmap)
    return shards[0] if alone else ShardedRows(shards, names)
