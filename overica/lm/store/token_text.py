"""Tokens as a reader sees them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

CONTINUATION = "##"
"""What a word piece that goes on with a word begins with (BERT and its kin)."""


def texts_of(ids: np.ndarray, vocabulary: Sequence[str]) -> list[str]:
    """Texts of tokens that are stored as numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.lm.store.token_text import texts_of
    >>> texts_of(np.array([1, 0, 1]), ["the", "cat"])
    ['cat', 'the', 'cat']
    """
    return [vocabulary[i] for i in ids.tolist()]


def joined(texts: Sequence[str], word_pieces: bool) -> list[str]:
    """Pieces that, put one after the other, read as text.

    Parameters
    ----------
    texts : sequence of str
        Texts of consecutive tokens.
    word_pieces : bool
        Whether the tokenizer drops spaces and marks what goes on with a word by ``##``: then the marks are taken
        away and spaces put where they belong. Other tokenizers keep the spaces, and nothing is changed.

    Examples
    --------
    >>> from overica.lm.store.token_text import joined
    >>> joined(["token", "##iz", "##er", "of", "words"], True)
    ['token', 'iz', 'er ', 'of ', 'words']
    >>> joined(["A", " cat", "s"], False)
    ['A', ' cat', 's']
    """
    if not word_pieces:
        return list(texts)
    followers = [*texts[1:], CONTINUATION]
    return [
        _bare(text) + ("" if follower.startswith(CONTINUATION) else " ")
        for text, follower in zip(texts, followers, strict=True)
    ]


def _bare(text: str) -> str:
    # A text of the mark alone is a token of its own.
    return text.removeprefix(CONTINUATION) or text


def marks_pieces(tokenizer: Any) -> bool:
    """Whether a tokenizer of transformers drops spaces and marks word pieces by ``##``."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    return getattr(getattr(backend, "model", None), "continuing_subword_prefix", None) == "##"


def vocabulary_of(tokenizer: Any) -> list[str]:
    """Text of every token id of a tokenizer of transformers.

    What a byte-level tokenizer has for a part of a character is the sign for that.
    """
    pieces = marks_pieces(tokenizer)

    def text(token: str | None) -> str:
        if token is None:
            return ""
        if token.startswith("▁"):
            return " " + token[1:]
        if pieces and token.startswith(CONTINUATION):
            return token
        return str(tokenizer.convert_tokens_to_string([token]))

    return [text(token) for token in tokenizer.convert_ids_to_tokens(range(len(tokenizer)))]
