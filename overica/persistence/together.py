"""Files that belong together, replaced together: a kill at any moment leaves all of the old ones or all of the new.

They are written to a folder ``.part`` inside the one they are for, which is renamed to ``.whole`` once it is complete.
From that moment the new files count: readers look there first (`current`), and the next writer moves on what a kill
left.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from overica.persistence.atomic import PART, error_names, flush, sync_folder
from overica.persistence.output import made

_WHOLE = ".whole"


@contextmanager
def staged(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """An empty folder to fill, whose files take their places in `folder` when the block ends well.

    Parameters
    ----------
    folder : path
        Made if it is missing, and gone again if nothing came of it. Other files in it stay.

    Yields
    ------
    Path
        For plain files.
    """
    folder = Path(folder)
    part = folder / PART
    with made(folder), error_names(folder):
        try:
            # What a kill left: of an unfinished set nothing, of a finished one the files that were not in place yet.
            shutil.rmtree(part, ignore_errors=True)
            _settle(folder)
            part.mkdir()
            yield part
            for path in part.iterdir():
                flush(path)
            sync_folder(part)
            part.replace(folder / _WHOLE)
            _settle(folder)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            # If it was complete, the new files count: no reader need look where they were on the way.
            with suppress(OSError):
                _settle(folder)
            raise


def replace_together(folder: str | os.PathLike[str], files: Mapping[str, bytes]) -> None:
    """Write several files that belong together, by name.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> replace_together(folder, {"a": b"old", "b": b"old"})
    >>> replace_together(folder, {"a": b"new", "b": b"new"})
    >>> sorted(path.name for path in Path(folder).iterdir()), Path(folder, "b").read_bytes()
    (['a', 'b'], b'new')
    """
    with staged(folder) as part:
        for name, content in files.items():
            (part / name).write_bytes(content)


def current(folder: str | os.PathLike[str], name: str) -> Path:
    """Where the file of that name is: in its place, or on the way there if the writer was killed."""
    waiting = Path(folder, _WHOLE, name)
    return waiting if waiting.exists() else Path(folder, name)


def _settle(folder: Path) -> None:
    whole = folder / _WHOLE
    if whole.is_dir():
        # Complete, on the disk too, before the first of the old ones is replaced.
        sync_folder(folder)
        for path in whole.iterdir():
            path.replace(folder / path.name)
        sync_folder(folder)
        whole.rmdir()
