"""Sounds of a separation as WAV files: sources with a common gain, images and residual that sum to the recording."""

from __future__ import annotations

import io
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from overica._extras import import_extra
from overica.separation.exact_sums import floating_shares, integer_shares
from overica.separation.recordings import Recording
from overica.separation.separated import Separated

_BITS = {"PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
_BLOCK = 2**16
# The largest sample that 16 bits hold.
_FULL_SCALE = 1 - 2**-15


def source_gain(recording: Recording, sources: np.ndarray) -> float:
    """What all sources are multiplied by, so that none is clipped: less than one only in integer formats.

    A source is as loud as all channels of its image together, and may be beyond the range where the image is not.
    """
    if recording.written_subtype not in _BITS:
        return 1.0
    peak = max(float(np.abs(source).max()) for source in sources.T)
    return _FULL_SCALE / peak if peak > _FULL_SCALE else 1.0


def write_source(path: Path, samples: np.ndarray, recording: Recording) -> None:
    """A file of one channel, in the format of the recording."""
    soundfile = import_extra("soundfile")
    # By way of memory: of a full disk libsndfile says no more than "System error".
    sound = io.BytesIO()
    soundfile.write(
        sound, samples, recording.sample_rate, format="WAV", subtype=recording.written_subtype
    )
    path.write_bytes(sound.getbuffer())


def write_images(
    paths: list[Path], residual: Path, recording: Recording, separation: Separated
) -> dict[str, float]:
    """What each source adds to the channels, and what all of them leave of the recording, at gain one.

    In the format of the recording, but for the residual of one in single precision, which is in double.

    Returns
    -------
    dict
        ``clipped_samples`` of images beyond the range of an integer format, which the residual takes; ``residual_db``,
        the power of the residual in decibels of the recording's.
    """
    subtype = recording.written_subtype
    bits = _BITS.get(subtype)
    formats = [subtype] * len(paths) + ["DOUBLE" if bits is None else subtype]
    peak = separation.peak
    sounds = [io.BytesIO() for _ in formats]
    clipped, start, powers = 0, 0, np.zeros(2)
    with ExitStack() as stack:
        files = [
            stack.enter_context(_wav(sound, kind, recording))
            for sound, kind in zip(sounds, formats, strict=True)
        ]
        for mixture in recording.blocks(_BLOCK, _dtype(bits)):
            images = separation.images_of(start, start + len(mixture))
            start += len(mixture)
            if bits is None:
                shares, rest = floating_shares(mixture, images, peak)
            else:
                mixture = mixture.astype(np.int64) >> (_width(bits) - bits)
                shares, rest = integer_shares(mixture, images, bits)
                clipped += int((np.abs(images * 2.0 ** (bits - 1) - shares) > 1).sum())
            powers += [(part.astype(np.float64) ** 2).sum() for part in (rest, mixture)]
            for file, share in zip(files, (*shares, rest), strict=True):
                if bits is not None:
                    share = (share << (_width(bits) - bits)).astype(_dtype(bits))
                file.write(share)
    for path, sound in zip((*paths, residual), sounds, strict=True):
        path.write_bytes(sound.getbuffer())
    decibels = 10 * np.log10(powers[0] / powers[1]) if powers.all() else -np.inf
    return {"clipped_samples": clipped, "residual_db": float(decibels)}


def _width(bits: int) -> int:
    """Of the integers in which soundfile hands out samples of so many bits: the upper ones count."""
    return 16 if bits == 16 else 32


def _dtype(bits: int | None) -> str:
    return "float64" if bits is None else f"int{_width(bits)}"


def _wav(sound: io.BytesIO, subtype: str, recording: Recording) -> Any:
    soundfile = import_extra("soundfile")
    return soundfile.SoundFile(
        sound, "w", recording.sample_rate, recording.n_channels, subtype, format="WAV"
    )
