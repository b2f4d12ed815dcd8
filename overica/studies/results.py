"""Results of a study: a tidy data frame, tables of mean, best and spread, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from overica._validation import check_choice
from overica.coding import Dictionary
from overica.compare.cell import Record
from overica.compare.store import Store
from overica.compare.suggestions import unknown
from overica.compare.verdict import Verdict, verdict
from overica.metrics import stability

SMALLER_IS_BETTER = frozenset(
    {"dead_share", "magnitude_error", "composed_share", "composition_index"}
)
"""Metrics of which a low value is a good one."""
NO_ORDER = frozenset({"l0", "shrinkage"})
"""Metrics of which neither a low nor a high value is a good one."""

_OUTER = ("fit_seconds", "fit_cpu_seconds", "fit_flops")


class Results:
    """What a study found.

    Attributes
    ----------
    frame : pandas.DataFrame
        One row per cell and metric: the cell's own columns (dataset, method, family, target_l0, matched, seed, status,
        fit_seconds, ...), then metric, value, chance, best. A failed cell has one row without a metric.
    """

    def __init__(
        self,
        records: Sequence[Record],
        header: Mapping[str, Any],
        *,
        folder: Path | None = None,
        dictionaries: Mapping[str, Dictionary] | None = None,
    ) -> None:
        self.records = list(records)
        self.header = dict(header)
        self.folder = folder
        self._dictionaries = dict(dictionaries or {})
        self.frame = tidy(self.records)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read the folder of a study, whether it came to its end or not.

        Raises
        ------
        FileNotFoundError
            If there is no ``study.json`` in it.
        """
        path = Path(folder)
        if not (path / "study.json").is_file():
            raise FileNotFoundError(f"no study in {path}: it has no study.json")
        store = Store(path)
        return cls(store.read(), store.read_header(), folder=path)

    @property
    def failures(self) -> pd.DataFrame:
        """The cells that failed: cell, type, message."""
        rows = [
            {"cell": record["cell"], **(record.get("error") or {})}
            for record in self.records
            if record["status"] != "ok"
        ]
        return pd.DataFrame(rows, columns=["cell", "type", "message"])

    def table(self, metric: str = "share_recovered", at: str | float = "matched") -> pd.DataFrame:
        """Mean, best and spread over the seeds of every method on every data set.

        Parameters
        ----------
        metric : str
            A metric of the frame, or "fit_seconds", "fit_cpu_seconds", "fit_flops".
        at : {"matched", "best", "own"} or float
            The level: that of the true L0; each method's own best, by the mean over seeds; codes at a level of the
            method's own, where it has one; or a multiple of the true L0.

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
        rows = self._rows(metric)
        if at == "best":
            rows = rows.merge(_best_levels(rows, metric), on=["dataset", "method", "level"])
        elif isinstance(at, int | float):
            rows = rows[rows["multiple"] == float(at)]
        else:
            check_choice(at, "at", ("matched", "best", "own"))
            rows = rows[rows["matched"] if at == "matched" else rows["target_l0"].isna()]
        rows = rows.dropna(subset=["value"])
        better = "min" if metric in SMALLER_IS_BETTER or metric in _OUTER else "max"
        groups = rows.groupby(["dataset", "method"], sort=False)
        return groups.agg(
            mean=("value", "mean"),
            best=("value", better),
            spread=("value", "std"),
            chance=("chance", "mean"),
            n_seeds=("seed", "nunique"),
            level=("target_l0", "first"),
        )

    def best(self, metric: str = "share_recovered") -> pd.DataFrame:
        """`table` at each method's own best level."""
        return self.table(metric, "best")

    def dictionary(self, cell: str) -> np.ndarray:
        """The learned features of a cell, (n_components, n_features), rows of unit norm.

        Raises
        ------
        ValueError
            If there is no such cell, or its fit failed.
        """
        by_name = {record["cell"]: record for record in self.records}
        if cell not in by_name:
            raise unknown("`cell`", "cell", cell, by_name)
        path = by_name[cell].get("dictionary")
        if path is None:
            raise ValueError(f"cell {cell!r} failed and has no dictionary")
        if path in self._dictionaries:
            return self._dictionaries[path].components
        if self.folder is None:
            raise ValueError(f"the dictionary of {cell!r} was not kept")
        return Store(self.folder).dictionary(path)

    def stability(self) -> pd.DataFrame:
        """Agreement between the seeds at the matched level: mean matched cosine of their dictionaries.

        No truth is needed for it, and seeds may agree on what is wrong. Data sets drawn anew for every seed have none.

        Returns
        -------
        pandas.DataFrame
            By (dataset, method): ``value``, ``chance``, ``n_seeds``; only where two seeds or more ended well.
        """
        rows = []
        if not self.header.get("study", {}).get("fresh_data"):
            cells = pd.DataFrame([r for r in self.records if r["status"] == "ok" and r["matched"]])
            groups = cells.groupby(["dataset", "method"], sort=False) if len(cells) else ()
            for (dataset, method), group in groups:
                if len(group) > 1:
                    known = self.header.get("datasets", {}).get(dataset, {})
                    nonnegative = bool(known.get("nonnegative", False))
                    learned = [self.dictionary(name).T for name in group["cell"]]
                    figure = stability(learned, nonnegative=nonnegative)
                    rows.append((dataset, method, figure.value, figure.chance, len(group)))
        columns = ["dataset", "method", "value", "chance", "n_seeds"]
        return pd.DataFrame(rows, columns=columns).set_index(["dataset", "method"])

    def verdict(self) -> Verdict:
        """What came out, in sentences."""
        return verdict(self.frame)

    def __str__(self) -> str:
        return str(self.verdict())

    def __repr__(self) -> str:
        failed = len(self.failures)
        names = self.frame[["dataset", "method"]].nunique() if len(self.frame) else {}
        counts = ", ".join(f"{n} {name}s" for name, n in dict(names).items())
        return f"<Results: {len(self.records)} cells, {counts}; {failed} failed>"

    def _rows(self, metric: str) -> pd.DataFrame:
        """The frame's rows of a metric, or the times of the fits in their shape."""
        frame = self.frame[self.frame["status"] == "ok"]
        if metric in _OUTER:
            cells = frame.drop_duplicates("cell")
            rows = cells.assign(metric=metric, value=cells[metric], chance=np.nan, best=np.nan)
        else:
            names = set(frame["metric"].dropna())
            if metric not in names:
                raise unknown("`metric`", "metric", metric, names | set(_OUTER))
            rows = frame[frame["metric"] == metric]
        return rows.assign(level=rows["target_l0"].fillna(-1.0))


