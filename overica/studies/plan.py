"""What a study is made of: fits, and the cells that each of them fills."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from overica.studies.choices import Choice
from overica.studies.code_version import code_version


@dataclass(frozen=True)
class Cell:
    """One line of the results: a method's features at one level of sparsity, with one seed."""

    name: str
    """``what/method/level/seed``; unique in a study."""
    config: str
    """Hash of everything that the cell's figures depend on."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the line says of the cell besides its figures: its level, above all."""


@dataclass(frozen=True)
class Job:
    """One fit, and the cells that it fills.

    A kind of study derives from this what its fits need to know, in the module that examines them: the sources of that
    module, and of what it imports of its room, are part of a cell's identity.
    """

    what: str
    """What is learned from, by name: the data set, the width."""
    method: Choice
    seed: int
    cells: tuple[Cell, ...] = ()
    first: bool = False
    """Whether this is the study's first seed, of which more is kept."""

    @property
    def key(self) -> str:
        """A name for the fit that fits in a file name."""
        return self.cells[0].config

    def only(self, cells: Sequence[Cell]) -> Self:
        """The same fit for some of its cells."""
        return replace(self, cells=tuple(cells))

    def cell(self, level: str, decides: Mapping[str, Any], **facts: Any) -> Cell:
        """A cell of this fit.

        Parameters
        ----------
        level : str
            Its name.
        decides : mapping
            What its figures depend on, besides the method, the seed and the code.
        **facts
            See `Cell`.
        """
        name = f"{self.what}/{self.method.label}/{level}/{self.seed}"
        method = [self.method.name, dict(self.method.arguments)]
        return Cell(
            name,
            digest(
                code_version(type(self).__module__), method, self.seed, self.first, level, decides
            ),
            facts,
        )


@dataclass(frozen=True)
class Plan:
    """All fits of a study, and what the header says of what is learned from."""

    jobs: tuple[Job, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def cells(self) -> list[Cell]:
        """All cells, in order."""
        return [cell for job in self.jobs for cell in job.cells]


def digest(*values: Any) -> str:
    """A short hash of what JSON can say."""
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
