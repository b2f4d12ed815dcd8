"""Results of a study: records as they came, a tidy data frame, tables over the seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from overica._validation import check_choice
from overica.coding import Dictionary, Featuriser
from overica.metrics import stability
from overica.metrics.words import words_of
from overica.studies.errors import unknown
from overica.studies.levels import LEVELS
from overica.studies.models import model_of
from overica.studies.runner import Record
from overica.studies.spread import Cell, number
from overica.studies.store import MODELS, Store

COSTS = ("fit_seconds", "fit_cpu_seconds", "fit_flops")
"""Fields of a record that are figures of the fit itself."""


class Results:
    """What a study found.

    Attributes
    ----------
    records : list of dict
        One per cell, whether it ended well or not.
    header : dict
        What ``study.json`` holds.
    frame : pandas.DataFrame
        One row per cell and metric: the cell's own columns (the study's axis, method, family, target_l0, matched, seed,
        status, fit_seconds, ...), then metric, value, chance, best. A failed cell has one row without a metric.
    """

    axis: ClassVar[str] = "dataset"
    main_metric: ClassVar[str] = "share_recovered"
    """Of tables, unless another is asked for."""

    def __init__(
        self,
        records: Sequence[Record],
        header: Mapping[str, Any],
        folder: Path | None = None,
        held: Mapping[str, Any] | None = None,
    ) -> None:
        self.records = list(records)
        self.header = dict(header)
        self.folder = folder
        self._held = dict(held or {})
        self.frame = tidy(self.records)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read the folder of a study, whether it came to its end or not.

        Raises
        ------
        FileNotFoundError
            If there is no ``study.json`` in it.
        """
        store = Store(Path(folder), make=False)
        header = store.read_header()
        return cls(store.read(), header, folder=store.folder)

    @property
    def failures(self) -> pd.DataFrame:
        """The cells that failed: cell, type, message."""
        rows = [
            {"cell": record["cell"], **(record.get("error") or {})}
            for record in self.records
            if record["status"] != "ok"
        ]
        return pd.DataFrame(rows, columns=["cell", "type", "message"])

    @property
    def succeeded(self) -> list[Cell]:
        """The records with figures."""
        return [record for record in self.records if record.get("status") == "ok"]

    @property
    def failed(self) -> list[Cell]:
        """The records of cells that ended in an error."""
        return [record for record in self.records if record.get("status") != "ok"]

    @property
    def whats(self) -> dict[str, Mapping[str, Any]]:
        """What is learned from, in the study's order, with what the header knows of it."""
        return _with_seen(self.header.get(f"{self.axis}s"), (r[self.axis] for r in self.records))

    @property
    def methods(self) -> dict[str, Mapping[str, Any]]:
        """Header entries by method, in the study's order."""
        return _with_seen(self.header.get("methods"), (r["method"] for r in self.records))

    @property
    def n_seeds(self) -> int:
        """Seeds that every level should have."""
        return len({record["seed"] for record in self.records})

    def of(self, what: str, method: str | None = None) -> list[Cell]:
        """Successful cells of a data set, of one method or of all."""
        return [
            cell
            for cell in self.succeeded
            if cell[self.axis] == what and method in (None, cell["method"])
        ]

    def label(self, method: str) -> str:
        """What a method is called in print."""
        return str(self.methods[method].get("label") or method)

    def is_reference(self, method: str) -> bool:
        """Whether a method is told the truth, or learns nothing, and so does not compete."""
        return any(r.get("reference") for r in self.records if r["method"] == method)

    def table(self, metric: str | None = None, at: str | float = "matched") -> pd.DataFrame:
        """Mean, best and spread over the seeds of every method on everything that is learned from.

        Parameters
        ----------
        metric : str, optional
            A metric of the frame, or "fit_seconds", "fit_cpu_seconds", "fit_flops"; the study's main one if not given.
        at : {"matched", "best", "own"} or float
            The level: that at which methods are matched; each method's own best, by the mean over seeds; codes at a
            level of the method's own, where it has one; or a multiple of the true L0.

        Returns
        -------
        pandas.DataFrame
            By (dataset, method): ``mean``, ``best`` (over seeds), ``spread`` (standard deviation over seeds, with
            n - 1; NaN for one), ``chance``, ``n_seeds``, ``level`` (the target L0; NaN for the method's own).

        Raises
        ------
        ValueError
            If the metric or level is unknown, or "best" is asked of a metric that has none.
        """
        metric = self.main_metric if metric is None else metric
        rows = self._rows(metric)
        words = words_of(metric)
        if at == "best":
            if not words.ordered:
                raise ValueError(
                    f"`metric` must be one with a better and a worse for its best level, got {metric!r}"
                )
            rows = rows[rows["cell"].isin(self._best_cells(metric))]
        elif isinstance(at, int | float):
            rows = rows[rows["multiple"] == float(at)]
        else:
            check_choice(at, "at", ("matched", "best", "own"))
            rows = rows[rows["matched"] if at == "matched" else rows["target_l0"].isna()]
        rows = rows.dropna(subset=["value"])
        groups = rows.groupby([self.axis, "method"], sort=False)
        return groups.agg(
            mean=("value", "mean"),
            best=("value", lambda v: v.iloc[int(np.argmax([words.merit(x) for x in v]))]),
            spread=("value", "std"),
            chance=("chance", "mean"),
            n_seeds=("seed", "nunique"),
            level=("target_l0", "first"),
        )

    def best(self, metric: str | None = None) -> pd.DataFrame:
        """`table` at each method's own best level."""
        return self.table(metric, "best")

    def dictionary(self, cell: str) -> np.ndarray:
        """The learned features of a cell, (n_components, n_features), rows of unit norm.

        Raises
        ------
        ValueError
            If there is no such cell, its fit failed, or what it has learned was not kept.
        """
        return self.kept(cell, "dictionaries")["components"]

    def model(self, cell: str) -> Featuriser:
        """The whole model of a cell, fitted, as `overica.load` gives it.

        Raises
        ------
        ValueError
            As `dictionary`; studies of photographs and of separations keep no models.
        """
        path = self._path(cell, MODELS)
        if path in self._held:
            return model_of(self._held[path])
        assert self.folder is not None
        return Store(self.folder, make=False).model(path)

    def kept(self, cell: str, name: str) -> dict[str, np.ndarray]:
        """Arrays that a cell's fit has left, see `dictionary`."""
        path = self._path(cell, name)
        if path in self._held:
            return dict(self._held[path])
        assert self.folder is not None
        return Store(self.folder, make=False).arrays(path)

    def _path(self, cell: str, name: str) -> str:
        """Where something that a cell's fit has left is kept."""
        by_name = {record["cell"]: record for record in self.records}
        if cell not in by_name:
            raise unknown("`cell`", "cell", cell, by_name)
        if by_name[cell]["status"] != "ok":
            raise ValueError(f"cell {cell!r} failed and has no {name}")
        path = (by_name[cell].get("kept") or {}).get(name)
        if path is None or (path not in self._held and self.folder is None):
            raise ValueError(f"the {name} of {cell!r} were not kept")
        return str(path)

    def stability(self) -> pd.DataFrame:
        """Agreement between the seeds at the matched level: mean matched cosine of their dictionaries.

        No truth is needed for it, and seeds may agree on what is wrong. Data drawn anew for every seed have none.

        Returns
        -------
        pandas.DataFrame
            By (dataset, method): ``value``, ``chance``, ``n_seeds``; only where two seeds or more ended well.
        """
        rows = []
        if not self.header.get("study", {}).get("fresh_data"):
            cells = pd.DataFrame([r for r in self.succeeded if r.get("matched")])
            groups = cells.groupby([self.axis, "method"], sort=False) if len(cells) else ()
            for (what, method), group in groups:
                if len(group) > 1:
                    nonnegative = bool(self.whats[what].get("nonnegative", False))
                    learned = [self.dictionary(name).T for name in group["cell"]]
                    figure = stability(learned, nonnegative=nonnegative)
                    rows.append((what, method, figure.value, figure.chance, len(group)))
        columns = [self.axis, "method", "value", "chance", "n_seeds"]
        return pd.DataFrame(rows, columns=columns).set_index([self.axis, "method"])

    def __repr__(self) -> str:
        names = self.frame[[self.axis, "method"]].nunique() if len(self.frame) else {}
        counts = ", ".join(f"{n} {name}s" for name, n in dict(names).items())
        return f"<{type(self).__name__}: {len(self.records)} cells, {counts}; {len(self.failed)} failed>"

    def _best_cells(self, metric: str) -> set[str]:
        return {
            cell["cell"]
            for what in self.whats
            for method in self.methods
            for cell in LEVELS["best"](self.of(what, method), metric)
        }

    def _rows(self, metric: str) -> pd.DataFrame:
        """The frame's rows of a metric, or the costs of the fits in their shape."""
        frame = self.frame[self.frame["status"] == "ok"]
        if metric in COSTS:
            cells = frame.drop_duplicates("cell")
            return cells.assign(metric=metric, value=cells[metric], chance=np.nan, best=np.nan)
        names = set(frame["metric"].dropna())
        if metric not in names:
            raise unknown("`metric`", "metric", metric, names | set(COSTS))
        return frame[frame["metric"] == metric]


def kept_dictionary(dictionary: Dictionary) -> dict[str, np.ndarray]:
    """A dictionary as arrays to keep."""
    arrays = {"components": dictionary.components, "offset": dictionary.offset}
    return {name: np.asarray(array, np.float32) for name, array in arrays.items()}


def tidy(records: Sequence[Record]) -> pd.DataFrame:
    """One row per cell and metric."""
    rows = []
    for record in records:
        shared = {k: v for k, v in record.items() if not isinstance(v, dict | list)}
        shared = {k: v for k, v in shared.items() if k != "error"}
        for metric, figure in (record.get("metrics") or {None: {}}).items():
            rows.append(
                {**shared, "metric": metric}
                | {name: number(figure.get(name)) for name in ("value", "chance", "best")}
            )
    frame = pd.DataFrame(rows)
    for name, kind in (("target_l0", float), ("multiple", float), ("matched", bool)):
        if name in frame:
            frame[name] = frame[name].astype(kind)
    return frame


def _with_seen(
    known: Mapping[str, Any] | None, seen: Iterable[str]
) -> dict[str, Mapping[str, Any]]:
    entries = {name: entry or {} for name, entry in (known or {}).items()}
    for name in seen:
        entries.setdefault(name, {})
    return entries
