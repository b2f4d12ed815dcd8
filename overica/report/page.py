"""A report as data: what it says, in order, before it is put into HTML. Every kind of study fills the same page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import tomli_w
from markupsafe import Markup

from overica.metrics.words import words_of
from overica.report.figures import Mark, assign_marks, definitions, key
from overica.report.phrases import failed
from overica.report.reading import TABLES
from overica.report.table import Table
from overica.report.tables import metrics_of
from overica.studies import Results


@dataclass
class Panel:
    """A figure with its title, one of several alike."""

    title: str
    picture: Markup
    method: str | None = None
    note: str = ""
    wide: bool = False
    """Whether it takes the whole line."""


@dataclass
class Block:
    """A heading and what stands below it, in this order."""

    heading: str
    text: str = ""
    legend: bool | Sequence[tuple[Markup, str]] = False
    """Whether the methods' markers are explained, or what is instead: samples and their names."""
    curves: Sequence[Panel] = ()
    """Large figures, the title as a caption."""
    tables: Sequence[Table] = ()
    beside: bool = False
    """Whether figures and tables stand side by side."""
    multiples: Sequence[Panel] = ()
    """Small figures, many alike."""
    note: str = ""
    folded: Sequence[tuple[str, Sequence[Table]]] = ()
    """Tables that are shown on request, with what they are."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.curves or self.tables or self.multiples or any(t for _, t in self.folded))


@dataclass
class Section:
    """A part of the report: a data set, or a question."""

    name: str
    anchor: str
    description: str = ""
    facts: Sequence[tuple[str, str]] = ()
    notices: Sequence[str] = ()
    blocks: Sequence[Block] = ()


@dataclass
class Page:
    """The whole report."""

    kicker: str
    """The command that makes it."""
    question: str
    answer: str
    """One sentence."""
    overview: Sequence[Table]
    """What answers the question at a glance; before any prose."""
    remark: str = ""
    """How the overview is read, in a sentence or two."""
    headline: str = ""
    """Who leads, in a sentence."""
    findings: Sequence[tuple[str, str]] = ()
    """What is learned from, or nothing, and a sentence or two of what was found on it."""
    more: Sequence[Table] = ()
    """Further overviews."""
    links: Sequence[tuple[str, str, str]] = ()
    """Pages of their own: address, name, what is there."""
    sections: Sequence[Section] = ()
    costs: Sequence[Table] = ()
    reading: Sequence[tuple[str, Sequence[tuple[str, str]]]] = ()
    """How to read what is the kind's own: headings with terms and definitions."""
    notices: Sequence[str] = ()
    facts: Sequence[tuple[str, str]] = ()
    """Of the set-up, besides versions."""
    results: Results = field(default_factory=lambda: Results([], {}))
    marks: Mapping[str, Mark] = field(default_factory=dict)

    @property
    def keys(self) -> dict[str, Markup]:
        """Markers of the methods."""
        return {method: key(mark) for method, mark in self.marks.items()}

    @property
    def definitions(self) -> Markup:
        """Shapes that figures refer to."""
        return definitions()

    @property
    def config(self) -> str:
        """The configuration with every default filled in, as a TOML file."""
        study = self.results.header.get("study") or {}
        return tomli_w.dumps(_without_none(study)).strip()

    @property
    def versions(self) -> list[tuple[str, str]]:
        """What the study ran with."""
        return [(k, str(v)) for k, v in (self.results.header.get("versions") or {}).items()]

    @property
    def warnings(self) -> list[tuple[str, int]]:
        """Of all cells, the most frequent first."""
        results = self.results
        return Counter(
            f"{cell[results.axis]}, {results.label(cell['method'])}: {text}"
            for cell in results.records
            for text in cell.get("warnings") or ()
        ).most_common()

    @property
    def explained(self) -> dict[str, list[tuple[str, str]]]:
        """Everything that a reader may look up: headings with terms and definitions."""
        told = {"Tables": [*TABLES.items()], **dict(self.reading), "Metrics": self.words}
        return {heading: list(terms) for heading, terms in told.items() if terms}

    @property
    def words(self) -> list[tuple[str, str]]:
        """Definitions of the metrics that occur."""
        names = metrics_of(self.results.succeeded)
        return [(words_of(name).label, words_of(name).definition) for name in names]


def marks_of(results: Results) -> dict[str, Mark]:
    """Colour and marker of every method."""
    return assign_marks(results.methods)


def notices_of(results: Results) -> list[str]:
    """What a reader must know before trusting the tables."""
    told = list(results.header.get("notices") or ())
    expected = results.header.get("cells")
    if isinstance(expected, int) and expected > len(results.records):
        told.append(
            f"The study is not finished: {len(results.records)} of {expected} cells have a record. "
            "Run the same command again to continue it."
        )
    if not results.succeeded:
        told.append("No cell has figures yet, so the tables below are empty.")
    elif results.failed:
        told.append(f"{failed(len(results.failed))} missing from all figures.")
    return told


def notices_on(results: Results, what: str) -> list[str]:
    """What a reader must know of the cells of one thing that is learned from."""
    broken = sum(cell[results.axis] == what for cell in results.failed)
    if results.of(what):
        return [f"{failed(broken)} missing from what follows."] if broken else []
    return ["Nothing here has figures" + (f": all {broken} cells failed." if broken else ".")]


def _without_none(value: Any) -> Any:
    """As TOML can say it, which has no null."""
    if isinstance(value, Mapping):
        return {str(k): _without_none(v) for k, v in value.items() if v is not None}
    if isinstance(value, list | tuple):
        return [_without_none(v) for v in value if v is not None]
    return value
