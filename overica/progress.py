"""The progress bar of a fit."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from overica.distributed import rank

LEARNING = {"active": ("n_active", ".1f"), "log evidence": ("log_evidence", ".2f")}
"""What a bar shows of a fit of independent components: label, figure and format."""
TRAINING = {"explained": ("explained_variance", ".3f"), "active": ("l0", ".1f")}
"""What a bar shows of the training of a sparse autoencoder."""


class StepProgress:
    """Called with the figures of every step: moves a bar (if `verbose`) and calls the user's callback; of several
    ranks, the first alone does.

    Parameters
    ----------
    verbose : int
        Whether there is a bar.
    callback : callable or None
        Called with every step's figures.
    shown : mapping of str to (str, str)
        Labels of the figures beside the bar, with the figure's name and its format. A figure that is NaN or
        infinite leaves what stood there before.
    """

    def __init__(
        self,
        verbose: int,
        callback: Callable[[dict[str, float]], object] | None,
        shown: Mapping[str, tuple[str, str]] = LEARNING,
    ) -> None:
        first = rank() == 0
        self._callback = callback if first else None
        self._figures = shown
        self._bar = _bar() if verbose and first else None
        self._shown: dict[str, str] = {}

    def expect(self, n_steps: int) -> None:
        """Set the number of steps to come."""
        if self._bar is not None:
            self._bar.total = self._bar.n + n_steps
            self._bar.refresh()

    def skip(self, n_steps: int) -> None:
        """So many steps were done before."""
        if self._bar is not None:
            self._bar.update(n_steps)

    def __call__(self, figures: dict[str, float]) -> None:
        """One step done."""
        if self._bar is not None:
            for label, (name, form) in self._figures.items():
                if math.isfinite(figures[name]):
                    self._shown[label] = format(figures[name], form)
            self._bar.set_postfix(self._shown, refresh=False)
            self._bar.update()
        if self._callback is not None:
            self._callback(figures)

    def close(self) -> None:
        """End the bar."""
        if self._bar is not None:
            self._bar.close()


def _bar() -> Any:
    from tqdm.auto import tqdm

    return tqdm(desc="overica", unit="step", mininterval=0.2)
