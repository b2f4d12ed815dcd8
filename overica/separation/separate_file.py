"""What ``overica separate`` does: read, separate, write, and say what was found."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import numpy as np
from tqdm import tqdm

from overica.separation.mixing_facts import MIXING
from overica.separation.recordings import Recording, open_recording
from overica.separation.separate import separate
from overica.separation.separated import Separated
from overica.separation.separators import METHODS
from overica.separation.sound import SeparationWarning, check_channels
from overica.separation.writing import PAGE, PICTURE, RESIDUAL, check_folder, write_separation

_OPTIONS = {"`n_sources`": "--sources", "`window`": "--window", "`seconds`": "--window"}


def check_method(method: str, n_sources: int | str) -> None:
    """Refuse, before anything is read, a number of sources that a method cannot do with.

    Raises
    ------
    ValueError
        In the words of the command.
    """
    with _in_words_of_the_command():
        METHODS[method].model.check(None if n_sources == "auto" else int(n_sources), None, 2)


def run_separate(
    path: Path,
    folder: Path,
    *,
    n_sources: int | str,
    method: str = "gaussian",
    window: float | None = None,
    seed: int | None = 0,
    images: bool = True,
    page: bool = True,
    overwrite: bool = False,
) -> Iterator[str]:
    """Separate a recording into files, saying line by line what happens.

    Parameters
    ----------
    path : pathlib.Path
    folder : pathlib.Path
        Made if missing.
    n_sources : int or "auto"
    method : str
    window : float, optional
        Seconds, see `overica.separation.separate`.
    seed : int or None
    images : bool
        Write also the sources as each channel hears them, and what they leave.
    page : bool
        Write a page to listen.
    overwrite : bool
        Replace files that are not from an earlier separation.

    Yields
    ------
    str
    """
    recording = open_recording(path)
    check_folder(folder, recording, overwrite=overwrite)
    with _in_words_of_the_command(f"{recording.path}: "):
        check_channels(recording.n_channels)
    x = recording.read()
    yield (
        f"{path}: {recording.seconds:.1f} s, {recording.sample_rate} Hz, "
        f"{recording.n_channels} channels; learning directions, then sources ..."
    )
    options = {"method": method, "window": window, "random_state": seed}
    separation, doubts = _separated(recording, x, n_sources, options)
    settings = {"sources": n_sources, "method": method, "window": window, "seed": seed}
    facts = write_separation(
        folder, recording, x, separation, settings=settings, doubts=doubts, images=images, page=page
    )
    yield from _told(recording, separation, facts)
    written = [
        *facts["sources"],
        *facts["images"],
        *([RESIDUAL] if images else []),
        MIXING,
        PICTURE,
    ]
    yield f"wrote {', '.join([*written, *([PAGE] if page else [])])} to {folder}"


def _separated(
    recording: Recording, x: np.ndarray, n_sources: int | str, options: dict[str, Any]
) -> tuple[Separated, list[str]]:
    """The separation and what is doubtful about it; errors name the file."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", SeparationWarning)
        with _in_words_of_the_command(f"{recording.path}: "), _bar() as progress:
            separation = separate(
                x, recording.sample_rate, n_sources=n_sources, progress=progress, **options
            )
    doubts = [recording.doubt] if recording.doubt else []
    for warning in caught:
        warnings.warn(warning.message, stacklevel=2)
        if issubclass(warning.category, SeparationWarning):
            doubts.append(str(warning.message))
    return separation, doubts


@contextmanager
def _in_words_of_the_command(about: str = "") -> Iterator[None]:
    """Errors of a function name its arguments, those of a command the file and the options."""
    try:
        yield
    except ValueError as error:
        reason = str(error).removeprefix("`x` ")
        for argument, option in _OPTIONS.items():
            reason = reason.replace(argument, option)
        raise ValueError(about + reason) from error


@contextmanager
def _bar() -> Iterator[Callable[[float], None]]:
    """A progress bar in a terminal, a line at every quarter elsewhere."""
    form = "{l_bar}{bar}| {elapsed}"
    with tqdm(total=1.0, desc="separating", bar_format=form, disable=None, leave=False) as bar:
        told = 0

        def progress(share: float) -> None:
            nonlocal told
            bar.update(share - bar.n)
            if bar.disable and told < int(4 * share):
                told = int(4 * share)
                click.echo(f"separating: {25 * told} %", err=True)

        yield progress


def _told(recording: Recording, separation: Separated, facts: dict[str, Any]) -> Iterator[str]:
    n_sources = separation.n_sources
    by = facts["n_sources_chosen_by"]
    unknown = by == "evidence" and not separation.instantaneous
    how = "assumed: the mixture is not instantaneous" if unknown else f"chosen by {by}"
    yield f"{n_sources} source{'s' * (n_sources != 1)}, {how}"
    yield from separation.said()
    if facts["gain"] != 1:
        yield f"sources are multiplied by {facts['gain']:.3f}, so that none is clipped; images are not"
    if facts["images"]:
        residual = facts["residual_db"]
        level = f" ({-residual:.0f} dB below it)" if np.isfinite(residual) else ""
        double = recording.written_subtype == "DOUBLE"
        exactly = "but for the rounding of double precision" if double else "exactly"
        yield f"images and residual{level} sum to the recording {exactly}"
        if facts["clipped_samples"]:
            yield f"{facts['clipped_samples']} samples of images are beyond full scale: the residual has the rest"
