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
            One record for each wanted cell that has ended well with the same configuration. Failed ones are dropped,
            to be tried again; those of other configurations are moved to ``earlier.jsonl``.
        """
        records = _lines(self.earlier_path) + _lines(self.results_path)
        good = [record for record in records if record.get("status") == "ok"]
        latest = {(record["cell"], record.get("config")): record for record in good}
        standing = {
            key: record
            for key, record in latest.items()
            if not fresh and wanted.get(key[0]) == key[1]
        }
        _rewrite(self.earlier_path, [r for key, r in latest.items() if key not in standing])
        _rewrite(self.results_path, standing.values())
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
        """What ``study.json`` holds."""
        header: dict[str, Any] = json.loads(self.header_path.read_text(encoding="utf-8"))
        return header

    def keep_dictionary(self, key: str, dictionary: Dictionary) -> str:
        """Write a learned dictionary; its path relative to the folder."""
        self.dictionaries.mkdir(exist_ok=True)
        path = self.dictionaries / f"{key}.npz"
        whole = path.with_suffix(".part")
        with whole.open("wb") as file:
            np.savez_compressed(
                file,
                components=dictionary.components.astype(np.float32),
                offset=dictionary.offset.astype(np.float32),
            )
        whole.replace(path)
        return path.relative_to(self.folder).as_posix()

    def dictionary(self, path: str) -> np.ndarray:
        """The features of a fit as rows of unit norm, (n_components, n_features)."""
        with np.load(self.folder / path) as arrays:
            return np.asarray(arrays["components"], np.float64)


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
        except json.JSONDecodeError:
            continue
        if isinstance(record, dict) and isinstance(record.get("cell"), str):
            records.append(record)
    return records


def _rewrite(path: Path, records: Iterable[Record]) -> None:
    text = "".join(_line(record) for record in records)
    if text or path.exists():
        _replace(path, text)


def _replace(path: Path, text: str) -> None:
    whole = path.with_name(path.name + ".part")
    whole.write_text(text, encoding="utf-8")
    whole.replace(path)
