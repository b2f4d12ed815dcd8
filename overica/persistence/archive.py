"""Arrays in one file that NumPy reads, sealed: the comment of the zip archive is the checksum of what is before it."""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from overica.persistence.atomic import write_atomically

_LENGTH = 64
"""Of a SHA-256 in hexadecimal digits."""
_DAMAGE = (
    ValueError, OSError, EOFError, KeyError, NotImplementedError, RuntimeError, MemoryError, SyntaxError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What reading an archive without a seal may end with."""


def write_arrays(path: str | os.PathLike[str], arrays: Mapping[str, Any]) -> None:
    """Write arrays by name, in one move: an ``.npz`` file as `numpy.load` reads it.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "rows.npz")
    >>> write_arrays(path, {"rows": np.eye(2)})
    >>> read_arrays(path)["rows"].tolist(), np.load(path)["rows"].shape
    ([[1.0, 0.0], [0.0, 1.0]], (2, 2))
    >>> _ = path.write_bytes(path.read_bytes()[:-1])
    >>> read_arrays(path)
    Traceback (most recent call last):
    ...
    ValueError: ...rows.npz is damaged: it does not match its checksum
    """
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    # An archive ends with the length of its comment, two bytes, and the comment.
    body = buffer.getvalue()[:-2] + _LENGTH.to_bytes(2, "little")
    write_atomically(path, body + _seal(body))


def read_arrays(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """The arrays of an ``.npz`` file, by name; of one without a seal if it can be read.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If it is damaged: names it.
    """
    content = Path(path).read_bytes()
    if not content.endswith(b"\0\0") and content[-_LENGTH:] != _seal(content[:-_LENGTH]):
        raise ValueError(f"{os.fspath(path)} is damaged: it does not match its checksum")
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except _DAMAGE as error:
        raise ValueError(f"{os.fspath(path)} is damaged: {error}") from None


def _seal(body: bytes) -> bytes:
    return sha256(body).hexdigest().encode()
