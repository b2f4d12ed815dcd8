"""A study's folder: a header, one line per cell, and the learned dictionaries.

=====================  =======================================================================================
``study.json``         the resolved configuration, what is known of data sets and methods, versions
``results.jsonl``      one JSON object a line and a cell, appended as each ends
``earlier.jsonl``      cells of earlier configurations; they come back if their configuration does
``dictionaries/``      one .npz per fit: `components` (n_components, n_features) of unit norm, `offset`
=====================  =======================================================================================
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from overica.coding import Dictionary
from overica.compare.cell import Record, finite
from overica.persistence import read_arrays, read_json, write_arrays
from overica.persistence import write_atomically as _replace


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

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.header_path = folder / "study.json"
        self.results_path = folder / "results.jsonl"
        self.earlier_path = folder / "earlier.jsonl"
        self.dictionaries = folder / "dictionaries"

    def resume(self, wanted: Mapping[str, str], *, fresh: bool = False) -> list[Record]:
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
            One record for each wanted cell that has ended well with the same configuration and whose dictionary is
            there and whole. Failed ones are dropped, to be tried again; those of other configurations are moved to
            ``earlier.jsonl``.
        """
        records = _lines(self.earlier_path) + _lines(self.results_path)
        good = [r for r in records if r.get("status") == "ok" and self._has_dictionary(r)]
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

    def append(self, records: Iterable[Record]) -> None:
        """Add lines, each whole or, if the machine stops at that moment, torn at the very end of the file."""
        text = "".join(_line(record) for record in records)
        with self.results_path.open("a", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> list[Record]:
        """The latest record of each cell; lines that are not whole are skipped."""
        return list({record["cell"]: record for record in _lines(self.results_path)}.values())

    def write_header(self, header: Mapping[str, Any]) -> None:
        """Write ``study.json``."""
        text = json.dumps(finite(dict(header)), indent=1, ensure_ascii=False, default=str)
        _replace(self.header_path, text + "\n")

    def read_header(self) -> dict[str, Any]:
        """What ``study.json`` holds.

        Raises
        ------
        ValueError
            If it is damaged: names it.
        """
        header = read_json(self.header_path)
        if not isinstance(header, dict):
            raise ValueError(f"{self.header_path} must hold an object, got {type(header).__name__}")
        return header

    def keep_dictionary(self, key: str, dictionary: Dictionary) -> str:
        """Write a learned dictionary; its path relative to the folder."""
        self.dictionaries.mkdir(exist_ok=True)
        path = self.dictionaries / f"{key}.npz"
        arrays = {"components": dictionary.components, "offset": dictionary.offset}
        write_arrays(path, {name: array.astype(np.float32) for name, array in arrays.items()})
        return path.relative_to(self.folder).as_posix()

    def dictionary(self, path: str) -> np.ndarray:
        """The features of a fit as rows of unit norm, (n_components, n_features).

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it is damaged: names it.
        """
        arrays = read_arrays(self.folder / path)
        if "components" not in arrays:
            raise ValueError(f"{self.folder / path} must hold `components`, got {sorted(arrays)}")
        return np.asarray(arrays["components"], np.float64)

    def _has_dictionary(self, record: Record) -> bool:
        path = record.get("dictionary")
        try:
            return path is None or self.dictionary(path).ndim == 2
        except (FileNotFoundError, ValueError):
            return False


def _line(record: Record) -> str:
    return json.dumps(finite(record), ensure_ascii=False, allow_nan=False) + "\n"


def _lines(path: Path) -> list[Record]:
    """The whole lines of a file that name a cell; the last may be torn, and others garbage."""
    if not path.exists():
        return []
    records = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict) and isinstance(record.get("cell"), str):
            records.append(record)
    return records


def _rewrite(path: Path, records: Iterable[Record]) -> None:
    text = "".join(_line(record) for record in records)
    if text or path.exists():
        _replace(path, text)
