"""Windows to run the model on again: those of a store, the first so many, in batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from overica.lm.collecting.model import LanguageModel
from overica.lm.collecting.windows import Window, window_length
from overica.lm.store.activations import Activations


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


def first_windows(found: Iterable[Window], max_tokens: int | None) -> list[Window]:
    """Whole windows of together no more than `max_tokens` tokens, but at least one."""
    kept: list[Window] = []
    left = np.inf if max_tokens is None else max_tokens
    for window in found:
        left -= len(window)
        if left < 0 and kept:
            break
        kept.append(window)
    return kept
