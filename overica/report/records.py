"""A study's results as the report looks at them: data set by method by level by seed."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overica.compare.results import Results

Cell = Mapping[str, Any]
"""One line of ``results.jsonl``: a method on a data set at a level of sparsity, with a seed."""

# Where the records do not say.
_REFERENCES = ("oracle", "random")

Entries = Mapping[str, Mapping[str, Any]]
"""What the header knows of data sets or methods, by name."""


@dataclass(frozen=True)
class Records:
    """What the folder of a study holds, whether the study came to its end or not."""

    results: Results
    """As the study has it."""
    datasets: Entries
    """Header entries by data set, in the study's order."""
    methods: Entries
    """Header entries by method, in the study's order."""

    @property
    def study(self) -> Mapping[str, Any]:
        """The resolved configuration."""
        study: Mapping[str, Any] = self.results.header.get("study") or {}
        return study

    @property
    def cells(self) -> Sequence[Cell]:
        """Every cell that left a record, the last record of each."""
        return self.results.records

    @property
    def succeeded(self) -> list[Cell]:
        """The cells with figures."""
        return [cell for cell in self.cells if cell.get("status") == "ok"]

    @property
    def failed(self) -> list[Cell]:
        """The cells that ended in an error."""
        return [cell for cell in self.cells if cell.get("status") != "ok"]

    @property
    def n_seeds(self) -> int:
        """Seeds that every level should have."""
        return len({cell["seed"] for cell in self.cells})

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

    def is_reference(self, method: str) -> bool:
        """Whether a method is told the truth, or learns nothing, and so does not compete."""
        told = {cell.get("reference") for cell in self.cells if cell["method"] == method}
        return True in told if told - {None} else method in _REFERENCES


def read_records(folder: Path) -> Records:
    """Read ``study.json`` and ``results.jsonl``.

    A missing ``results.jsonl`` is a study that has not begun; torn lines are left out.  Of several
    records of a cell, as a repeated run leaves them, the last one counts.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    Records

    Raises
    ------
    FileNotFoundError
        If `folder` has no ``study.json``.
    ValueError
        If it is not JSON.
    """
    results = Results.load(folder)
    return Records(
        results,
        _with_seen(results.header.get("datasets"), (c["dataset"] for c in results.records)),
        _with_seen(results.header.get("methods"), (c["method"] for c in results.records)),
    )


def number(value: object) -> float:
    """A record's figure, with NaN for what is missing, null or infinite."""
    try:
        figure = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return math.nan
    return figure if math.isfinite(figure) else math.nan


def metric_value(cell: Cell, metric: str, entry: str = "value") -> float:
    """One metric of a cell, or its "chance" or "best" level; NaN if it has none."""
    return number(((cell.get("metrics") or {}).get(metric) or {}).get(entry))


def _with_seen(known: Entries | None, seen: Iterable[str]) -> Entries:
    entries = {name: entry or {} for name, entry in (known or {}).items()}
    for name in seen:
        entries.setdefault(name, {})
    return entries
