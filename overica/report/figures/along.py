"""A figure along what is learned from, where that is a size: one line a method, one point a seed."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from markupsafe import Markup

from overica.metrics.words import words_of
from overica.report.figures.axes import Frame, Linear, logarithmic_around
from overica.report.figures.curves import HEIGHT, WIDTH, Point, curves
from overica.report.figures.marks import Mark
from overica.report.figures.svg import figure
from overica.report.numbers import short
from overica.studies import Results
from overica.studies.spread import mean_of, metric_value


def draw_along(
    results: Results,
    marks_of: Mapping[str, Mark],
    metric: str,
    sizes: Mapping[str, float],
    name: str,
    methods: Collection[str] = (),
    *,
    paired: bool = False,
    chance: str = "",
) -> Markup | None:
    """Return the curve of one metric over the sizes, or None without points.

    A method's line joins the means over the seeds; small markers are the seeds.

    Parameters
    ----------
    results : Results
    marks_of : mapping of str to Mark
    metric : str
        The vertical axis.
    sizes : mapping of str to float
        By name of what is learned from, positive.
    name : str
        Of the horizontal axis.
    methods : collection of str
        Those that are drawn; all if none is named.
    paired : bool
        Whether seeds differ in what is learned from, so that the mean of a seed over all that is drawn, which says
        nothing of methods, is taken out of its points.
    chance : str
        What chance is called, if a line is drawn for it.
    """
    values = {
        (method, what, cell["seed"]): metric_value(cell, metric)
        for method in methods or results.methods
        for what in sizes
        for cell in results.of(what, method)
        if math.isfinite(metric_value(cell, metric))
    }
    if not values:
        return None
    if paired:
        middle = mean_of(values.values())
        levels = {
            seed: mean_of(v for (_, _, other), v in values.items() if other == seed)
            for _, _, seed in values
        }
        values = {key: value - levels[key[2]] + middle for key, value in values.items()}
    level = mean_of(
        metric_value(cell, metric, "chance") for what in sizes for cell in results.of(what)
    )
    shown = [*values.values(), *([level] if chance and math.isfinite(level) else [])]
    low, high = min(shown), max(shown)
    margin = 0.08 * (high - low) or 0.1
    frame = Frame(
        34, 46, WIDTH - 6, HEIGHT - 40, logarithmic_around([*sizes.values()]), Linear(low - margin, high + margin),
    )  # fmt: skip
    parts = [frame.draw(name, words_of(metric).label)]
    if len(shown) > len(values):
        parts.append(frame.across(level, chance))
    found: dict[tuple[str, str], list[Point]] = {}
    for (method, what, _), value in values.items():
        found.setdefault((method, what), []).append((sizes[what], value))
    named = words_of(metric).label
    parts += curves(
        results, marks_of, frame, found, lambda what, mean: f", {what}: {named} {short(mean[1], 3)}"
    )
    label = f"{named} against {name}, one line a method; the values are in the tables"
    return figure(WIDTH, HEIGHT, label, *parts, class_="chart")
