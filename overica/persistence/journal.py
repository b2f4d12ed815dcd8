"""A journal of a deterministic fit, by which the same call goes on where it was killed, to the same bits.

The call is executed again from its start. Whatever took long was a stage: one that was done gives what it gave, the
one that was under way goes on from where it was last seen, and everything between is cheap and is computed again.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import numpy as np

from overica._version import __version__
from overica.distributed import broadcast, rank
from overica.persistence.atomic import PART, read_json, write_json
from overica.persistence.checkpoint import damage_named
from overica.persistence.fingerprint import differences
from overica.persistence.interrupts import Interrupts
from overica.persistence.lock import LOCK, FolderLock
from overica.persistence.output import check_output_folder
from overica.persistence.tensors import read_tensors, write_tensors
from overica.persistence.values import pack, unpack

_FORMAT = "overica checkpoint of a fit, 1"
MANIFEST = "fit.json"
"""Names the fit that a folder is of."""


class Journal:
    """The stages of a fit in a folder; without a folder nothing is kept, and every stage is computed.

    Stages are numbered in the order in which they begin, and may hold others; what is in a stage that is done is
    removed. What was computed is written when `every` seconds have passed since the last time, and when the block
    ends, however it ends. Of several ranks the first reads and writes, and tells the others what it has read; with
    another number of them the fit goes on all the same.

    Parameters
    ----------
    folder : path or None
    identity : mapping
        What makes the fit this one, see `overica.persistence.fingerprint`.
    every : float
        Seconds between two times of writing.
    drawn : numpy.random.Generator or None
        One whose seed nobody gave: on entering it is put where it was when the fit was begun.

    Raises
    ------
    ValueError
        On entering, if the folder is of another fit: says what differs.
    FileExistsError
        If it holds something else.
    BlockingIOError
        If another process is at it.
    OSError
        If it cannot be written, and later if the disk is full: what was written before stays.

    Warns
    -----
    UserWarning
        If a file is damaged: its stage is computed again.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> def squares():
    ...     with Journal(folder, {"power": 2}) as journal, journal.stage("squares") as stage:
    ...         if not stage.complete:
    ...             print("computed")
    ...             stage.finish([n**2 for n in range(3)])
    ...         return stage.kept
    >>> squares()
    computed
    [0, 1, 4]
    >>> squares()
    [0, 1, 4]
    """

    def __init__(
        self,
        folder: str | os.PathLike[str] | None = None,
        identity: Mapping[str, Any] | None = None,
        every: float = 0.0,
        drawn: np.random.Generator | None = None,
    ) -> None:
        self._folder = None if folder is None else Path(folder)
        self._identity = {"format": _FORMAT, "version": __version__, **(identity or {})}
        self._every = every
        self._seed = drawn and drawn.bit_generator.state
        self._drawn = drawn
        self._named = False
        self._written = time.monotonic()
        self._pending: dict[str, tuple[bool, tuple[dict[str, Any], Any]]] = {}
        """Stages that are yet to be written, in the order in which they ended: whether they are done, and packed."""
        self._path: list[str] = []
        self._counts = [0]
        self._lock: FolderLock | None = None
        self._interrupts = Interrupts()

    @property
    def keeps(self) -> bool:
        """Whether there is a folder."""
        return self._folder is not None

    def stage(self, name: str) -> Stage:
        """The next stage, as a block."""
        return Stage(self, name)

    def __enter__(self) -> Self:
        if self._folder is None:
            return self
        self._interrupts.__enter__()
        try:
            if rank() == 0:
                self._open(self._folder)
            if self._drawn is not None:
                self._drawn.bit_generator.state = broadcast(self._drawn.bit_generator.state)
        except BaseException:
            self._interrupts.__exit__()
            self._release()
            raise
        return self

    def _open(self, folder: Path) -> None:
        check_output_folder(folder, foreign=_foreign)
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = FolderLock(folder)
        for path in folder.glob(f"*{PART}"):
            path.unlink()
        self._compare(folder)

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if self._folder is None:
            return
        self._interrupts.__exit__()
        try:
            if kind is None:
                self._write()
            else:
                # A disk that is full has been told of.
                with suppress(OSError):
                    self._write()
        finally:
            self._release()

    def _compare(self, folder: Path) -> None:
        manifest = folder / MANIFEST
        if not manifest.exists():
            return
        with damage_named(os.fspath(manifest)):
            there = read_json(manifest)
            identity, seed = there["identity"], there["seed"]
        found = list(differences(identity, self._identity))
        if found:
            raise ValueError(
                f"{os.fspath(folder)} is the checkpoint of another fit: {'; '.join(found)}. Make the call that it was "
                "begun with, choose another folder, or delete this one to begin anew"
            )
        self._named = True
        if self._drawn is not None:
            self._drawn.bit_generator.state = seed

    def _enter(self, name: str) -> str:
        self._path.append(f"{self._counts[-1]:03d}-{name}")
        self._counts.append(0)
        return ".".join(self._path)

    def _leave(self) -> None:
        self._path.pop()
        self._counts.pop()
        self._counts[-1] += 1
        self._interrupts.put_off = False

    def _read(self, key: str) -> tuple[bool, Any] | None:
        """Whether a stage is done, and what was kept of it; None if nothing was."""
        return None if self._folder is None else broadcast(self._read_here(self._folder, key))

    def _read_here(self, folder: Path, key: str) -> tuple[bool, Any] | None:
        if rank() > 0:
            return None
        try:
            arrays, (done, value) = read_tensors(folder / _file(key))
            return done, unpack(arrays, value)
        except FileNotFoundError:
            return None
        except ValueError as error:
            warnings.warn(f"{error}. That stage of the fit is computed again.", stacklevel=6)
            return None

    def _offer(self, key: str, make: Callable[[], Any]) -> None:
        if self._folder is None:
            return
        self._interrupts.put_off = True
        if self._due or self._interrupts.waiting is not None:
            if rank() == 0:
                self._pending[key] = (False, pack(make()))
                self._write()
            self._interrupts.check()

    def _finish(self, key: str, value: Any) -> None:
        if self._folder is None or rank() > 0:
            return
        for inner in [each for each in self._pending if each.startswith(f"{key}.")]:
            del self._pending[inner]
        self._pending[key] = (True, pack(value))
        if self._due:
            self._write()

    @property
    def _due(self) -> bool:
        return time.monotonic() - self._written >= self._every

    def _write(self) -> None:
        """Everything that is pending, the oldest first."""
        assert self._folder is not None
        if self._pending and not self._named:
            manifest = {"identity": self._identity, "seed": self._seed}
            write_json(self._folder / MANIFEST, manifest)
            self._named = True
        while self._pending:
            key, (done, (arrays, facts)) = next(iter(self._pending.items()))
            write_tensors(self._folder / _file(key), arrays, [done, facts])
            del self._pending[key]
            if done:
                for path in self._folder.glob(f"{key}.*-*"):
                    path.unlink()
        self._written = time.monotonic()


class Stage:
    """A stage of a `Journal`, as a block.

    Attributes
    ----------
    complete : bool
        Whether it was done before, or is by now.
    kept
        Its value then; if it was under way, what was last offered, else None.
    """

    def __init__(self, journal: Journal, name: str) -> None:
        self._journal, self._name = journal, name
        self.complete = False
        self.kept: Any = None

    def offer(self, make: Callable[[], Any]) -> None:
        """Say that the stage could go on from here: what is made is kept if it is time for it.

        Parameters
        ----------
        make : callable
            Gives a value for `overica.persistence.values.pack`.

        Raises
        ------
        KeyboardInterrupt, SystemExit
            If the process has been told to end since the last time, once that is written.
        """
        self._journal._offer(self._key, make)

    def finish(self, value: Any) -> None:
        """Keep what the stage has come to."""
        self.complete, self.kept = True, value
        self._journal._finish(self._key, value)

    def __enter__(self) -> Self:
        self._key = self._journal._enter(self._name)
        found = self._journal._read(self._key)
        if found is not None:
            self.complete, self.kept = found
        return self

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        self._journal._leave()
        if kind is None:
            # What came in the last step.
            self._journal._interrupts.check()


def _file(key: str) -> str:
    return f"{key}.safetensors"


def _foreign(folder: Path) -> str | None:
    """What in a folder that is no checkpoint would be in the way."""
    if (folder / MANIFEST).exists():
        return None
    names = {path.name for path in folder.iterdir()} - {LOCK, MANIFEST + PART}
    return f"`{min(names)}`" if names else None
