"""One file, replaced in one move: a reader sees the old one or the new one, and so does whoever comes after a kill."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

PART = ".part"
"""Ending of what is not whole yet."""


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A file to fill, which takes the place of `path` when the block ends well; else what was there stays.

    Parameters
    ----------
    path : path
        In a folder that exists.

    Yields
    ------
    Path
        Of a file beside it that is yet to be made.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "figures.txt")
    >>> with replacing(path) as part:
    ...     _ = part.write_text("3.14")
    ...     path.exists()
    False
    >>> path.read_text(), part.exists()
    ('3.14', False)
    """
    path = Path(path)
    part = path.with_name(path.name + PART)
    try:
        with error_names(path):
            yield part
            flush(part)
            part.replace(path)
            sync_folder(path.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_atomically(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a file in one move; text as UTF-8.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "page.html")
    >>> write_atomically(path, "<p>é</p>")
    >>> path.read_bytes()
    b'<p>\\xc3\\xa9</p>'
    """
    with replacing(path) as part:
        part.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write a value that JSON has words for, in one move."""
    text = json.dumps(value, ensure_ascii=False, indent=1) + "\n"
    # A file's name that is no text has lone surrogates, which UTF-8 cannot hold: escaped as JSON would, they come back.
    write_atomically(path, text.encode("utf-8", "backslashreplace"))


def read_json(path: str | os.PathLike[str]) -> Any:
    """The value in a JSON file.

    Raises
    ------
    ValueError
        If it is damaged: names it.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "facts.json")
    >>> write_json(path, {"n": 3})
    >>> read_json(path)
    {'n': 3}
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        # Text that is no UTF-8, no JSON, or nested deeper than anything of ours.
        raise ValueError(f"{os.fspath(path)} is damaged: {error}") from None


@contextmanager
def error_names(path: Path) -> Iterator[None]:
    """Let errors of the system name a file if they name none, as those of a full disk do.

    Examples
    --------
    >>> with error_names(Path("figures.txt")):
    ...     raise OSError(28, "No space left on device")
    Traceback (most recent call last):
    ...
    OSError: [Errno 28] No space left on device: 'figures.txt'
    """
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = os.fspath(path)
        raise


def flush(path: Path) -> None:
    """See to it that a file's content is on the disk before its name is."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """See to it that the names in a folder are on the disk, before anything is written that counts on them.

    Windows has no such call, and some network drives refuse it: names are then as safe as the system makes them.
    """
    if os.name == "nt":
        return
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
