"""A separation on disk: one WAV file per source, ``mixing.json``, the picture; whole or not at all."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from overica._version import __version__
from overica.persistence import finite, staged, write_json
from overica.separation.extras import import_extra
from overica.separation.mixing_facts import FORMAT, MIXING, facts_in
from overica.separation.picture import direction_degrees, draw_separation
from overica.separation.recordings import Recording
from overica.separation.result import Separation

PICTURE = "separation.png"
_AUDIO = ("source-*.wav", "image-*.wav")
# The largest sample that 16 bits hold.
_FULL_SCALE = 1 - 2**-15


def check_folder(folder: Path, recording: Recording, *, overwrite: bool = False) -> None:
    """Refuse, before any work, a folder where results would replace what is not an earlier result.

    Raises
    ------
    FileExistsError
        If it holds files with the names of results but not from here, or the recording itself is one of them.
    NotADirectoryError
        If it is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder}: a file, not a folder")
    taken = _results_in(folder)
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
    separation: Separation,
    *,
    settings: Mapping[str, Any],
    doubts: Sequence[str] = (),
    images: bool = False,
) -> dict[str, Any]:
    """Write sources, mixing matrix and picture to a folder, made if missing.

    All files are replaced together at the end (`overica.persistence.staged`), so that an interruption leaves nothing of
    them; what an earlier separation left there goes, other files stay.

    Parameters
    ----------
    folder : pathlib.Path
    recording : Recording
        Where the mixture came from; sources have its sample rate and, where WAV files can, its sample format.
    x : ndarray of shape (n_frames, n_channels)
        Mixture.
    separation : Separation
    settings : mapping
        What the user chose, kept in ``mixing.json``.
    doubts : sequence of str, optional
        Warnings, kept there too.
    images : bool, default=False
        Write also what each source adds to each channel.

    Returns
    -------
    dict
        What ``mixing.json`` holds. If a source exceeds the range of an integer format, all files are multiplied by
        ``gain``, below one, so that none is clipped.
    """
    gain = _common_gain(recording, separation.sources)
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
        "n_sources_chosen_by": "held-out evidence" if settings.get("sources") == "auto" else "user",
        "mixing": separation.mixing.tolist(),
        **({"directions_degrees": None} if recording.n_channels == 2 else {}),
        "gain": gain,
        "sources": [f"source-{j + 1}.wav" for j in range(n_sources)],
        "images": [f"image-{j + 1}.wav" for j in range(n_sources)] if images else [],
        "settings": dict(settings),
        "method": separation.method,
        "fit_quality": separation.fit_quality,
        "explained": separation.explained,
        "warnings": list(doubts),
        "evidence": {str(n): value for n, value in separation.evidence.items()},
    }
    if recording.n_channels == 2:
        facts["directions_degrees"] = direction_degrees(separation.mixing).tolist()
    earlier = _results_in(folder)
    with staged(folder) as stage:
        for j in range(n_sources):
            source = gain * separation.sources[:, j]
            _write(stage / facts["sources"][j], source, recording)
            if images:
                image = source[:, None] * separation.mixing[:, j]
                _write(stage / facts["images"][j], image.astype(source.dtype), recording)
        figure = draw_separation(x, recording.sample_rate, separation.sources, separation.mixing)
        figure.savefig(stage / PICTURE)
        write_json(stage / MIXING, finite(facts))
        new = {path.name for path in stage.iterdir()}
    for path in earlier:
        if path.name not in new:
            path.unlink(missing_ok=True)
    return facts


def _write(path: Path, samples: np.ndarray, recording: Recording) -> None:
    soundfile = import_extra("soundfile")
    # By way of memory: of a full disk libsndfile says no more than "System error".
    sound = io.BytesIO()
    soundfile.write(
        sound, samples, recording.sample_rate, format="WAV", subtype=recording.written_subtype
    )
    path.write_bytes(sound.getbuffer())


def _common_gain(recording: Recording, sources: np.ndarray) -> float:
    if recording.written_subtype in ("FLOAT", "DOUBLE"):
        return 1.0
    peak = max(float(np.abs(source).max()) for source in sources.T)
    return _FULL_SCALE / peak if peak > _FULL_SCALE else 1.0


def _results_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    named = [path for pattern in _AUDIO for path in folder.glob(pattern)]
    return sorted(named) + [p for p in (folder / MIXING, folder / PICTURE) if p.exists()]
