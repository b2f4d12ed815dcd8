"""Texts cut into the windows that a model sees, those of a store again, and windows put together into batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from overica._validation import check_scalar
from overica.lm.collecting.model import LanguageModel
from overica.lm.collecting.texts import Document
from overica.lm.store.activations import Activations
from overica.lm.store.files import TokenRows

_PIECE_CHARACTERS = 1_000_000


@dataclass(frozen=True, eq=False)
class Window:
    """Consecutive tokens of one document that the model sees at once, special tokens not counted."""

    document: int
    position: int
    """Index in the document of the first token."""
    ids: np.ndarray
    """(n,) int32."""
    source: str
    """Of the document."""
    kept: np.ndarray
    """(n,) bool, which have a row, unless it is of huge norm."""

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, eq=False)
class Batch:
    """Windows as the model takes them, each between its special tokens and filled up at the end."""

    ids: torch.Tensor
    """(batch, tokens)."""
    mask: torch.Tensor
    """(batch, tokens), 1 where there is a token, special ones included."""
    content: torch.Tensor
    """(batch, tokens) bool, True where a token is of the text."""
    rows: torch.Tensor
    """(batch, tokens) bool, True where such a token has a row."""


def window_length(model: LanguageModel, context: int, skip_first: int = 0) -> int:
    """Tokens of text in a window of `context` tokens.

    Raises
    ------
    ValueError
        If the context is too short for one beyond those that are skipped, or longer than the model can see.
    """
    before, after = model.frame
    skip_first = check_scalar(skip_first, "skip_first", integer=True)
    shortest = len(before) + len(after) + 1
    context = check_scalar(context, "context", minimum=shortest, integer=True)
    if model.longest is not None and context > model.longest:
        raise ValueError(
            f"`context` must be at most {model.longest}, what {model.name} can see, got {context}"
        )
    if skip_first >= context - len(after):
        raise ValueError(
            f"`skip_first` must leave a token of the context of {context}, got {skip_first}"
        )
    return context - shortest + 1


def windows(
    model: LanguageModel,
    documents: Iterable[Document],
    context: int,
    max_tokens: int | None = None,
    skip_first: int = 0,
) -> Iterator[Window]:
    """The windows of documents, in order; documents without a token have no number.

    Parameters
    ----------
    model : LanguageModel
    documents : iterable of Document
        Tokenised a million characters at a time, cut at the end of a line.
    context : int
        Tokens that the model sees at once, special tokens included. Windows of a document do not overlap.
    max_tokens : int, optional
        End after so many tokens of text; the last window may be cut short.
    skip_first : int
        The first so many tokens of each context have no row, special tokens counted: where the tokenizer puts one of
        its own before each text, that is the first.

    Yields
    ------
    Window
    """
    length = window_length(model, context, skip_first)
    late = np.arange(length) >= skip_first - len(model.frame[0])
    left = np.inf if max_tokens is None else max_tokens
    number = 0
    for document in documents:
        position = 0
        for ids in _chunks(model, document.text, length):
            ids = ids[: int(min(left, length))]
            yield Window(number, position, ids, document.source, late[: len(ids)])
            position += len(ids)
            left -= len(ids)
            if left <= 0:
                return
        number += position > 0


def groups(found: Iterable[Window], most_tokens: float) -> Iterator[list[Window]]:
    """Consecutive windows of together no more than `most_tokens` tokens (a longer one is a group alone)."""
    group: list[Window] = []
    size = 0
    for window in found:
        if group and size + len(window) > most_tokens:
            yield group
            group, size = [], 0
        group.append(window)
        size += len(window)
    if group:
        yield group


def by_length(group: Sequence[Window], batch_size: int) -> Iterator[np.ndarray]:
    """Numbers of the windows, `batch_size` at a time, from the longest to the shortest: little is spent on padding."""
    order = np.argsort([-len(window) for window in group], kind="stable")
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size]


def rows_of(group: Sequence[Window]) -> TokenRows:
    """What is known of the tokens of windows, one row each."""
    return TokenRows(
        ids=np.concatenate([window.ids for window in group]),
        document_ids=np.concatenate([np.full(len(w), w.document) for w in group]),
        positions=np.concatenate([w.position + np.arange(len(w)) for w in group]),
        sources=[window.source for window in group if window.position == 0],
    )


def batch_of(model: LanguageModel, group: Sequence[Window]) -> Batch:
    """Windows as tensors on the model's device."""
    before, after = model.frame
    longest = max(len(window) for window in group) + len(before) + len(after)
    ids = torch.full((len(group), longest), model.padding_id, dtype=torch.int64)
    mask = torch.zeros(len(group), longest, dtype=torch.int64)
    content = torch.zeros(len(group), longest, dtype=torch.bool)
    rows = torch.zeros(len(group), longest, dtype=torch.bool)
    for row, window in enumerate(group):
        whole = [*before, *window.ids.tolist(), *after]
        inside = slice(len(before), len(before) + len(window))
        ids[row, : len(whole)] = torch.tensor(whole)
        mask[row, : len(whole)] = 1
        content[row, inside] = True
        rows[row, inside] = torch.from_numpy(window.kept)
    place = model.device
    return Batch(ids.to(place), mask.to(place), content.to(place), rows.to(place))


def _chunks(model: LanguageModel, text: str, length: int) -> Iterator[np.ndarray]:
    """Token ids of a text, `length` at a time; the last may be fewer."""
    waiting = np.empty(0, np.int32)
    for piece in _pieces(text):
        waiting = np.concatenate([waiting, model.encode(piece)])
        n_whole = len(waiting) // length * length
        yield from waiting[:n_whole].reshape(-1, length)
        waiting = waiting[n_whole:]
    if len(waiting):
        yield waiting


def _pieces(text: str) -> Iterator[str]:
    start = 0
    while start < len(text):
        stop = start + _PIECE_CHARACTERS
        if stop < len(text):
            line = text.rfind("\n", start, stop)
            stop = line if line > start else stop
        yield text[start:stop]
        start = stop


def stored_windows(
    model: LanguageModel, store: Activations, chosen: Any, context: int
) -> Iterator[Window]:
    """The windows of documents of a store (None: all), as the model saw them if `context` is that of the store.

    Raises
    ------
    ValueError
        If there is no such document.
    """
    length = window_length(model, context)
    wanted = np.arange(store.n_documents) if chosen is None else np.unique(np.asarray(chosen))
    if wanted.size and (wanted.min() < 0 or wanted.max() >= store.n_documents):
        raise ValueError(
            f"`documents` must be in 0..{store.n_documents - 1}, got {wanted.min()}..{wanted.max()}"
        )
    text = store.text
    starts = np.searchsorted(text.document_ids, wanted)
    stops = np.searchsorted(text.document_ids, wanted, side="right")
    for document, first, last in zip(wanted.tolist(), starts, stops, strict=True):
        for start in range(first, last, length):
            part = slice(start, min(start + length, last))
            yield Window(
                document,
                start - int(first),
                text.ids[part],
                store.sources[document],
                text.kept[part],
            )
