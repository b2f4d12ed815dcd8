"""What goes wrong in a command, told in one line, and how it ends when it is told to."""

import os
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click


class Terminated(KeyboardInterrupt):
    """The process was asked to end: it tidies up as if the user had interrupted it."""


@contextmanager
def told(saying: str, output: Path | None = None, *, stopped: str = "") -> Iterator[None]:
    """Say what is begun, before anything is imported that takes long; then what goes wrong.

    Errors of input, files and missing extras are told as click does, and warnings at once on one line each.

    Any other error is a mistake of the program and keeps its traceback.

    Parameters
    ----------
    saying : str
        What the command does, for the error stream; of several ranks, the first says it.
    output : Path, optional
        Folder for results: looked at before any work.
    stopped : str
        What the user should know if the command is interrupted (exit code 130) or terminated (143).
    """
    with warnings.catch_warnings(), _terminable():
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = _show  # type: ignore[assignment]
        try:
            if is_first():
                click.echo(f"{saying} ...", err=True)
            if output is not None:
                from overica.persistence import check_output_folder

                check_output_folder(output)
            yield
        except KeyboardInterrupt as end:
            if is_first():
                click.echo(f"Stopped. {stopped}".strip(), err=True)
            code = signal.SIGTERM if isinstance(end, Terminated) else signal.SIGINT
            raise click.exceptions.Exit(128 + code) from None
        except BrokenPipeError:
            # Nobody reads what is printed: click ends in silence.
            raise
        except OSError as error:
            raise click.ClickException(_noted(_words(error), error)) from error
        except (ValueError, ImportError) as error:
            raise click.ClickException(_noted(str(error), error)) from error
        except RuntimeError as error:
            # An `overica.distributed.RankError`: another process has failed, and perhaps said so here.
            heard = getattr(error, "told", None)
            if heard is None:
                raise
            if heard:
                raise click.exceptions.Exit(1) from None
            raise click.ClickException(str(error)) from error


def is_first() -> bool:
    """Whether this is the first rank, or the only process."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def _terminable() -> Iterator[None]:
    """Raise `Terminated` where the process is asked to end; without it, nothing would be tidied up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number: int, _frame: FrameType | None) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _noted(message: str, error: Exception) -> str:
    """A message with what was noted on its way, such as the rank that it is of."""
    return " ".join([message, *getattr(error, "__notes__", ())])


def _words(error: OSError) -> str:
    if error.filename is None or not error.strerror:
        return str(error)
    return f"{error.filename}: {error.strerror}"


def _show(message: Warning | str, *_place: object) -> None:
    click.echo(f"Warning: {message}", err=True)
