"""Evaluation of audio files: which belong together, whether they can be compared, and the figures."""

from __future__ import annotations

import importlib.metadata
import itertools
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from overica.persistence import finite, write_json
from overica.separation.mixing_facts import MIXING, written_gain
from overica.separation.recordings import Recording, audio_files, open_recording
from overica.separation.separation_scores import FIGURES, SeparationScores, evaluate_blocks

_BLOCK = 1 << 16
# Transforms that frame the signal may lengthen or shorten it by a frame; more is another recording.
_TOLERANCE_SECONDS = 0.1


def split_paths(
    paths: Sequence[str | Path], separator: str = "--", mark: str = "--"
) -> tuple[list[Path], list[Path]]:
    """References and estimates from the arguments of the command.

    Two folders are the references and the estimates; of files, what stands before a separator are the references, or
    without one the first half. Of a folder that
    ``overica separate`` wrote, the sources are taken (the images if the references have several channels); of others
    every audio file, in the order of their names.

    Parameters
    ----------
    paths : sequence of path
    separator : str
    mark : str
        What the user writes for it.

    Returns
    -------
    references, estimates : list of pathlib.Path

    Raises
    ------
    ValueError
        If the numbers do not fit, or files and folders are mixed.
    """
    marks = [k for k, path in enumerate(paths) if str(path) == separator]
    found = [Path(path) for path in paths if str(path) != separator]
    if len(marks) > 1:
        raise ValueError("references and estimates are two lists, got more than one separator")
    folders = [path for path in found if path.is_dir()]
    if folders and (len(folders) != 2 or len(found) != 2):
        raise ValueError(
            "give two folders (references, then estimates) or files alone, got "
            f"{len(folders)} folders among {len(found)} arguments"
        )
    if folders:
        references = _audio_files(found[0], "source")
        several = open_recording(references[0]).n_channels > 1
        estimates = _audio_files(found[1], "image" if several else "source")
    else:
        n_references = marks[0] if marks else len(found) // 2
        references, estimates = found[:n_references], found[n_references:]
    if not folders and not marks and len(found) % 2:
        raise ValueError(
            f'got {len(found)} files, of which no half can be the references: put "{mark}" between references '
            "and estimates"
        )
    _check_numbers(references, estimates)
    return references, estimates


def _check_numbers(references: Sequence[Any], estimates: Sequence[Any]) -> None:
    if not 0 < len(references) <= len(estimates):
        raise ValueError(
            "there must be as many estimates as references or more, and one at least, got "
            f"{len(references)} references and {len(estimates)} estimates"
        )


def _audio_files(folder: Path, kind: str) -> list[Path]:
    files = audio_files(folder)
    ours = [path for path in files if path.stem.rpartition("-")[0] == kind]
    if not ours or not (folder / MIXING).exists():
        return files
    return sorted(ours, key=lambda path: (len(path.stem), path.name))


def evaluate_files(
    references: Sequence[str | Path], estimates: Sequence[str | Path], *, filter_length: int = 1
) -> SeparationScores:
    """`evaluate_separation` of audio files, in memory that does not grow with them if `filter_length` is 1.

    The gain with which ``overica separate`` wrote a file, which stands in the ``mixing.json`` beside it, is undone.

    Parameters
    ----------
    references, estimates : sequence of path
        Of one sample rate and number of channels, as many estimates as references or more. Lengths that differ by less
        than a tenth of a second are cut to the shortest with a warning.
    filter_length : int, default=1

    Returns
    -------
    SeparationScores

    Raises
    ------
    FileNotFoundError
        If one is missing.
    ValueError
        Naming the file that is not audio, not finite, or does not fit the others.

    Warns
    -----
    UserWarning
        Naming references and estimates that are silent, estimates that belong to no reference, and a file cut short.
    """
    _check_numbers(references, estimates)
    truth = [open_recording(path) for path in references]
    recordings = [*truth, *(open_recording(path) for path in estimates)]
    n_frames = _common_length(recordings)
    gains = np.array([written_gain(recording.path) for recording in recordings])
    heard = np.zeros(len(recordings), dtype=bool)

    def blocks() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        readers = [recording.blocks(_BLOCK) for recording in recordings]
        for start in range(0, n_frames, _BLOCK):
            stretch = np.stack([next(reader)[: n_frames - start] for reader in readers])
            heard[:] |= stretch.any(axis=(1, 2))
            stretch /= gains[:, None, None]
            yield stretch[: len(truth)], stretch[len(truth) :]

    names = [str(recording.path) for recording in truth]
    scores = evaluate_blocks(blocks(), filter_length=filter_length, names=names)
    _warn(
        recordings[: len(truth)], ~heard[: len(truth)], "is silent: nothing can be compared with it"
    )
    guess, silent = recordings[len(truth) :], ~heard[len(truth) :]
    surplus = np.isin(range(len(guess)), scores.surplus)
    _warn(guess, silent & ~surplus, f"is silent: its figures are the lowest, {-scores.limit:g} dB")
    _warn(guess, surplus, "belongs to no reference: it is surplus, and in none of the figures")
    return scores


