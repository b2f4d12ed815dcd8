"""JSON lines: one value a line, appended as each comes.

What a line says is on the disk when `append_lines` returns. A kill in the middle of it tears the last line at most,
which readers leave out and the next writer does not write on.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from overica.persistence.atomic import error_names, sync_folder, write_atomically

_SEPARATORS = {ord(mark): f"\\u{ord(mark):04x}" for mark in "\x85\u2028\u2029"}
"""Ends of lines to `str.splitlines` and to other languages that JSON lets stand in strings; the rest it escapes."""


def append_lines(path: str | os.PathLike[str], values: Iterable[Any]) -> None:
    """Add values to the end of a file, made if it is missing; all of them or, if that fails, none.

    Parameters
    ----------
    path : path
        In a folder that exists.
    values : iterable
        What JSON has words for; NaN and infinities become null, numbers of NumPy's numbers.

    Raises
    ------
    TypeError
        If a value is of another kind.
    OSError
        If it cannot be written. The file is then as it was.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "results.jsonl")
    >>> append_lines(path, [{"cell": "a", "score": 0.5}, {"cell": "b", "score": math.nan}])
    >>> with path.open("a") as file:
    ...     _ = file.write('{"cell": "to')
    >>> append_lines(path, [{"cell": "c"}])
    >>> read_lines(path)
    [{'cell': 'a', 'score': 0.5}, {'cell': 'b', 'score': None}, {'cell': 'c'}]
    """
    text = _text(values)
    if not text:
        return
    path = Path(path)
    made = not path.exists()
    with error_names(path), path.open("ab+", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        if end and _last_byte(file) != b"\n":
            text = b"\n" + text
        try:
            written = 0
            while written < len(text):
                written += file.write(text[written:])
            os.fsync(file.fileno())
        except BaseException:
            file.truncate(end)
            raise
    if made:
        sync_folder(path.parent)


def write_lines(path: str | os.PathLike[str], values: Iterable[Any]) -> None:
    """Write a file of values in one move, see `append_lines`; of none, an empty one."""
    write_atomically(path, _text(values))


def read_lines(path: str | os.PathLike[str]) -> list[Any]:
    """The values of a file, in order; none if there is no such file.

    Lines that are not whole are left out: the last, if it was torn, and what is no JSON.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "names.jsonl")
    >>> read_lines(path)
    []
    >>> write_lines(path, ["one\\u2028name", "another"])
    >>> read_lines(path) == ["one\\u2028name", "another"]
    True
    """
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        return []
    values = []
    for line in content.split(b"\n"):
        try:
            values.append(json.loads(line.decode("utf-8")))
        except (ValueError, RecursionError):
            continue
    return values


def finite(value: Any) -> Any:
    """A value with None for every number that is NaN or infinite, as JSON needs it.

    Examples
    --------
    >>> finite({"score": np.float64("nan"), "shape": (np.int64(2), 3)})
    {'score': None, 'shape': [2, 3]}
    """
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _text(values: Iterable[Any]) -> bytes:
    lines = (
        json.dumps(finite(value), ensure_ascii=False, allow_nan=False) + "\n" for value in values
    )
    # Lone surrogates, which UTF-8 cannot hold, are escaped as JSON would, see `write_json`.
    return "".join(lines).translate(_SEPARATORS).encode("utf-8", "backslashreplace")


def _last_byte(file: Any) -> bytes:
    file.seek(-1, os.SEEK_END)
    last: bytes = file.read(1)
    return last
