"""How ranks end together: one that cannot go on says why, and the others end with its words."""

from __future__ import annotations

import json
import os
import socket
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, NamedTuple, TypeVar

from overica.distributed.joining import store
from overica.distributed.ranks import rank, world

_TOGETHER: ContextVar[bool] = ContextVar("together", default=False)
_KEY = "overica/last words"
_PATIENCE = 3.0
"""Seconds in which a rank that has lost another waits for its words."""
_COURTESY = 1.0
"""Seconds in which the first rank may say what another would say too: an error of the arguments is one of all."""
_REPORT = "TORCHELASTIC_ERROR_FILE"
"""Variable with the file whose message torchrun shows beside the rank that failed."""

Function = TypeVar("Function", bound=Callable[..., Any])


class RankError(RuntimeError):
    """Another rank has ended, and with it the fit.

    Attributes
    ----------
    told : bool
        Whether that rank has said so itself on this machine.
    """

    def __init__(self, message: str, *, told: bool = False) -> None:
        super().__init__(message)
        self.told = told


class LastWords(NamedTuple):
    """What the first rank that failed has left for the others."""

    rank: int
    host: str
    message: str

    def error(self) -> RankError:
        """What the others raise."""
        message = f"rank {self.rank} of {world()}, on {self.host}: {self.message}"
        return RankError(message, told=self.host == socket.gethostname())


@contextmanager
def together() -> Iterator[None]:
    """What all ranks do: if one fails, all end with its message; warnings are those of rank 0 alone.

    An error is raised as it is in the rank that had it, with a note of which rank that was, and as a `RankError`
    in the others. Nothing happens where there are no others.

    Yields
    ------
    None

    Examples
    --------
    >>> with together():
    ...     1 + 1
    2
    """
    if world() == 1 or _TOGETHER.get():
        yield
        return
    within = _TOGETHER.set(True)
    with warnings.catch_warnings():
        if rank() > 0:
            warnings.simplefilter("ignore")
        try:
            yield
        except RankError:
            raise
        except KeyboardInterrupt:
            if (words := heard()) is not None:
                # torchrun ends the others where one has failed.
                raise words.error() from None
            raise
        except Exception as error:
            raise _leaving(error) from error.__cause__
        finally:
            _TOGETHER.reset(within)


def shared(method: Function) -> Function:
    """A method that all ranks call `together`; calls from within are part of the first."""

    @wraps(method)
    def call(*arguments: Any, **keywords: Any) -> Any:
        with together():
            return method(*arguments, **keywords)

    return call  # type: ignore[return-value]


def heard(patience: float = 0.0) -> LastWords | None:
    """The words of the first rank that has failed, if there is one, within so many seconds."""
    end = time.monotonic() + patience
    try:
        while not store().check([_KEY]):
            if time.monotonic() >= end:
                return None
            time.sleep(0.05)
        return LastWords(*json.loads(store().get(_KEY)))
    except (RuntimeError, ValueError):
        # What held the store has ended too.
        return None


def lost() -> RankError:
    """What to raise where an exchange has failed: the words of the rank that is missing, if it has left any."""
    words = heard(_PATIENCE)
    if words is not None:
        return words.error()
    message = (
        f"rank {rank()} of {world()} has lost another that left no word, as one that was killed or ran out of memory: "
        "torchrun's report says which; a lower `batch_size` takes less memory"
    )
    mine = LastWords(rank(), socket.gethostname(), message)
    return RankError(message) if _leave(mine) == mine else RankError(message, told=True)


def _leaving(error: Exception) -> Exception:
    """The error of this rank, told to the others; theirs, if they were first and it is the same."""
    said = f"{type(error).__name__}: {error}"
    if rank() > 0 and (words := heard(_COURTESY)) is not None:
        return words.error()
    mine = LastWords(rank(), socket.gethostname(), said)
    first = _leave(mine)
    if first != mine:
        return first.error()
    if rank() > 0:
        error.add_note(f"(rank {rank()} of {world()}, on {mine.host})")
    _report(said)
    return error


def _leave(words: LastWords) -> LastWords:
    """Leave last words unless others have: those that are there in the end."""
    try:
        return LastWords(*json.loads(store().compare_set(_KEY, "", json.dumps(words))))
    except (RuntimeError, ValueError):
        return words


def _report(message: str) -> None:
    """Tell torchrun, whose summary would otherwise name whoever noticed first."""
    path = os.environ.get(_REPORT)
    if path:
        told = {"message": message, "extraInfo": {"timestamp": str(int(time.time()))}}
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"message": told}, file)
