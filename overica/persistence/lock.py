"""One writer at a time: a lock on a folder that ends with the process that holds it, however that ends."""

from __future__ import annotations

import errno
import os
import warnings
from pathlib import Path
from typing import Any, Self

LOCK = ".lock"
"""Name of the file that is locked; it is empty, and stays."""
_NO_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK}
"""What drives say that cannot lock, as some of clusters; to refuse them would be to refuse all work there."""


class FolderLock:
    """The right to write to a folder, until `release`, the end of the object, or that of the process.

    Parameters
    ----------
    folder : path
        One that exists.

    Raises
    ------
    BlockingIOError
        If another writer has it, in this process or any other of this machine.

    Warns
    -----
    UserWarning
        If the drive knows no locks.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> with FolderLock(folder):
    ...     FolderLock(folder)
    Traceback (most recent call last):
    ...
    BlockingIOError: ... is in use: another process, or another writer of this one, writes there
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._file = Path(folder, LOCK).open("a")  # noqa: SIM115  (open as long as the lock is held)
        try:
            _lock(self._file)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                warnings.warn(
                    f"{os.fspath(folder)} is on a drive that knows no locks: see to it that nothing else writes there",
                    stacklevel=2,
                )
                return
            self._file.close()
            raise BlockingIOError(
                f"{os.fspath(folder)} is in use: another process, or another writer of this one, writes there"
            ) from None

    @property
    def held(self) -> bool:
        """Whether it has not been released."""
        return not self._file.closed

    def release(self) -> None:
        """Let others write; more than once does no harm."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.release()

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()


def _lock(file: Any) -> None:
    """Lock an open file or raise OSError at once; the system unlocks it when it is closed."""
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
