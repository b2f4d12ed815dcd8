"""The progress bar of a fit."""

from __future__ import annotations

import math
from collections.abc import Callable

from tqdm.auto import tqdm


class StepProgress:
    """Called with the figures of every step: moves a bar (if `verbose`) and calls the user's callback."""

    def __init__(self, verbose: int, callback: Callable[[dict[str, float]], object] | None) -> None:
        self._callback = callback
        self._bar = tqdm(desc="overica", unit="step", disable=not verbose, mininterval=0.2)
        self._shown: dict[str, str] = {}

    def expect(self, n_steps: int) -> None:
        """Set the number of steps to come."""
        if not self._bar.disable:
            self._bar.total = self._bar.n + n_steps
            self._bar.refresh()

    def __call__(self, figures: dict[str, float]) -> None:
        """One step done."""
        if not self._bar.disable:
            self._shown["active"] = f"{figures['n_active']:.1f}"
            if math.isfinite(figures["log_evidence"]):
                self._shown["log evidence"] = f"{figures['log_evidence']:.2f}"
            self._bar.set_postfix(self._shown, refresh=False)
            self._bar.update()
        if self._callback is not None:
            self._callback(figures)

    def close(self) -> None:
        """End the bar."""
        self._bar.close()
