"""Where results are to go, looked at before any work: what cannot be written later is said now, in a sentence."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PROBE = b"\0" * 4096
"""A block: a full disk may still have room for a name."""


def check_output_folder(
    folder: str | os.PathLike[str], *, foreign: Callable[[Path], str | None] = lambda _: None
) -> None:
    """Raise an error if results cannot go to a folder; leave everything as it is.

    It is tried out: a file is written and removed, in a folder that is made and removed if there is none.

    Parameters
    ----------
    folder : path
        One that exists or is to be made, with those above it.
    foreign : callable, optional
        What in an existing folder is not for the caller to go on with or to replace; None if nothing is.

    Raises
    ------
    NotADirectoryError
        If it is a file, or would lie in one.
    FileExistsError
        If it holds what is foreign.
    OSError
        If it cannot be made or written: no permission, a drive that is not there, read-only or full.

    Examples
    --------
    >>> folder = Path(tempfile.mkdtemp())
    >>> check_output_folder(folder / "new" / "results")
    >>> list(folder.iterdir())
    []
    >>> _ = (folder / "notes").write_text("mine")
    >>> check_output_folder(folder / "notes" / "results")
    Traceback (most recent call last):
    ...
    NotADirectoryError: results cannot go to ...results: ...notes is a file
    >>> check_output_folder(
    ...     folder, foreign=lambda here: "`notes`" if (here / "notes").exists() else None
    ... )
    Traceback (most recent call last):
    ...
    FileExistsError: results cannot go to ...: it holds `notes`, which is not from here; choose another folder
    """
    folder = Path(folder)
    _refuse_files(folder)
    if os.path.isdir(folder):
        found = foreign(folder)
        if found is not None:
            raise FileExistsError(
                f"{_refused(folder)}: it holds {found}, which is not from here; choose another folder"
            )
    try:
        with made(folder, keep=False), tempfile.TemporaryFile(dir=folder) as file:
            file.write(_PROBE)
    except OSError as error:
        raise type(error)(f"{_refused(folder)}: {error.strerror or error}") from None


def check_output_file(path: str | os.PathLike[str]) -> None:
    """Raise an error if a file cannot be written or replaced; its folder must exist.

    Examples
    --------
    >>> folder = Path(tempfile.mkdtemp())
    >>> check_output_file(folder / "scores.json")
    >>> check_output_file(folder)
    Traceback (most recent call last):
    ...
    IsADirectoryError: results cannot go to ...: it is a folder
    """
    path = Path(path)
    if os.path.isdir(path):
        raise IsADirectoryError(f"{_refused(path)}: it is a folder")
    if not os.path.exists(path.parent):
        raise FileNotFoundError(f"{_refused(path)}: there is no folder {path.parent}")
    check_output_folder(path.parent)


@contextmanager
def made(folder: Path, *, keep: bool = True) -> Iterator[None]:
    """A folder that exists, with those above it; what was made is gone again after an error, or unless it is kept."""
    missing = [each for each in (folder, *folder.parents) if not os.path.exists(each)]
    done = False
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
        done = True
    finally:
        if not (done and keep):
            for each in missing:
                # What others have put there meanwhile stays.
                with suppress(OSError):
                    each.rmdir()


def _refuse_files(folder: Path) -> None:
    for each in (folder, *folder.parents):
        if os.path.lexists(each):
            if not os.path.isdir(each):
                kind = "a file" if os.path.exists(each) else "a link to nothing"
                raise NotADirectoryError(f"{_refused(folder)}: {each} is {kind}")
            return


def _refused(path: Path) -> str:
    return f"results cannot go to {path}"
