"""Rounds of estimates, each the average over windows and begun from the round before.

Windows of several lengths are good at different things, some for pitch and some for plosives, some for echoes: their
estimates are averaged as sound, and that is seen through each of the windows in the next round.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from overica.separation.separator import Piece
from overica.separation.stft import Transform

LEAST_POWER = 1e-7
"""Added to the powers that a round begins from, in units of the mean power of the coefficients."""


@dataclass(frozen=True)
class Round:
    """Runs that begin from the same powers."""

    n_runs: int
    """Random starts per window."""
    n_steps: int
    """Steps of all that is learned on the likelihood."""
    n_components: int
    """Spectra per source."""
    windows: tuple[float, ...] = ()
    """Lengths, seconds; none for that by which the mixing was learned."""


Through = Callable[[Transform, Piece, np.ndarray | None, Round, Callable[[], object]], np.ndarray]
"""Estimates, frames first, of a round with one window, of those of the round before; calls after each of its runs."""


def in_rounds(piece: Piece, plans: Mapping[float, Sequence[Round]], through: Through) -> np.ndarray:
    """Estimates of the last round.

    Parameters
    ----------
    piece : Piece
        A window that its user has chosen takes the place of all others.
    plans : mapping of float to sequence of Round
        The work that is done, by the largest number of coefficients of a channel for which it is.
    through : callable
        See `Through`.
    """
    plan = next(plan for most, plan in plans.items() if piece.n_coefficients <= most)
    transforms = [
        [
            Transform(piece.transform.sample_rate, s)
            for s in stage.windows
            if not piece.window_chosen
        ]
        or [piece.transform]
        for stage in plan
    ]
    n_runs = sum(stage.n_runs * len(each) for stage, each in zip(plan, transforms, strict=True))
    done = itertools.count(1)

    def run_done() -> None:
        piece.tell(next(done) / n_runs)

    found: np.ndarray | None = None
    for stage, each in zip(plan, transforms, strict=True):
        total = sum(through(transform, piece, found, stage, run_done) for transform in each)
        found = np.asarray(total / np.float32(len(each)))
    assert found is not None
    return found
