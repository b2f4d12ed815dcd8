"""Signals that end a process, put off to the next moment at which what has been done can be written down."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

_ENDINGS: dict[signal.Signals, Callable[[], BaseException]] = {
    signal.SIGINT: KeyboardInterrupt,
    signal.SIGTERM: lambda: SystemExit(128 + signal.SIGTERM),
}
_PLAIN = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
"""What is done about them if nobody else has a say."""


class Interrupts:
    """Within its block an interrupt (Ctrl-C) or a request to end (SIGTERM) raises KeyboardInterrupt or SystemExit.

    At once, unless `put_off` is set: then when `check` is next called, or at the second signal. Where others have
    handlers of their own, and outside the main thread, nothing is changed.
    """

    def __init__(self) -> None:
        self.put_off = False
        self.waiting: int | None = None
        """The signal that has come."""
        self._before: dict[signal.Signals, Any] = {}

    def check(self) -> None:
        """Raise what was put off."""
        if self.waiting is not None:
            raise _ENDINGS[signal.Signals(self.waiting)]()

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number, plain in _PLAIN.items():
                if signal.getsignal(number) is plain:
                    self._before[number] = signal.signal(number, self._arrived)
        return self

    def __exit__(self, *_error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _arrived(self, number: int, _frame: FrameType | None) -> None:
        again, self.waiting = self.waiting is not None, number
        if again or not self.put_off:
            self.check()