def tidy(records: Sequence[Record]) -> pd.DataFrame:
    """One row per cell and metric."""
    rows = []
    for record in records:
        shared = {k: v for k, v in record.items() if not isinstance(v, dict | list)}
        shared = {k: v for k, v in shared.items() if k != "error"}
        for metric, figure in (record.get("metrics") or {None: {}}).items():
            rows.append(
                {**shared, "metric": metric}
                | {name: _number(figure.get(name)) for name in ("value", "chance", "best")}
            )
    frame = pd.DataFrame(rows)
    if len(frame):
        frame["target_l0"] = frame["target_l0"].astype(float)
        frame["multiple"] = frame["multiple"].astype(float)
        frame["matched"] = frame["matched"].astype(bool)
    return frame


def _best_levels(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    if metric in NO_ORDER:
        raise ValueError(
            f"`metric` must be one with a better and a worse for its best level, got {metric!r}"
        )
    means = rows.groupby(["dataset", "method", "level"], sort=False)["value"].mean().reset_index()
    sign = -1.0 if metric in SMALLER_IS_BETTER or metric in _OUTER else 1.0
    means = means.assign(goodness=sign * means["value"]).dropna(subset=["goodness"])
    chosen = means.loc[means.groupby(["dataset", "method"], sort=False)["goodness"].idxmax()]
    return chosen[["dataset", "method", "level"]]


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)