def _warn(recordings: Sequence[Recording], which: np.ndarray, what: str) -> None:
    for recording in itertools.compress(recordings, which):
        warnings.warn(f"{recording.path} {what}", stacklevel=3)


def _common_length(recordings: Sequence[Recording]) -> int:
    first = recordings[0]
    for other in recordings[1:]:
        for name, words in (("sample_rate", "sample rate"), ("n_channels", "number of channels")):
            a, b = getattr(first, name), getattr(other, name)
            if a != b:
                raise ValueError(
                    f"{first.path} and {other.path} must have the same {words}, got {a} and {b}"
                )
    shortest = min(recordings, key=lambda recording: recording.n_frames)
    longest = max(recordings, key=lambda recording: recording.n_frames)
    surplus = longest.n_frames - shortest.n_frames
    facts = f"{longest.path} has {longest.n_frames} frames, {shortest.path} has {shortest.n_frames}"
    if surplus > _TOLERANCE_SECONDS * first.sample_rate:
        raise ValueError(f"{facts}: they must be equally long")
    if surplus:
        warnings.warn(f"{facts}: all are cut to the shortest", stacklevel=3)
    return shortest.n_frames


def score_table(
    scores: SeparationScores, references: Sequence[Path], estimates: Sequence[Path]
) -> pd.DataFrame:
    """The table of the command: a row per reference with the shortest names that tell files apart, and the mean."""
    rows = scores.table(_short_names(references), _short_names(estimates))
    mean = pd.DataFrame([{"reference": "mean", "estimate": "", **scores.mean()}])
    return pd.concat([rows, mean], ignore_index=True)


def _short_names(paths: Sequence[Path]) -> list[str]:
    names = [path.name for path in paths]
    return names if len(set(names)) == len(names) else [str(path) for path in paths]


def table_lines(table: pd.DataFrame) -> list[str]:
    """A table of figures as aligned lines of text."""
    widths = {name: max(len(name), *map(len, table[name])) for name in ("reference", "estimate")}
    head = "  ".join(name.ljust(width) for name, width in widths.items())
    lines = [head + "".join(f"{name.upper():>8}" for name in FIGURES)]
    for _, row in table.iterrows():
        names = "  ".join(row[name].ljust(width) for name, width in widths.items())
        figures = "".join(f"{row[name]:8.2f}" for name in FIGURES)
        lines.append(names + (figures if row.sdr == row.sdr else "  silent"))
    return lines


def write_scores(
    path: Path, scores: SeparationScores, references: Sequence[Path], estimates: Sequence[Path]
) -> None:
    """All figures with what they depend on, as JSON."""
    table = scores.table([str(file) for file in references], [str(file) for file in estimates])
    facts: dict[str, Any] = {
        "unit": "dB",
        "kind": scores.kind,
        "filter_length": scores.filter_length,
        "limit": scores.limit,
        "computed_by": {
            name: importlib.metadata.version(name) for name in ("fast_bss_eval", "museval")
        },
        "sources": table.to_dict(orient="records"),
        "surplus": [str(estimates[k]) for k in scores.surplus],
        "mean": scores.mean(),
    }
    write_json(path, finite(facts))
