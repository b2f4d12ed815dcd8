"""A study's folder: a header, one line per cell, and what the fits have learned.

=====================  =======================================================================================
``study.json``         kind, resolved configuration, what is known of data and methods, versions
``results.jsonl``      one JSON object a line and a cell, appended as each ends
``earlier.jsonl``      cells of earlier configurations; they come back if their configuration does
``dictionaries/``      one .npz per fit: `components` (n_components, n_features) of unit norm, `offset`
``models/``            one folder per fit: the whole model, as `overica.load` reads it
=====================  =======================================================================================

A kind of study may keep more than dictionaries, each in a folder of its own.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np

from overica.coding import Featuriser
from overica.formats import load
from overica.persistence import (
    append_lines,
    finite,
    read_arrays,
    read_json,
    read_lines,
    replace_together,
    write_arrays,
    write_json,
)
from overica.persistence import write_lines as _replace
from overica.studies.errors import StudyError
from overica.studies.models import ModelFiles

Kept = Mapping[str, np.ndarray] | ModelFiles
"""Arrays by name, or files."""
MODELS = "models"
_ARRAYS = ".npz"
HEADER, RESULTS, EARLIER = "study.json", "results.jsonl", "earlier.jsonl"


class Store:
    """The folder of one study.

    Parameters
    ----------
    folder : Path
        Made if it is missing.

    Examples
    --------
    >>> import tempfile
    >>> store = Store(Path(tempfile.mkdtemp()))
    >>> store.append([{"cell": "a/b/own/0", "config": "12", "status": "ok", "value": float("nan")}])
    >>> store.read()
    [{'cell': 'a/b/own/0', 'config': '12', 'status': 'ok', 'value': None}]
    """

    def __init__(self, folder: Path, *, make: bool = True) -> None:
        self.folder = Path(folder)
        self.header_path = self.folder / HEADER
        self.results_path = self.folder / RESULTS
        self.earlier_path = self.folder / EARLIER
        if make:
            self.make()

    @classmethod
    def check(cls, folder: Path, kind: str) -> Self:
        """A folder that a study of this kind may use, not made yet.

        Raises
        ------
        StudyError
            If it holds the study of another kind, or a ``study.json`` that is none of ours; if it is no folder.
        """
        if folder.exists() and not folder.is_dir():
            raise StudyError(f"{folder} must be a folder for the study, got a file")
        store = cls(folder, make=False)
        if store.header_path.exists():
            found = store.read_header().get("kind")
            if found != kind:
                raise StudyError(
                    f"{folder} must be empty or hold a study of kind {kind!r}, got {_told(found)}; give another folder"
                )
        return store

    def make(self) -> None:
        """Make the folder if it is missing."""
        self.folder.mkdir(parents=True, exist_ok=True)

    def resume(self, wanted: Mapping[str, str], *, fresh: bool = False) -> list[dict[str, Any]]:
        """The records that stand, after the files are put in order.

        Parameters
        ----------
        wanted : mapping of str to str
            Hash of the configuration by name of cell, for every cell of the study.
        fresh : bool
            Let none stand; what is there moves to ``earlier.jsonl``.

        Returns
        -------
        list of dict
            One record for each wanted cell that has ended well with the same configuration and of which all that is
            kept is there and whole. Failed ones are dropped, to be tried again; those of other configurations are moved
            to ``earlier.jsonl``.
        """
        records = [*_records(self.earlier_path), *_records(self.results_path)]
        # A fit's file serves all of its cells; it is read once.
        is_whole = functools.cache(self._is_whole)
        good = [
            record
            for record in records
            if record.get("status") == "ok"
            and all(map(is_whole, (record.get("kept") or {}).values()))
        ]
        latest = {(record["cell"], record.get("config")): record for record in good}
        standing = {
            key: record
            for key, record in latest.items()
            if not fresh and wanted.get(key[0]) == key[1]
        }
        # All of them first: what moves is in both files for a while, and never in neither.
        _rewrite(self.earlier_path, latest.values())
        _rewrite(self.results_path, standing.values())
        _rewrite(self.earlier_path, [r for key, r in latest.items() if key not in standing])
        return list(standing.values())

    def append(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Add lines, each whole or, if the machine stops at that moment, torn at the very end of the file."""
        append_lines(self.results_path, map(dict, records))

    def read(self) -> list[dict[str, Any]]:
        """The latest record of each cell; lines that are not whole are skipped."""
        return list({record["cell"]: record for record in _records(self.results_path)}.values())

    def write_header(self, header: Mapping[str, Any]) -> None:
        """Write ``study.json``."""
        write_json(self.header_path, finite(dict(header)))

    def read_header(self) -> dict[str, Any]:
        """What ``study.json`` holds.

        Raises
        ------
        FileNotFoundError
            If there is none.
        ValueError
            If it is damaged: names it.
        """
        if not self.header_path.is_file():
            raise FileNotFoundError(f"no study in {self.folder}: it has no {HEADER}")
        header = read_json(self.header_path)
        if not isinstance(header, dict):
            raise ValueError(f"{self.header_path} must hold an object, got {type(header).__name__}")
        return header

    def keep(self, path: str, what: Kept) -> None:
        """Write arrays to a file, or files to a folder, of this one; on the disk before a line names them."""
        target = self.folder / path
        target.parent.mkdir(exist_ok=True)
        if target.suffix == _ARRAYS:
            write_arrays(target, what)
        else:
            replace_together(target, what)  # type: ignore[arg-type]

    def arrays(self, path: str) -> dict[str, np.ndarray]:
        """What `keep` has written.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it is damaged: names it.
        """
        return read_arrays(self.folder / path)

    def model(self, path: str) -> Featuriser:
        """The model in a folder that `keep` has written.

        Raises
        ------
        FileNotFoundError, ValueError
            If it is missing or damaged.
        """
        return load(self.folder / path)

    def _is_whole(self, path: str) -> bool:
        read = self.arrays if path.endswith(_ARRAYS) else self.model
        try:
            return read(path) is not None
        except (OSError, ValueError):
            return False


def _told(kind: object) -> str:
    return "one that overica did not write, or before version 0.2" if kind is None else repr(kind)


def _records(path: Path) -> list[dict[str, Any]]:
    """The lines that name a cell."""
    return [
        one
        for one in read_lines(path)
        if isinstance(one, dict) and isinstance(one.get("cell"), str)
    ]


def _rewrite(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    lines = [dict(record) for record in records]
    if lines or path.exists():
        _replace(path, lines)
