"""Where the error comes from: one stacked bar a method."""

import math

from markupsafe import Markup

from overica.compare.report.figures.axes import Frame, Linear, tick_label
from overica.compare.report.figures.marks import Mark
from overica.compare.report.figures.svg import element, figure
from overica.compare.report.numbers import short
from overica.compare.report.records import Records, number
from overica.compare.report.summary import at_matched, mean_of
from overica.compare.report.wording import SPLIT

WIDTH = 360
_ROW, _BAR, _LABELS = 30.0, 16.0, 126.0
_LONGEST = 17


def mean_split(records: Records, dataset: str, method: str) -> dict[str, float]:
    """Parts of the error at the true L0, averaged over the seeds; NaN where none has a figure."""
    cells = at_matched(records.of(dataset, method), "")
    return {
        part: mean_of([number((cell.get("split") or {}).get(part)) for cell in cells])
        for part in SPLIT
    }


def draw_split(records: Records, marks_of: dict[str, Mark], dataset: str) -> Markup | None:
    """Return the bars, or None if no method has a split.

    A part below zero, where a learned encoder beats the one it is compared with, goes to the left
    of zero.
    """
    splits = {method: mean_split(records, dataset, method) for method in records.methods}
    splits = {m: parts for m, parts in splits.items() if any(map(math.isfinite, parts.values()))}
    if not splits:
        return None
    high = max(sum(v for v in parts.values() if v > 0) for parts in splits.values())
    low = min(sum(v for v in parts.values() if v < 0) for parts in splits.values())
    bottom = 8 + _ROW * len(splits)
    scale = Linear(low, max(high, low + 1e-6))
    frame = Frame(_LABELS, 4, WIDTH - 14, bottom, scale, Linear(0, 1))
    parts_drawn = []
    for tick in scale.ticks():
        x, _ = frame.at(tick, 0)
        parts_drawn.append(element("path", d=f"M{x:.1f} 4V{bottom:.1f}", class_="grid"))
        parts_drawn.append(
            element("text", tick_label(tick), x=x, y=bottom + 15, class_="tick", text_anchor="middle")
        )
    for i, (method, parts) in enumerate(splits.items()):
        top = 8 + _ROW * i + (_ROW - _BAR) / 2
        mark = marks_of[method]
        parts_drawn.append(element("g", mark.at(9, top + 8, 6.5), class_=mark.class_))
        parts_drawn.append(
            element("text", _clipped(records.label(method)), x=21, y=top + 12.5, class_="name")
        )
        parts_drawn.extend(_bar(frame, parts, top, records.label(method)))
    zero, _ = frame.at(0, 0)
    parts_drawn.append(element("path", d=f"M{zero:.1f} 4V{bottom:.1f}", class_="axis"))
    label = f"{dataset}: dictionary, inference and magnitude error of each method, stacked"
    return figure(WIDTH, bottom + 22, label, *parts_drawn, class_="chart split")


def _bar(frame: Frame, parts: dict[str, float], top: float, label: str) -> list[Markup]:
    drawn = []
    right = left = 0.0
    for name, value in parts.items():
        if not math.isfinite(value) or value == 0:
            continue
        start, stop = (right, right + value) if value > 0 else (left + value, left)
        right, left = max(right, stop), min(left, start)
        (x0, _), (x1, _) = frame.at(start, 0), frame.at(stop, 0)
        drawn.append(
            element(
                "rect",
                element("title", f"{label}: {name} {short(value, 3)}"),
                x=x0,
                y=top,
                width=x1 - x0,
                height=_BAR,
                class_=f"part-{name}",
            )
        )
    return drawn


def _clipped(label: str) -> str:
    return label if len(label) <= _LONGEST else label[: _LONGEST - 1] + "…"
