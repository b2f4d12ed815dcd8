"""The described tokens as text, once for all runs of a study."""

from __future__ import annotations

from typing import Any

import numpy as np

from overica.lm.store.activations import Activations
from overica.lm.store.token_text import TokenTexts, joined


def token_record(store: Activations, rows: np.ndarray) -> dict[str, Any]:
    """The content of ``assets/tokens.json``, see `overica.lm.features.record`.

    Tokens that have no row stand in angle brackets before the next that has one, so that texts read whole.

    Parameters
    ----------
    store : Activations
    rows : array of int
        Rows of the store that are described, of whole documents, in order.
    """
    documents, text = store.document_ids[rows], store.text
    texts_of = TokenTexts(text.ids, store.vocabulary)
    words: dict[str, int] = {}
    ids: list[int] = []
    for part in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(documents)) + 1):
        places = store.token_of_row[rows[part]]
        whole = slice(_beginning(store, int(rows[part][0])), int(places[-1]) + 1)
        described = np.isin(np.arange(whole.start, whole.stop), places)
        pieces = joined(texts_of[whole], store.word_pieces)
        skipped = ""
        for piece, wanted, kept in zip(pieces, described, text.kept[whole], strict=True):
            if wanted:
                ids.append(words.setdefault(skipped + piece, len(words)))
                skipped = ""
            elif not kept:
                skipped += f"⟨{piece.strip()}⟩ "
    sources, where = np.unique(documents, return_inverse=True)
    named = store.sources
    return {
        "words": list(words),
        "ids": ids,
        "documents": where.tolist(),
        "sources": [str(named[int(i)]) for i in sources],
    }


def _beginning(store: Activations, row: int) -> int:
    """The first of all tokens that stands right before a row, or is its own: what lies between was skipped."""
    before = int(store.token_of_row[row - 1]) + 1 if row else 0
    return max(before, int(np.searchsorted(store.text.document_ids, store.document_ids[row])))
