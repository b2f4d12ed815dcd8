"""A folder of recordings, each separated into a folder of its own, whatever becomes of the others."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from overica.separation.recordings import audio_files
from overica.separation.separate_file import run_separate

_HOPELESS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
"""Errors of the drive for results, which the next recording would only meet again."""


def run_separate_folder(folder: Path, output: Path, **options: Any) -> Iterator[str]:
    """Separate every recording of a folder into ``output/NAME``, saying line by line what happens.

    Parameters
    ----------
    folder : pathlib.Path
        Of audio files; folders inside it are left alone.
    output : pathlib.Path
        Made if missing. NAME is that of the file without its ending, or with it where files differ in that alone.
    **options
        See `overica.separation.separate_file.run_separate`.

    Yields
    ------
    str

    Raises
    ------
    ValueError
        If there are none; in the end, if some could not be separated, naming each and why.
    OSError
        If the drive of `output` is full or cannot be written.
    """
    paths = audio_files(folder)
    failures: list[str] = []
    for path, name in zip(paths, _names(paths), strict=True):
        try:
            yield from run_separate(path, output / name, **options)
        except (ValueError, OSError) as error:
            if isinstance(error, OSError) and error.errno in _HOPELESS:
                raise
            failures.append(_named(path, error))
            yield f"failed: {failures[-1]}"
    yield f"{len(paths) - len(failures)} of {len(paths)} recordings are separated, in {output}"
    if failures:
        raise ValueError(
            f"{len(failures)} of {len(paths)} recordings could not be separated: "
            + "; ".join(failures)
        )


def _names(paths: Sequence[Path]) -> list[str]:
    """Of their folders: different where drives tell no upper from lower case, too."""
    times = Counter(path.stem.lower() for path in paths)
    return [path.stem if times[path.stem.lower()] == 1 else path.name for path in paths]


def _named(path: Path, error: Exception) -> str:
    return str(error) if str(path) in str(error) else f"{path}: {error}"
