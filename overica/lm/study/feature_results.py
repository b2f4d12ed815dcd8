"""A study's records, and what takes several fits to say: agreement between seeds, methods and widths."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from functools import cached_property
from itertools import combinations, pairwise
from typing import Any, ClassVar

import numpy as np

from overica.lm.features.agreement import agreement
from overica.persistence import read_json, write_json
from overica.studies import Results
from overica.studies.plan import digest
from overica.studies.spread import Cell

COMPARISONS = "comparisons.json"


class FeatureResults(Results):
    """What a study of activations found, see `overica.studies.Results`.

    Comparisons of dictionaries are kept in ``comparisons.json``: matching thousands of features takes longer than all
    the rest of a page.
    """

    axis: ClassVar[str] = "width"
    main_metric: ClassVar[str] = "explained_variance"

    @property
    def middle(self) -> float:
        """The level that all fits share."""
        return float(self.header["middle"])

    @property
    def measures(self) -> list[str]:
        """Figures of the model's output that the substitution recovers, the one to look at first before others."""
        names = [
            n for cell in self.succeeded for n in cell["metrics"] if n.startswith("recovered_")
        ]
        return list(dict.fromkeys(names))

    def matched(self, what: str, method: str | None = None) -> list[Cell]:
        """Cells of the middle level, a seed each."""
        return [cell for cell in self.of(what, method) if cell["matched"]]

    def runs(self, *, what: str | None = None, method: str | None = None) -> list[Cell]:
        """The described cell of each method and width: first seed, middle level."""
        first = self.header["study"]["seed"]
        return [
            cell
            for width in ([what] if what else self.whats)
            for name in ([method] if method else self.methods)
            for cell in self.matched(width, name)
            if cell["seed"] == first
        ]

    def title(self, cell: Cell) -> str:
        """Method and width in words."""
        return f"{self.label(cell['method'])}, {cell['width']}"

    def seeds_agree(self, what: str, method: str) -> dict[str, float]:
        """Agreement between the seeds of a method, the mean over their pairs, with chance; empty for one seed."""
        cells = self.matched(what, method)
        pairs = [found for a, b in combinations(cells, 2) if (found := self.between(a, b))]
        if not pairs:
            return {}
        chances = [cell["agreement_by_chance"] for cell in cells]
        by_chance = {f"chance_{name}": _mean(chances, name) for name in chances[0]}
        return {name: _mean(pairs, name) for name in pairs[0]} | by_chance

    def between(self, first: Cell, second: Cell) -> dict[str, float] | None:
        """Agreement of two fits, in whichever order they were compared; None if they were not."""
        keys = (f"{a['config']}|{b['config']}" for a, b in ((first, second), (second, first)))
        return next((self.comparisons[key] for key in keys if key in self.comparisons), None)

    @cached_property
    def comparisons(self) -> dict[str, dict[str, float]]:
        """Agreement of dictionaries by ``first|second``, hashes of cells; those that were not kept have none."""
        path = self.folder / COMPARISONS if self.folder else None
        known: dict[str, Any] = {}
        if path and path.is_file():
            with contextlib.suppress(ValueError):
                known = read_json(path)
        found = {}
        for first, second in self._pairs():
            key = f"{first['config']}|{second['config']}"
            try:
                found[key] = known.get(key) or agreement(
                    self.dictionary(first["cell"]), self.dictionary(second["cell"])
                )
            except (FileNotFoundError, ValueError):
                continue
        if path and found != known:
            write_json(path, found)
        return found

    def _pairs(self) -> Iterator[tuple[Cell, Cell]]:
        for method in self.methods:
            for what in self.whats:
                yield from combinations(self.matched(what, method), 2)
            # A narrow fit's features in the next wider one: are they kept, or split?
            yield from pairwise(self.runs(method=method))
        for what in self.whats:
            yield from combinations(self.runs(what=what), 2)


def run_name(cell: Cell) -> str:
    """Method and width as a folder is called: of letters, digits and the like."""
    name = f"{cell['method']}-{cell['width']}"
    plain = re.sub(r"[^\w.-]+", "_", name, flags=re.ASCII)
    # Two that differ in what is left out have folders of their own.
    return plain if plain == name else f"{plain}-{digest(name)[:6]}"


def _mean(figures: list[dict[str, float]], name: str) -> float:
    return float(np.mean([each[name] for each in figures]))
