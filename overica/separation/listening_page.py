"""The page to listen: a player and a spectrogram of the mixture, every image and the residual, in one file.

Sounds and pictures stand in the page itself, so that it opens anywhere without network or other files. A page of more
than some megabytes opens nowhere; of long recordings it has the loudest stretch, and says so.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
import numpy as np
from matplotlib import colormaps
from PIL import Image

from overica._extras import import_extra
from overica.persistence import write_atomically
from overica.report.write import environment
from overica.separation.picture import RANGE_DB, coefficients
from overica.separation.separated import Separated

_BYTES = 18_000_000
"""Of all sounds as they stand in the page, if they could not be compressed."""
_CHANNELS = 2
_ROWS = 200


@dataclass(frozen=True)
class Sound:
    """A player of the page."""

    title: str
    note: str
    spectrogram: str
    audio: str


@dataclass(frozen=True)
class ListeningPage:
    """What the page says."""

    name: str
    answer: str
    notices: Sequence[str]
    sounds: Sequence[Sound]
    remark: str
    picture: str
    span: str
    """The stretch of time."""
    band: str
    """The frequencies."""
    drawn: str
    """What the picture has beside spectrograms."""


def write_listening_page(
    path: Path,
    name: str,
    x: np.ndarray,
    separation: Separated,
    picture: bytes,
    notices: Sequence[str] = (),
) -> Path:
    """Write the page.

    Parameters
    ----------
    path : pathlib.Path
    name : str
        Of the recording.
    x : array (n_frames, n_channels)
        Mixture.
    separation : Separation or RoomSeparation
    picture : bytes
        PNG of directions and spectrograms (`overica.separation.plot_separation`).
    notices : sequence of str, optional
        What a listener must know first.

    Returns
    -------
    pathlib.Path
        The same.
    """
    page = build_page(name, x, separation, picture, notices)
    template = environment(jinja2.PackageLoader("overica.separation")).get_template(
        "listen.html.j2"
    )
    # A file's name that is no text has lone surrogates, which UTF-8 cannot hold.
    write_atomically(path, template.render(page=page).encode("utf-8", "backslashreplace"))
    return path


def build_page(
    name: str, x: np.ndarray, separation: Separated, picture: bytes, notices: Sequence[str]
) -> ListeningPage:
    """Put together what the page says."""
    rate, n_sources = separation.sample_rate, separation.n_sources
    # Two bytes a sample, and four letters for three bytes.
    n_channels = min(x.shape[1], _CHANNELS)
    n_frames = int(_BYTES / (2 * 4 / 3 * n_channels * (n_sources + 2)))
    start, stop = _loudest(x, n_frames)
    span = f"{start / rate:.1f} to {stop / rate:.1f} s"
    found = list(_stretches(x[start:stop], separation, start, stop))
    peak = max(float(np.abs(signal).max()) for _, _, signal in found)
    factor = min(1.0, (1 - 2**-15) / peak) if peak > 0 else 1.0
    top = float((np.abs(_transformed(found[0][2], separation)) ** 2).sum(axis=0).max()) or 1.0
    sounds = [
        Sound(
            title, note,
            _data("image/png", _spectrogram(_transformed(signal, separation), top)),
            _data("audio/flac", _flac(factor * signal[:, :_CHANNELS], rate)),
        )
        for title, note, signal in found
    ]  # fmt: skip
    remark = [
        f"Spectrograms: {span}, 0 to {rate / 2000:g} kHz, {RANGE_DB:g} dB below the mixture's peak. The images and the "
        "residual sum to the mixture."
    ]
    if stop - start < len(x):
        remark.append(
            f"Sounds are of the loudest {(stop - start) / rate:.0f} s of {len(x) / rate:.0f} s: more would make this "
            "page larger than 25 MB. The files beside it are whole."
        )
    if x.shape[1] > _CHANNELS:
        remark.append(f"Channels 1 and 2 of {x.shape[1]} are played.")
    if factor < 1:
        remark.append(f"All are played at {factor:.2f} of their level, so that none is clipped.")
    return ListeningPage(
        name, f"{n_sources} source{'s' * (n_sources != 1)}, by the method {separation.method}", list(notices), sounds,
        " ".join(remark), _data("image/png", picture), span, f"0 to {rate / 2000:g} kHz",
        separation.drawn,
    )  # fmt: skip


def _stretches(
    x: np.ndarray, separation: Separated, start: int, stop: int
) -> Iterator[tuple[str, str, np.ndarray]]:
    """Title, note and samples of every player."""
    yield "mixture", "", x
    images = separation.images_of(start, stop)
    for j, (note, image) in enumerate(zip(separation.notes(), images, strict=True), start=1):
        yield f"source {j}", note, image
    residual = x - images.sum(axis=0)
    power, left = float((x**2).sum()), float((residual**2).sum())
    note = f"{-10 * np.log10(left / power):.0f} dB below the mixture" if left > 0 < power else ""
    yield "residual", note, residual


def _loudest(x: np.ndarray, n_frames: int) -> tuple[int, int]:
    """The stretch of so many frames with the most energy, to a hundredth of its length."""
    if n_frames >= len(x):
        return 0, len(x)
    step = max(1, n_frames // 100)
    energy = np.add.reduceat((x.astype(np.float64) ** 2).sum(axis=1), np.arange(0, len(x), step))
    total = np.concatenate([[0.0], np.cumsum(energy)])
    first = int(np.argmax(total[100:] - total[:-100])) * step
    start = min(first, len(x) - n_frames)
    return start, start + n_frames


def _transformed(signal: np.ndarray, separation: Separated) -> np.ndarray:
    assert separation.transform is not None
    length = separation.transform.window_length
    return np.stack([coefficients(channel, length) for channel in signal.T])


def _spectrogram(Z: np.ndarray, top: float) -> bytes:
    """PNG of the power of coefficients (n_channels, n_frequencies, n_columns) in decibels below `top`."""
    power = (np.abs(Z) ** 2).sum(axis=0)
    rows = -(-len(power) // _ROWS)
    power = np.maximum.reduceat(power, np.arange(0, len(power), rows))[::-1]
    decibels = 10 * np.log10(np.maximum(power / top, 10 ** (-RANGE_DB / 10)))
    levels = np.clip((1 + decibels / RANGE_DB) * 255, 0, 255).astype(np.uint8)
    # A colour a level: a third of the size of three.
    image = Image.fromarray(levels, mode="P")
    image.putpalette((colormaps["magma"](np.arange(256))[:, :3] * 255).astype(np.uint8).tobytes())
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def _flac(samples: np.ndarray, sample_rate: float) -> bytes:
    file = io.BytesIO()
    import_extra("soundfile").write(
        file, samples, round(sample_rate), format="FLAC", subtype="PCM_16"
    )
    return file.getvalue()


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
