"""Where the error comes from: one stacked bar a method."""

import math
from collections.abc import Mapping

from markupsafe import Markup

from overica.report.figures.axes import Frame, Linear, tick_label
from overica.report.figures.marks import Mark
from overica.report.figures.svg import element, figure, join
from overica.report.numbers import short

WIDTH = 360
# A method's name stands above its bar, so that long names need no column of their own.
_ROW, _BAR, _NAME = 42.0, 14.0, 17.0


def draw_split(
    splits: Mapping[str, Mapping[str, float]],
    labels: Mapping[str, str],
    marks_of: Mapping[str, Mark],
    label: str,
) -> Markup | None:
    """Return the bars, or None if no method has a split.

    A part below zero, where a learned encoder beats the one it is compared with, goes to the left
    of zero.

    Parameters
    ----------
    splits : mapping
        By method: its parts, in the order in which they are stacked.
    labels, marks_of : mapping
        Of the methods.
    label : str
        What is drawn.
    """
    splits = {m: parts for m, parts in splits.items() if any(map(math.isfinite, parts.values()))}
    if not splits:
        return None
    high = max(sum(v for v in parts.values() if v > 0) for parts in splits.values())
    low = min(sum(v for v in parts.values() if v < 0) for parts in splits.values())
    bottom = _ROW * len(splits) + 2
    frame = Frame(4, 0, WIDTH - 14, bottom, Linear(low, max(high, low + 1e-6)), Linear(0, 1))
    drawn = [_scale(frame)]
    for i, (method, parts) in enumerate(splits.items()):
        top, mark = _ROW * i, marks_of[method]
        drawn.append(_lines(frame, top + _NAME, top + _NAME + _BAR + 4))
        drawn.append(element("g", mark.at(7, top + 9, 6), class_=mark.class_))
        drawn.append(element("text", labels[method], x=18, y=top + 13.2, class_="name"))
        drawn.extend(_bar(frame, parts, top + _NAME + 2, labels[method]))
    return figure(WIDTH, bottom + 22, label, *drawn, class_="chart split")


def _scale(frame: Frame) -> Markup:
    return join(
        element(
            "text",
            tick_label(tick),
            x=frame.at(tick, 0)[0],
            y=frame.bottom + 13,
            class_="tick",
            text_anchor="middle",
        )
        for tick in frame.x.ticks()
    )


def _lines(frame: Frame, top: float, bottom: float) -> Markup:
    """The grid behind one bar alone, so that it does not cross the names."""
    return join(
        element(
            "path",
            d=f"M{frame.at(tick, 0)[0]:.1f} {top:.1f}V{bottom:.1f}",
            class_="axis" if tick == 0 else "grid",
        )
        for tick in frame.x.ticks()
    )


def _bar(frame: Frame, parts: Mapping[str, float], top: float, label: str) -> list[Markup]:
    drawn = []
    right = left = 0.0
    for name, value in parts.items():
        if not math.isfinite(value) or value == 0:
            continue
        start, stop = (right, right + value) if value > 0 else (left + value, left)
        right, left = max(right, stop), min(left, start)
        (x0, _), (x1, _) = frame.at(start, 0), frame.at(stop, 0)
        title = element("title", f"{label}: {name} {short(value, 3)}")
        drawn.append(_part(name, x0, top, x1 - x0, _BAR, title))
    return drawn


def swatch(part: str) -> Markup:
    """Return a sample of a part's filling, for the legend."""
    box = _part(part, 0.5, 0.5, 23, 13)
    return element("svg", box, class_="swatch", viewBox="0 0 24 14", aria_hidden="true")


def _part(name: str, x: float, y: float, width: float, height: float, *more: Markup) -> Markup:
    """A rectangle with its hatching.

    Lines and dots are drawn one by one: a pattern is turned into pixels, and megabytes, in print.
    """
    box = element("rect", *more, x=x, y=y, width=width, height=height)
    hatch = _HATCHINGS.get(name)
    ink = element("path", d=hatch(x, y, width, height), class_="ink") if hatch else ""
    return element("g", box, ink, class_=f"part-{name}")


def _diagonals(x: float, y: float, width: float, height: float) -> str:
    """Rising lines five units apart, each cut off where it leaves the rectangle."""
    lines = []
    foot = 5.0 - height
    while foot < width:
        start, stop = max(foot, 0.0), min(foot + height, width)
        lines.append(
            f"M{x + start:.1f} {y + height - (start - foot):.1f}"
            f"L{x + stop:.1f} {y + height - (stop - foot):.1f}"
        )
        foot += 5.0
    return "".join(lines)


def _dots(x: float, y: float, width: float, height: float) -> str:
    """Rows of dots five units apart, as lines of no length with round ends."""
    columns = [x + 2.5 + 5 * i for i in range(int((width - 1.0) // 5) + 1)]
    rows = [y + 2.0 + 5 * i for i in range(int((height - 1.0) // 5) + 1)]
    inside = [column for column in columns if column < x + width - 1]
    return "".join(f"M{column:.1f} {row:.1f}h0" for row in rows for column in inside)


_HATCHINGS = {"inference": _diagonals, "magnitude": _dots}
