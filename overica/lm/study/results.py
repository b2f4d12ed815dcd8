"""A study's records read back, and what takes several fits to say: agreement between seeds, methods and widths."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from overica.lm.features.agreement import agreement, random_directions
from overica.lm.study.feature_study import read_dictionary, read_header, read_records
from overica.persistence import read_json, write_json

COMPARISONS = "comparisons.json"
Record = dict[str, Any]


@dataclass(frozen=True)
class Spread:
    """A mean over seeds."""

    mean: float
    deviation: float
    """Sample standard deviation; NaN for one seed."""
    count: int

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Spread:
        """Of what there is among the values."""
        found = [float(v) for v in values if v is not None and math.isfinite(float(v))]
        if not found:
            return cls(math.nan, math.nan, 0)
        deviation = float(np.std(found, ddof=1)) if len(found) > 1 else math.nan
        return cls(float(np.mean(found)), deviation, len(found))


@dataclass
class StudyResults:
    """The records of a folder that ended well, and comparisons of their dictionaries.

    Comparisons are kept in ``comparisons.json``: matching thousands of features takes longer than all the rest.
    """

    folder: Path
    header: dict[str, Any]
    records: list[Record]
    failed: list[Record] = field(default_factory=list)

    @classmethod
    def read(cls, folder: str | Path) -> StudyResults:
        """Of the folder of a study.

        Raises
        ------
        FileNotFoundError
            If there is none.
        """
        folder = Path(folder)
        header = read_header(folder)
        everything = read_records(folder)
        good = [r for r in everything if r["status"] == "ok"]
        return cls(folder, header, good, [r for r in everything if r["status"] != "ok"])

    @property
    def methods(self) -> dict[str, str]:
        """Labels of the methods that have results, by name, in the order of the study."""
        there = {r["method"] for r in self.records}
        return {n: m["label"] for n, m in self.header["methods"].items() if n in there}

    @property
    def widths(self) -> list[float]:
        """Widths with results, ascending."""
        return sorted({r["width"] for r in self.records})

    @property
    def middle(self) -> float:
        """The level that all fits share."""
        return float(self.header["study"]["middle"])

    def cells(self, **wanted: Any) -> list[Record]:
        """Records with these values."""
        return [r for r in self.records if all(r[k] == v for k, v in wanted.items())]

    def spread(self, value: Callable[[Record], float | None], **wanted: Any) -> Spread:
        """Mean over seeds of a value of the wanted records."""
        return Spread.of(value(record) for record in self.cells(**wanted))

    def metric(self, name: str, **wanted: Any) -> Spread:
        """Mean over seeds of one of the `metrics` at the middle level, unless another is asked for."""
        wanted.setdefault("target_l0", self.middle)
        return self.spread(lambda r: r["metrics"].get(name), **wanted)

    def runs(self) -> list[Record]:
        """The described fit of each method and width: first seed, middle level."""
        order = list(self.methods)
        found = [r for r in self.records if r["middle"] and r["seed"] == 0]
        return sorted(found, key=lambda r: (r["width"], order.index(r["method"])))

    @cached_property
    def comparisons(self) -> dict[str, dict[str, float]]:
        """Agreement of dictionaries by ``first|second``, names of fits; chance levels with it."""
        path = self.folder / COMPARISONS
        known: dict[str, Any] = read_json(path) if path.is_file() else {}
        covariance = np.load(self.folder / "fits" / "covariance.npy", allow_pickle=False)
        found = {}
        for first, second in self._pairs():
            key = f"{first['job']}|{second['job']}"
            marks = [first["config"], second["config"]]
            old = known.get(key)
            if old is None or old["configs"] != marks:
                rows, others = (read_dictionary(self.folder, r["job"]) for r in (first, second))
                rng = np.random.default_rng(0)
                chance = random_directions(covariance, len(others), rng)
                old = agreement(rows, others, chance) | {"configs": marks}
            found[key] = old
        write_json(path, found)
        return found

    def _pairs(self) -> Iterator[tuple[Record, Record]]:
        for method in self.methods:
            for width in self.widths:
                yield from combinations(self.cells(method=method, width=width, middle=True), 2)
            own = [r for r in self.runs() if r["method"] == method]
            # A narrow fit's features in the next wider one: are they kept, or split?
            yield from pairwise(own)
        for width in self.widths:
            yield from combinations([r for r in self.runs() if r["width"] == width], 2)

    def stability(self, method: str, width: float) -> dict[str, float]:
        """Agreement between the seeds of a method, the mean over their pairs; empty for one seed."""
        fits = self.cells(method=method, width=width, middle=True)
        found = [self.comparisons[f"{a['job']}|{b['job']}"] for a, b in combinations(fits, 2)]
        names = [name for name in found[0] if name != "configs"] if found else []
        return {name: float(np.mean([f[name] for f in found])) for name in names}

    def between(self, first: Record, second: Record) -> dict[str, float] | None:
        """Agreement of two fits, in whichever order they were compared; None if they were not."""
        for a, b in ((first, second), (second, first)):
            found = self.comparisons.get(f"{a['job']}|{b['job']}")
            if found is not None:
                return found
        return None
