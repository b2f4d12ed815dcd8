"""The described tokens as text, once for all runs of a study."""

from __future__ import annotations

from typing import Any

import numpy as np

from overica.lm.store.activation_store import ActivationStore
from overica.lm.store.token_text import joined


def token_record(store: ActivationStore, rows: np.ndarray) -> dict[str, Any]:
    """The content of ``assets/tokens.json``, see `overica.lm.features.record`.

    Parameters
    ----------
    store : ActivationStore
    rows : array of int
        Rows of the store that are described, of whole documents, in order.
    """
    documents = store.document_ids[rows]
    words: dict[str, int] = {}
    ids: list[int] = []
    for part in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(documents)) + 1):
        texts = [store.token_texts[int(row)] for row in rows[part]]
        for text in joined(texts, bool(store.metadata.get("word_pieces"))):
            ids.append(words.setdefault(text, len(words)))
    sources, where = np.unique(documents, return_inverse=True)
    named = store.metadata["sources"]
    return {
        "words": list(words),
        "ids": ids,
        "documents": where.tolist(),
        "sources": [str(named[int(i)]) for i in sources],
    }
