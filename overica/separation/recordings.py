"""Recordings on disk: opened with errors that name the file, read whole or block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from overica.separation.extras import import_extra

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
    """

    path: Path
    sample_rate: int
    n_frames: int
    n_channels: int
    subtype: str

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
                            f"{self.path}: the header promises {self.n_frames} frames, but there are "
                            f"{done + len(block)}"
                        )
                    self._check_finite(block, done)
                    yield block
                    done += wanted
        except soundfile.LibsndfileError as error:
            raise ValueError(f"{self.path}: {error.error_string}") from None

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
        raise ValueError(f"{path}: not audio that soundfile can read ({reason})") from None
    if info.frames <= 0:
        raise ValueError(f"{path}: holds no samples")
    return Recording(path, info.samplerate, info.frames, info.channels, info.subtype)
