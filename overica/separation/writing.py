"""A separation on disk: sounds, ``mixing.json``, the picture and the page to listen; whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from overica._version import __version__
from overica.persistence import check_output_folder, finite, staged, write_json
from overica.separation.mixing_facts import FORMAT, MIXING, facts_in
from overica.separation.recordings import Recording
from overica.separation.separated import Separated
from overica.separation.sound_files import source_gain, write_images, write_source

PICTURE, PAGE = "separation.png", "listen.html"
RESIDUAL = "residual.wav"
_AUDIO = ("source-*.wav", "image-*.wav", RESIDUAL)


def check_folder(folder: Path, recording: Recording, *, overwrite: bool = False) -> None:
    """Refuse, before any work, a folder where results would replace what is not an earlier result.

    Raises
    ------
    FileExistsError
        If it holds files with the names of results but not from here, or the recording itself is one of them.
    OSError
        If it is a file, cannot be made or cannot be written.
    """
    check_output_folder(folder)
    taken = _results_in(folder)
    folders = [path for path in taken if path.is_dir()]
    if folders:
        raise IsADirectoryError(f"{folders[0]}: a folder where a result belongs")
    if recording.path.resolve() in {path.resolve() for path in taken}:
        raise FileExistsError(
            f"{recording.path}: results in {folder} would replace the recording itself; choose another folder"
        )
    if taken and not overwrite and not facts_in(folder):
        raise FileExistsError(
            f"{folder}: already holds {taken[0].name}, which is not from an earlier separation; choose another "
            "folder or allow overwriting"
        )


def write_separation(
    folder: Path,
    recording: Recording,
    x: np.ndarray,
    separation: Separated,
    *,
    settings: Mapping[str, Any],
    doubts: Sequence[str] = (),
    images: bool = True,
    page: bool = True,
) -> dict[str, Any]:
    """Write sources, images, residual, mixing matrix, picture and page to a folder, made if missing.

    All files are replaced together at the end (`overica.persistence.staged`), so that an interruption leaves nothing of
    them; what an earlier separation left there goes, other files stay.

    Parameters
    ----------
    folder : pathlib.Path
    recording : Recording
        Where the mixture came from; sounds have its sample rate and, where WAV files can, its sample format.
    x : ndarray of shape (n_frames, n_channels)
        Mixture.
    separation : Separation or RoomSeparation
    settings : mapping
        What the user chose, kept in ``mixing.json``.
    doubts : sequence of str, optional
        Warnings, kept there too.
    images : bool, default=True
        Write what each source adds to each channel, and what all of them leave: they sum to the recording exactly, see
        `overica.separation.exact_sums`.
    page : bool, default=True
        Write a page to look at and listen to.

    Returns
    -------
    dict
        What ``mixing.json`` holds. If a source exceeds the range of an integer format, all sources are multiplied by
        ``gain``, below one, so that none is clipped; images and residual never are.
    """
    gain = source_gain(recording, separation.sources)
    n_sources = separation.n_sources
    facts: dict[str, Any] = {
        "format": FORMAT,
        "version": __version__,
        "recording": str(recording.path),
        "sample_rate": recording.sample_rate,
        "n_frames": recording.n_frames,
        "n_channels": recording.n_channels,
        "sample_format": recording.written_subtype,
        "n_sources": n_sources,
        "n_sources_chosen_by": "evidence" if settings.get("sources") == "auto" else "user",
        "gain": gain,
        "image_gain": 1.0,
        "sources": [f"source-{j + 1}.wav" for j in range(n_sources)],
        "images": [f"image-{j + 1}.wav" for j in range(n_sources)] if images else [],
        "residual": RESIDUAL if images else None,
        "settings": dict(settings),
        "method": separation.method,
        "warnings": list(doubts),
        **separation.facts(),
    }
    # Whoever waits for the separation has not waited for these.
    from overica.separation.picture import draw_separation

    earlier = _results_in(folder)
    with staged(folder) as stage:
        for name, source in zip(facts["sources"], separation.sources.T, strict=True):
            write_source(stage / name, gain * source, recording)
        if images:
            paths = [stage / name for name in facts["images"]]
            facts |= write_images(paths, stage / RESIDUAL, recording, separation)
        figure = draw_separation(x, recording.sample_rate, separation.sources, separation.draw)
        figure.savefig(stage / PICTURE)
        write_json(stage / MIXING, finite(facts))
        if page:
            from overica.separation.listening_page import write_listening_page

            picture = (stage / PICTURE).read_bytes()
            write_listening_page(stage / PAGE, recording.path.name, x, separation, picture, doubts)
        new = {path.name for path in stage.iterdir()}
    for path in earlier:
        if path.name not in new:
            path.unlink(missing_ok=True)
    return facts


def _results_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    named = [path for pattern in _AUDIO for path in folder.glob(pattern)]
    fixed = (folder / name for name in (MIXING, PICTURE, PAGE))
    return sorted(named) + [path for path in fixed if path.exists()]
