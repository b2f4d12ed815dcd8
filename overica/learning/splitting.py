"""Some samples are held out for the evidence; the others are drawn from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from overica.learning.survey import Survey
from overica.rows import Rows, Stream
from overica.rows.drawing import Draws, RowDraws
from overica.rows.rows import some_rows
from overica.rows.shuffling import StreamDraws
from overica.rows.signatures import signatures

_PERMUTED = 2**22
"""Of more rows those held out are drawn alone: a permutation of all takes memory."""


@dataclass(frozen=True, eq=False)
class Split:
    """Rows that are learned from, and rows that judge."""

    draws: Draws
    """From the former."""
    judges: np.ndarray
    """The latter, as they are; of few samples those that are learned from."""
    some: Callable[[int], np.ndarray]
    """At most so many of the former, the same whoever asks."""


def split(
    X: np.ndarray | Rows | Stream, survey: Survey, size: int, rng: np.random.Generator
) -> Split:
    """Hold out so many of the rows that are not outlying; with none held out, all are both learned from and judge."""
    if isinstance(X, Stream):
        return _stream(X, survey, size, rng)
    return _rows(X, survey, size, rng)


def _rows(X: np.ndarray | Rows, survey: Survey, size: int, rng: np.random.Generator) -> Split:
    n, out = survey.n_samples, survey.outlying.rows
    order = rng.permutation(n) if n <= _PERMUTED else rng.choice(n, size + len(out), replace=False)
    if out.size:
        order = order[~np.isin(order, out)]
    judges = np.sort(order[:size])
    draws = RowDraws(X, np.sort(np.concatenate([out, judges])))

    def some(n_rows: int) -> np.ndarray:
        chosen = some_rows(draws.n_rows, n_rows, np.random.default_rng(draws.n_rows))
        return X[draws.numbers(chosen)]

    return Split(draws, X[judges] if size else draws.draw(n, rng), some)


def _stream(X: Stream, survey: Survey, size: int, rng: np.random.Generator) -> Split:
    """From the reservoir of the pass. What is held out is known again by its signatures, in whatever order it comes."""
    kept = survey.reservoir
    order = rng.permutation(len(kept))
    judges, others = kept[np.sort(order[:size])], kept[np.sort(order[size:])]
    if not size:
        judges = others
    apart = np.sort(signatures(kept[order[:size]]))

    def keep(rows: np.ndarray) -> np.ndarray:
        here = ~np.isin(signatures(rows), apart)
        return here & survey.keeps(rows) if survey.outlying.rows.size else here

    draws = StreamDraws(
        X, int(rng.integers(2**63)), keep=keep, total=survey.total,
        n_rows=survey.n_samples - len(survey.outlying.rows) - size,
    )  # fmt: skip
    return Split(draws, judges, lambda n_rows: others[:n_rows])
