"""Recordings on disk: opened with errors that name the file, read whole or block by block."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from overica._extras import import_extra
from overica.separation.sound import SeparationWarning

# Of the log in which libsndfile says what a header promises and what there is; formats name their chunk differently.
_CUT = re.compile(r"^\s*(?:data|SSND|riff)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE)
# What a header says that was written before the length was known: such a file is as long as it is.
_UNKNOWN = (2**32 - 2**8, 2**31 - 2**8)
# What a WAV file takes as it is; everything else (8 bits, compressed) is written with 16 bits.
_KEPT = ("PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")


@dataclass(frozen=True)
class Recording:
    """An audio file whose header was read.

    Attributes
    ----------
    path : pathlib.Path
    sample_rate : int
        Frames per second.
    n_frames, n_channels : int
    subtype : str
        How soundfile names its sample format.
    doubt : str
        What is wrong with it, if anything is.
    """

    path: Path
    sample_rate: int
    n_frames: int
    n_channels: int
    subtype: str
    doubt: str = ""

    @property
    def written_subtype(self) -> str:
        """The sample format in which results of this recording are written to WAV files."""
        return self.subtype if self.subtype in _KEPT else "PCM_16"

    @property
    def seconds(self) -> float:
        """Duration."""
        return self.n_frames / self.sample_rate

    def read(self, dtype: str = "float32") -> np.ndarray:
        """All samples, of shape (n_frames, n_channels); full scale of an integer format is one.

        Raises
        ------
        ValueError
            If the file ends before its header says, or holds NaN or infinity.
        """
        return next(self.blocks(self.n_frames, dtype))

    def blocks(self, n_frames: int, dtype: str = "float64") -> Iterator[np.ndarray]:
        """The samples, `n_frames` at a time."""
        soundfile = import_extra("soundfile")
        done = 0
        try:
            with soundfile.SoundFile(self.path) as file:
                while done < self.n_frames:
                    wanted = min(n_frames, self.n_frames - done)
                    block = file.read(wanted, dtype=dtype, always_2d=True)
                    if len(block) < wanted:
                        raise ValueError(
                            f"{self.path}: cut short or damaged: the header promises {self.n_frames} frames, but "
                            f"there are {done + len(block)}"
                        )
                    self._check_finite(block, done)
                    yield block
                    done += wanted
        except soundfile.LibsndfileError as error:
            reason = error.error_string.strip().rstrip(".")
            raise ValueError(f"{self.path}: cut short or damaged ({reason})") from None

    def _check_finite(self, block: np.ndarray, start: int) -> None:
        bad = ~np.isfinite(block).all(axis=1)
        if bad.any():
            seconds = (start + int(bad.argmax())) / self.sample_rate
            raise ValueError(
                f"{self.path}: samples are NaN or infinite (the first at {seconds:.3f} s)"
            )


def open_recording(path: str | Path) -> Recording:
    """Read the header of an audio file.

    Parameters
    ----------
    path : path
        WAV, FLAC, or anything else that soundfile reads.

    Returns
    -------
    Recording

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not audio, or empty.
    ImportError
        If the extra ``audio`` is not installed.

    Warns
    -----
    SeparationWarning
        If the file was cut short, which WAV and its like survive: what is there is read.
    """
    soundfile: Any = import_extra("soundfile")
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    if not path.is_file():
        raise ValueError(f"{path}: not a file")
    try:
        info = soundfile.info(path)
    except soundfile.LibsndfileError as error:
        reason = error.error_string.strip().rstrip(".")
        raise ValueError(
            f"{path}: not audio that soundfile can read, or damaged ({reason})"
        ) from None
    if info.frames <= 0:
        raise ValueError(f"{path}: holds no samples, or was cut short before the first")
    doubt = _cut_short(info.extra_info)
    if doubt:
        warnings.warn(f"{path}: {doubt}", SeparationWarning, stacklevel=2)
    return Recording(path, info.samplerate, info.frames, info.channels, info.subtype, doubt)


def _cut_short(log: str) -> str:
    """What is said of a file that ends before its header says."""
    for promised, there in (map(int, found) for found in _CUT.findall(log)):
        known = not any(length <= promised < length + 2**8 for length in _UNKNOWN)
        if known and there < promised:
            return f"was cut short: of {promised} bytes that its header promises {there} are there, and those are read"
    return ""


def audio_files(folder: Path) -> list[Path]:
    """Files of a folder with the ending of a format that soundfile knows, in the order of their names.

    Raises
    ------
    ValueError
        If there are none.
    """
    known = {f".{name.lower()}" for name in import_extra("soundfile").available_formats()}
    # Endings that are not the name of their format.
    known |= {".aif", ".aifc", ".oga", ".opus"}
    found = [path for path in folder.iterdir() if path.is_file() and path.suffix.lower() in known]
    # What macOS leaves beside files on foreign drives has their endings too.
    found = sorted(path for path in found if not path.name.startswith("."))
    if not found:
        raise ValueError(f"{folder}: no audio files in this folder")
    return found
