"""How close the learned directions come to true ones, beside random directions."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from overica.report.figures.axes import Frame, Linear, tick_label
from overica.report.figures.marks import Mark
from overica.report.figures.svg import element, figure, points
from overica.studies.spread import Cell

WIDTH, HEIGHT = 180, 118


def draw_histogram(
    cells: Sequence[Cell], mark: Mark, label: str, towards: str = "a true one"
) -> Markup | None:
    """Return bars of the learned directions' largest cosines and the outline of random ones.

    Counts are added over the cells that share the first one's bins, and drawn as shares of the
    directions; None if no cell has a histogram.
    """
    histograms = [cell["histogram"] for cell in cells if cell.get("histogram")]
    if not histograms:
        return None
    edges = np.asarray(histograms[0]["edges"], np.float64)
    alike = [h for h in histograms if len(h["edges"]) == len(edges)]
    learned = _shares(sum(np.asarray(h["learned"], np.float64) for h in alike))
    random = _shares(sum(np.asarray(h["random"], np.float64) for h in alike))
    if not (learned + random)[edges[:-1] < 0].any():
        # Signs count, but nothing points away from the truth.
        learned, random, edges = (
            learned[edges[:-1] >= 0],
            random[edges[:-1] >= 0],
            edges[edges >= 0],
        )
    tallest = float(max(learned.max(), random.max())) or 1.0
    frame = Frame(
        8, 8, WIDTH - 8, HEIGHT - 20, Linear(float(edges[0]), float(edges[-1])), Linear(0, tallest)
    )
    bars = []
    for left, right, share in zip(edges[:-1], edges[1:], learned, strict=True):
        if share > 0:
            x, y = frame.at(float(left), float(share))
            width = frame.at(float(right), 0)[0] - x
            bars.append(
                element("rect", x=x, y=y, width=max(width - 0.6, 0.6), height=frame.bottom - y)
            )
    outline = [frame.at(float(edges[0]), 0)]
    for left, right, share in zip(edges[:-1], edges[1:], random, strict=True):
        outline += [frame.at(float(left), float(share)), frame.at(float(right), float(share))]
    outline.append(frame.at(float(edges[-1]), 0))
    ticks = [
        element(
            "text",
            text,
            x=frame.at(value, 0)[0],
            y=HEIGHT - 5,
            class_="tick",
            text_anchor=anchor,
        )
        for value, text, anchor in (
            (frame.x.low, tick_label(frame.x.low), "start"),
            (
                (frame.x.low + frame.x.high) / 2,
                tick_label((frame.x.low + frame.x.high) / 2),
                "middle",
            ),
            (frame.x.high, tick_label(frame.x.high), "end"),
        )
    ]
    base = element("path", d=f"M{frame.left} {frame.bottom}H{frame.right}", class_="axis")
    return figure(
        WIDTH,
        HEIGHT,
        f"{label}: histogram of each learned direction's largest cosine with {towards}",
        element("g", *bars, class_=f"bars {mark.class_}") if bars else "",
        base,
        element("polyline", points=points(outline), class_="random"),
        *ticks,
        class_="small",
    )


def _shares(counts: np.ndarray | int) -> np.ndarray:
    array = np.asarray(counts, np.float64)
    return array / (array.sum() or 1.0)
