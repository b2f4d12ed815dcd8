"""What ``overica separate`` does: read, separate, write, and say what was found."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from overica.separation.mixing_facts import MIXING
from overica.separation.picture import direction_degrees
from overica.separation.recordings import Recording, open_recording
from overica.separation.result import Separation
from overica.separation.separate import separate
from overica.separation.sound import SeparationWarning
from overica.separation.writing import PICTURE, check_folder, write_separation


def run_separate(
    path: Path,
    folder: Path,
    *,
    n_sources: int | str,
    method: str | None = None,
    seed: int | None = 0,
    images: bool = False,
    overwrite: bool = False,
) -> Iterator[str]:
    """Separate a recording into files, saying line by line what happens.

    Parameters
    ----------
    path : pathlib.Path
    folder : pathlib.Path
        Made if missing.
    n_sources : int or "auto"
    method : str, optional
    seed : int or None
    images : bool
        Write also the sources as each channel hears them.
    overwrite : bool
        Replace files that are not from an earlier separation.

    Yields
    ------
    str
    """
    recording = open_recording(path)
    check_folder(folder, recording, overwrite=overwrite)
    x = recording.read()
    yield (
        f"{path}: {recording.seconds:.1f} s, {recording.sample_rate} Hz, "
        f"{recording.n_channels} channels; learning directions, then sources ..."
    )
    options: dict[str, Any] = {"random_state": seed}
    if method is not None:
        options["method"] = method
    separation, doubts = _separated(recording, x, n_sources, options)
    settings = {"sources": n_sources, "method": separation.method, "seed": seed}
    facts = write_separation(
        folder, recording, x, separation, settings=settings, doubts=doubts, images=images
    )
    yield from _told(recording, separation, facts)
    yield f"wrote {', '.join([*facts['sources'], *facts['images'], MIXING, PICTURE])} to {folder}"


def _separated(
    recording: Recording, x: np.ndarray, n_sources: int | str, options: dict[str, Any]
) -> tuple[Separation, list[str]]:
    """The separation and what is doubtful about it; errors name the file."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", SeparationWarning)
        try:
            with _bar() as progress:
                separation = separate(
                    x, recording.sample_rate, n_sources=n_sources, progress=progress, **options
                )
        except ValueError as error:
            # What the function calls `x` and `n_sources` is the file and an option here.
            reason = str(error).removeprefix("`x` ").replace("`n_sources`", "--sources")
            raise ValueError(f"{recording.path}: {reason}") from error
    doubts = [recording.doubt] if recording.doubt else []
    for warning in caught:
        warnings.warn(warning.message, stacklevel=2)
        if issubclass(warning.category, SeparationWarning):
            doubts.append(str(warning.message))
    return separation, doubts


@contextmanager
def _bar() -> Iterator[Callable[[float], None]]:
    """A progress bar in a terminal, nothing elsewhere."""
    with tqdm(
        total=1.0,
        desc="separating",
        bar_format="{l_bar}{bar}| {elapsed}",
        disable=None,
        leave=False,
    ) as bar:

        def progress(share: float) -> None:
            bar.update(share - bar.n)

        yield progress


def _told(recording: Recording, separation: Separation, facts: dict[str, Any]) -> Iterator[str]:
    chosen = f", chosen by {facts['n_sources_chosen_by']}" if separation.evidence else ""
    yield f"{separation.n_sources} sources{chosen}"
    if recording.n_channels == 2:
        angles = ", ".join(f"{angle:.1f}" for angle in direction_degrees(separation.mixing))
        yield f"directions (degrees; 0 is the first channel alone, 90 the second): {angles}"
    if facts["gain"] != 1:
        yield f"all files are multiplied by {facts['gain']:.3f}, so that none is clipped"
