"""A study's folder as it is read back: the header and one record per cell."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

Cell = Mapping[str, Any]
"""One line of ``results.jsonl``: a method on a data set at a level of sparsity, with a seed."""

HEADER = "study.json"
RESULTS = "results.jsonl"


@dataclass(frozen=True)
class Records:
    """What the folder of a study holds, whether the study came to its end or not."""

    study: Mapping[str, Any]
    """The resolved configuration."""
    datasets: Mapping[str, Mapping[str, Any]]
    """Header entries by data set, in the study's order."""
    methods: Mapping[str, Mapping[str, Any]]
    """Header entries by method, in the study's order."""
    versions: Mapping[str, str]
    """What the study ran with."""
    cells: Sequence[Cell]
    """Every cell that left a record, the last record of each."""
    unreadable: int
    """Lines that are not JSON, as the last one of an interrupted write is."""

    @property
    def succeeded(self) -> list[Cell]:
        """The cells with figures."""
        return [cell for cell in self.cells if cell.get("status") == "ok"]

    @property
    def failed(self) -> list[Cell]:
        """The cells that ended in an error."""
        return [cell for cell in self.cells if cell.get("status") != "ok"]

    def of(self, dataset: str, method: str | None = None) -> list[Cell]:
        """Successful cells of a data set, of one method or of all."""
        return [
            cell
            for cell in self.succeeded
            if cell["dataset"] == dataset and method in (None, cell["method"])
        ]

    def label(self, method: str) -> str:
        """What a method is called in print."""
        return str(self.methods[method].get("label") or method)

    def frame(self) -> pd.DataFrame:
        """Return one row a cell and metric: what `overica.compare.verdict` reads.

        A failed cell has one row, whose metric, value and chance are missing.
        """
        rows = []
        for cell in self.cells:
            shared = {
                name: value for name, value in cell.items() if not isinstance(value, dict | list)
            }
            metrics = cell.get("metrics") if cell.get("status") == "ok" else None
            for metric, entry in (metrics or {None: {}}).items():
                value, chance = number(entry.get("value")), number(entry.get("chance"))
                rows.append({**shared, "metric": metric, "value": value, "chance": chance})
        return pd.DataFrame(rows)


def read_records(folder: Path) -> Records:
    """Read ``study.json`` and ``results.jsonl``.

    A missing or empty ``results.jsonl`` is a study that has not begun; a line that is not JSON is
    counted and left out.  Of several records of a cell, as a repeated run leaves them, the last
    one counts.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    Records

    Raises
    ------
    ValueError
        If `folder` has no ``study.json``, or it is not a JSON object.
    """
    try:
        header = json.loads((folder / HEADER).read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise ValueError(
            f"`folder` must hold the {HEADER} of a study, got {str(folder)!r}: {error}"
        ) from error
    if not isinstance(header, dict):
        raise ValueError(f"`folder` must hold a {HEADER} with an object, got a {type(header)}")
    cells: dict[str, Cell] = {}
    unreadable = 0
    results = folder / RESULTS
    for line in results.read_text(encoding="utf-8").splitlines() if results.exists() else ():
        try:
            cell = json.loads(line)
            cells[cell["cell"]] = cell
        except (json.JSONDecodeError, KeyError, TypeError):
            unreadable += bool(line.strip())
    return Records(
        study=header.get("study") or {},
        datasets=_in_order(header.get("datasets"), (cell["dataset"] for cell in cells.values())),
        methods=_in_order(header.get("methods"), (cell["method"] for cell in cells.values())),
        versions=header.get("versions") or {},
        cells=list(cells.values()),
        unreadable=unreadable,
    )


def number(value: object) -> float:
    """A record's figure, with NaN for what is missing, null or infinite."""
    try:
        figure = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return math.nan
    return figure if math.isfinite(figure) else math.nan


def metric_value(cell: Cell, metric: str, entry: str = "value") -> float:
    """One metric of a cell, or its chance level with ``entry="chance"``; NaN if it has none."""
    return number(((cell.get("metrics") or {}).get(metric) or {}).get(entry))


def _in_order(
    known: Mapping[str, Mapping[str, Any]] | None, seen: Iterable[str]
) -> dict[str, Mapping[str, Any]]:
    entries = {name: entry or {} for name, entry in (known or {}).items()}
    for name in seen:
        entries.setdefault(name, {})
    return entries
