"""The parts of a table: cells of mean, spread and best, headings with the levels around them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from overica.metrics.words import Words
from overica.report import numbers
from overica.report.phrases import percent
from overica.studies.spread import Spread


@dataclass
class Entry:
    """One cell of a table."""

    text: str
    """The mean, or whatever the table is about."""
    spread: str = ""
    """Standard deviation over the seeds; empty for one."""
    notes: Sequence[str] = ()
    """Smaller lines below."""
    best: bool = False
    """Whether it is marked as the best of its column."""
    share: float = math.nan
    """How far the figure is from chance (0) to the ideal (1), for a colour; NaN for none."""
    missed: str = ""
    """By how much the level of sparsity was missed, if it was."""


@dataclass
class Row:
    """A row: what heads it, and its cells."""

    head: str
    entries: list[Entry]
    method: str | None = None
    """Whose marker stands before the head."""
    missed: str = ""
    """By how much the level of sparsity of all its cells was missed, if it was."""


@dataclass
class Table:
    """A table with its caption."""

    caption: str
    corner: str
    """Heading of the column of row heads."""
    columns: list[str]
    rows: list[Row]
    below: Sequence[Sequence[str]] = field(default_factory=list)
    """Smaller lines under each column's heading: its chance level, the truth's own figure."""
    about: Sequence[str] = ()
    """What each column is; below the heading, or below the table where the page is narrow."""
    style: str = ""
    """Class of the style sheet: "heat" colours cells by their share."""


Note = Callable[[Spread], str]
"""What a smaller line of a cell says of its figure."""


def best_seed(summary: Spread) -> str:
    """The best of the seeds, where one is better than another."""
    return f"best {numbers.short(summary.best)}" if math.isfinite(summary.best) else ""


def reached_level(summary: Spread) -> str:
    """At which L0 the figure is."""
    return f"at L0 {numbers.short(summary.level, 1)}"


def entry_of(
    summary: Spread,
    words: Words,
    *,
    note: Note | None = None,
    digits: int | None = None,
    n_seeds: int = 0,
    off: float = math.nan,
) -> Entry:
    """Return the cell of a summary.

    Parameters
    ----------
    summary : Spread
    words : Words
        Of the figure.
    note : callable, optional
        What a smaller line says.
    digits : int, optional
        Decimals; those of `words` if not given.
    n_seeds : int
        Seeds that there should be; said if there are fewer.
    off : float
        By what share the level was missed; NaN if it was not.
    """
    if not math.isfinite(summary.mean):
        return Entry(numbers.MISSING)
    places = words.digits if digits is None else digits
    known = math.isfinite(summary.deviation)
    fewer = f"{summary.count} of {n_seeds} seeds" if summary.count < n_seeds else ""
    return Entry(
        text=numbers.short(summary.mean, places),
        spread=numbers.short(summary.deviation, places) if known else "",
        notes=[line for line in (note(summary) if note else "", fewer) if line],
        share=_share(summary, words),
        missed=off_level(off),
    )


def off_level(off: float) -> str:
    """By how much a level was missed; empty if it was not, which is NaN.

    Examples
    --------
    >>> off_level(-0.17), off_level(float("nan"))
    ('L0 −17 %', '')
    """
    return f"L0 {percent(off, signed=True)}" if math.isfinite(off) else ""


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


def _share(summary: Spread, words: Words) -> float:
    """From chance to what the truth has; without one to the ideal, which of shares is 1 for more and 0 for less."""
    ideal = words.ideal
    if math.isinf(ideal):
        # Figures that are no shares go on without an end.
        ideal = float(ideal > 0) if 0 <= summary.chance <= 1 else math.nan
    width = (summary.truth if math.isfinite(summary.truth) else ideal) - summary.chance
    if not math.isfinite(width) or width == 0:
        return math.nan
    return min(max((summary.mean - summary.chance) / width, 0.0), 1.0)


def _range(values: Sequence[float]) -> str:
    ordered = sorted(value for value in values if math.isfinite(value))
    texts = list(dict.fromkeys(numbers.short(value) for value in ordered))
    if len(texts) < 2:
        return texts[0] if texts else numbers.MISSING
    return f"{texts[0]} to {texts[-1]}"
