"""Tokens that get no row: the first of each context, and those whose activation is far longer than the others'.

Where nothing stands before a text, a transformer's attention goes to the first token by default, and a few others may
take that part: their norms are tens to thousands of times the median. One such row weighs as much as thousands of
others in a mean square, and a dictionary spends features on it.

References
----------
Xiao et al. 2024, "Efficient streaming language models with attention sinks", ICLR. Sun et al. 2024, "Massive
activations in large language models", COLM.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

PILOT_TOKENS = 8192
"""Tokens from the beginning of the texts whose median norm sets the limit."""


def norms_of(X: np.ndarray) -> np.ndarray:
    """Euclidean norms of rows, (n_rows,) float64."""
    return np.sqrt(np.einsum("ij,ij->i", X, X, dtype=np.float64))


def not_longer(X: np.ndarray, largest: float) -> np.ndarray:
    """Which rows stay, (n_rows,) bool; those that are not finite do, and are told of when they are written.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.lm.collecting.skipping import not_longer
    >>> not_longer(np.array([[3.0, 4.0], [30.0, 40.0]]), 20.0)
    array([ True, False])
    """
    norms = norms_of(X)
    return ~(np.isfinite(norms) & (norms > largest))


def skipped_words(skipped: Mapping[str, int], n_rows: int, max_norm: float) -> str:
    """What was left out, in a sentence; empty if nothing was.

    Examples
    --------
    >>> from overica.lm.collecting.skipping import skipped_words
    >>> skipped_words({"first": 8, "norm": 2}, 990, 10.0)
    '10 of 1000 tokens (1 %): 8 first of their context, 2 of a norm over 10 times the median'
    """
    parts = {
        "first": "first of their context",
        "norm": f"of a norm over {max_norm:g} times the median",
    }
    told = [f"{skipped[reason]} {words}" for reason, words in parts.items() if skipped.get(reason)]
    n = sum(skipped.values())
    if not told:
        return ""
    return f"{n} of {n + n_rows} tokens ({100 * n / (n + n_rows):.2g} %): {', '.join(told)}"
