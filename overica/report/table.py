"""The parts of a table: cells of mean, spread and best, headings with the levels around them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from overica.metrics.words import Words
from overica.report import numbers
from overica.studies.spread import Spread


@dataclass
class Entry:
    """One cell of a table."""

    text: str
    """The mean, or whatever the table is about."""
    spread: str = ""
    """Standard deviation over the seeds."""
    notes: Sequence[str] = ()
    """Smaller lines below."""
    best: bool = False
    """Whether it is marked as the best of its column."""
    share: float = math.nan
    """How far the figure is from chance (0) to the ideal (1), as a colour or a bar; NaN for none."""
    missed: bool = False
    """Whether the level of sparsity was missed."""


@dataclass
class Row:
    """A row: what heads it, and its cells."""

    head: str
    entries: list[Entry]
    method: str | None = None
    """Whose marker stands before the head."""


@dataclass
class Table:
    """A table with its caption."""

    caption: str
    corner: str
    """Heading of the column of row heads."""
    columns: list[str]
    rows: list[Row]
    below: list[list[str]] = field(default_factory=list)
    """Smaller lines under each column's heading: its chance level, and the truth's own figure."""
    style: str = ""
    """Class of the style sheet: "bars", or "heat"."""


def entry_of(
    summary: Spread,
    *,
    level: bool = False,
    short: bool = False,
    bar: bool = False,
    digits: int = 2,
    n_seeds: int = 0,
    off: float = math.nan,
) -> Entry:
    """Return the cell of a summary.

    Parameters
    ----------
    summary : Spread
    level : bool
        Whether to say at which L0.
    short : bool
        Whether to leave out the best.
    bar : bool
        Whether to draw a bar from chance to 1.
    digits : int
        Decimals.
    n_seeds : int
        Seeds that there should be; said if there are fewer.
    off : float
        By what share the level was missed; NaN if it was not.
    """
    if not math.isfinite(summary.mean):
        return Entry(numbers.MISSING)
    notes = []
    if not short and math.isfinite(summary.best):
        notes.append(f"best {numbers.short(summary.best)}")
    if level:
        notes.append(f"at L0 {numbers.short(summary.level, 1)}")
    if summary.count < n_seeds:
        notes.append(f"{summary.count} of {n_seeds} seeds")
    if math.isfinite(off):
        notes.append(f"level missed by {numbers.short(100 * off, 0)} %")
    share = math.nan
    if bar and math.isfinite(summary.chance) and summary.chance < 1:
        share = min(max((summary.mean - summary.chance) / (1 - summary.chance), 0.0), 1.0)
    return Entry(
        text=numbers.short(summary.mean, digits),
        spread=numbers.short(summary.deviation, digits),
        notes=notes,
        share=share,
        missed=math.isfinite(off),
    )


def mark_best(entries: Sequence[Entry], means: dict[int, float], words: Words) -> None:
    """Mark the best of some entries, and what is printed the same; none if it is alone."""
    merits = {i: words.merit(mean) for i, mean in means.items() if math.isfinite(mean)}
    finite = {i: merit for i, merit in merits.items() if math.isfinite(merit)}
    if len(finite) < 2:
        return
    winner = entries[max(finite, key=finite.__getitem__)].text
    for i in finite:
        entries[i].best = entries[i].text == winner


def levels_around(summaries: Sequence[Spread], truth: bool = True) -> list[str]:
    """The levels between which the figures of a column lie, for its heading."""
    lines = [f"chance {_range([summary.chance for summary in summaries])}"]
    if truth and any(math.isfinite(summary.truth) for summary in summaries):
        lines.append(f"truth {_range([summary.truth for summary in summaries])}")
    return lines


def _range(values: Sequence[float]) -> str:
    ordered = sorted(value for value in values if math.isfinite(value))
    texts = list(dict.fromkeys(numbers.short(value) for value in ordered))
    if len(texts) < 2:
        return texts[0] if texts else numbers.MISSING
    return f"{texts[0]} to {texts[-1]}"
