"""Writing a folder of activations shard by shard, so that an interrupted collection goes on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from overica._validation import check_choice, check_scalar
from overica._version import __version__
from overica.lm.store.files import (
    FORMAT,
    METADATA,
    VOCABULARY,
    ShardFiles,
    TokenRows,
    read_metadata,
)
from overica.lm.store.filling import ShardRows
from overica.lm.store.precision import PRECISIONS
from overica.persistence import LOCK, PART, FolderLock, damage_named, replacing, write_json


class StoreWriter:
    """Writes what `ActivationStore` reads; opened on a folder that holds shards already, it goes on after them.

    Parameters
    ----------
    folder : path
        Made if it is missing.
    n_features : int
        Columns of the activations.
    vocabulary : sequence of str
        Text of every token id.
    settings : mapping
        What decides which numbers come out: `model`, `layer`, `context`, ... JSON must have words for them. They
        must be those of the shards that are there.
    word_pieces : bool
        Whether the texts of tokens are marked as word pieces, see `overica.lm.store.token_text.joined`.
    store_dtype : {"float32", "float16", "bfloat16"}
        Precision of the files.
    facts : mapping, optional
        Said in the metadata too, and free to change: versions, a description of the texts.

    Raises
    ------
    ValueError
        If the folder holds activations of other settings: names the setting, its value there and here.
        If it holds other files.
    BlockingIOError
        If another writer has the folder: one at a time, until it calls `finish` or `close`, or is no more.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from overica.lm import StoreWriter, TokenRows
    >>> folder = tempfile.mkdtemp()
    >>> writer = StoreWriter(folder, 2, ["a", "b"], {"layer": 1})
    >>> with writer.shard(TokenRows([0, 1], [0, 0], [0, 1], ["text 0"])) as rows:
    ...     rows[:] = 1.0
    >>> writer.finish()
    >>> StoreWriter(folder, 2, ["a", "b"], {"layer": 1}).n_shards
    1
    >>> StoreWriter(folder, 2, ["a", "b"], {"layer": 2})
    Traceback (most recent call last):
    ...
    ValueError: `layer` is 1 in ... and 2 now: take the same setting, or another folder
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        n_features: int,
        vocabulary: Sequence[str],
        settings: Mapping[str, Any],
        *,
        word_pieces: bool = False,
        store_dtype: str = "float32",
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.n_features = check_scalar(n_features, "n_features", minimum=1, integer=True)
        self._precision = PRECISIONS[check_choice(store_dtype, "store_dtype", PRECISIONS)]
        fixed = {
            **settings,
            "n_features": self.n_features,
            "word_pieces": bool(word_pieces),
            "store_dtype": self._precision.name,
        }
        self._metadata = {
            "format": FORMAT,
            **fixed,
            "n_tokens": 0,
            "n_documents": 0,
            "rows": [],
            "complete": False,
            "skipped": {},
            "measured": {},
            **(facts or {}),
            "version": __version__,
        }
        path = self.folder / METADATA
        check_store_folder(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = FolderLock(self.folder)
        try:
            if path.is_file():
                self._go_on(read_metadata(self.folder), fixed)
            else:
                self._say()
            # After the metadata, which say whose folder this is: what a kill leaves in between is gone on with.
            if not (self.folder / VOCABULARY).is_file():
                write_json(self.folder / VOCABULARY, list(vocabulary))
        except BaseException:
            self.close()
            raise

    @property
    def n_shards(self) -> int:
        """Finished shards."""
        return len(self._metadata["rows"])

    @property
    def n_tokens(self) -> int:
        """Rows in finished shards."""
        return int(self._metadata["n_tokens"])

    @property
    def complete(self) -> bool:
        """Whether `finish` was called, now or earlier."""
        return bool(self._metadata["complete"])

    def written(self, number: int) -> TokenRows:
        """What is known of the rows of a finished shard."""
        return ShardFiles(self.folder, number).read_tokens()

    def measured(self, name: str, measure: Callable[[], Any]) -> Any:
        """A number that was measured at the beginning and holds for the whole folder, whoever goes on with it."""
        found = self._metadata["measured"]
        if name not in found:
            self._check_open()
            self._say(measured={**found, name: measure()})
        return self._metadata["measured"][name]

    @contextmanager
    def shard(self, tokens: TokenRows) -> Iterator[ShardRows]:
        """Add a shard: fill the rows that are given, (len(tokens), n_features), and say which of them to `keep`.

        The shard counts when the block ends without an exception.

        Raises
        ------
        ValueError
            If there are no tokens, or others may write already.
        FloatingPointError
            If an activation is NaN or infinite.
        OverflowError
            If one is too large for the precision of the file.
        OSError
            If there is no room for the shard.
        """
        self._check_open()
        if not len(tokens):
            raise ValueError("a shard must have a token or more, got 0")
        files = ShardFiles(self.folder, self.n_shards)
        with replacing(files.activations) as part:
            rows = ShardRows(part, (len(tokens), self.n_features), self._precision)
            yield rows
            rows.finish()
            files.write_tokens(replace(tokens, kept=rows.kept))
        n_rows, said = int(rows.kept.sum()), self._metadata
        self._say(
            rows=[*said["rows"], n_rows],
            n_tokens=said["n_tokens"] + n_rows,
            n_documents=said["n_documents"] + len(tokens.sources),
            skipped=said["skipped"]
            | {reason: said["skipped"].get(reason, 0) + n for reason, n in rows.left_out.items()},
        )

    def finish(self) -> None:
        """Say that nothing is to come, and let others write."""
        self._check_open()
        self._say(complete=True)
        self.close()

    def close(self) -> None:
        """Let others write; what is finished stays, and a writer that is opened later goes on from there."""
        self._lock.release()

    def _say(self, **facts: Any) -> None:
        self._metadata |= facts
        write_json(self.folder / METADATA, self._metadata)

    def _check_open(self) -> None:
        if not self._lock.held:
            raise ValueError(f"the writer of {str(self.folder)!r} is closed: open another")

    def _go_on(self, found: Mapping[str, Any], fixed: Mapping[str, Any]) -> None:
        for name, value in fixed.items():
            if found.get(name) != value:
                raise ValueError(
                    f"`{name}` is {found.get(name)!r} in {str(self.folder)!r} and {value!r} now: "
                    "take the same setting, or another folder"
                )
        with damage_named(str(self.folder / METADATA)):
            for name in ("n_tokens", "n_documents", "rows", "complete"):
                self._metadata[name] = found[name]
        for name in ("skipped", "measured"):
            self._metadata[name] = found.get(name, {})


def check_store_folder(folder: Path) -> None:
    """Refuse a folder that is neither one of activations nor free for them.

    Raises
    ------
    ValueError
        If it holds something else. What a writer that was killed at once has left is nothing.
    """
    own = {LOCK, METADATA + PART}
    free = not folder.exists() or (
        folder.is_dir() and all(path.name in own for path in folder.iterdir())
    )
    if not free and not (folder / METADATA).is_file():
        raise ValueError(
            f"{str(folder)!r} must be an empty folder, or one of activations: it holds something else"
        )
