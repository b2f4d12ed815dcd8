"""Sparsity against quality: one line a method, one point a seed."""

import math
from collections.abc import Mapping

from markupsafe import Markup

from overica.metrics.words import words_of
from overica.report.figures.axes import Frame, Linear, logarithmic_around
from overica.report.figures.curves import HEIGHT, WIDTH, curves
from overica.report.figures.marks import Mark
from overica.report.figures.svg import figure
from overica.report.numbers import short
from overica.studies import Results
from overica.studies.levels import by_level
from overica.studies.spread import mean_of, metric_value

# A dictionary of noise explains less than nothing; how much less is no matter of this figure.
_LOWEST = -0.2
_STEP = 0.1


def draw_pareto(
    results: Results, marks_of: Mapping[str, Mark], what: str, metric: str, true_l0: float
) -> Markup | None:
    """Return the curve of one metric over the L0 that was reached, or None without points.

    A method's line joins the means over the seeds of its levels; small markers are the seeds.

    Parameters
    ----------
    results : Results
    marks_of : mapping of str to Mark
    what : str
        The data set.
    metric : str
        The vertical axis.
    true_l0 : float
        Drawn as an upright line; NaN for none.
    """
    cells = [
        cell
        for cell in results.of(what)
        if math.isfinite(metric_value(cell, metric)) and metric_value(cell, "l0") > 0
    ]
    if not cells:
        return None
    values = [metric_value(cell, metric) for cell in cells]
    chance = mean_of([metric_value(cell, metric, "chance") for cell in cells])
    frame = Frame(
        left=34,
        top=46,
        right=WIDTH - 6,
        bottom=HEIGHT - 40,
        x=logarithmic_around([metric_value(cell, "l0") for cell in cells] + [true_l0]),
        y=Linear(_floor([*values, chance]), max(1.0, *values)),
    )
    parts = [frame.draw("L0, mean active codes of a sample", words_of(metric).label)]
    if math.isfinite(true_l0):
        parts.append(frame.upright(true_l0, "true L0"))
    if math.isfinite(chance):
        parts.append(frame.across(chance, "chance"))
    named = words_of(metric).label
    # A method's own level has codes of another encoder, and is no part of the curve.
    found = {
        (method, target): [(metric_value(c, "l0"), metric_value(c, metric)) for c in group]
        for method in results.methods
        for target, group in by_level([c for c in cells if c["method"] == method]).items()
    }
    parts += curves(
        results, marks_of, frame, found,
        lambda _, mean: f": {named} {short(mean[1], 3)} at L0 {short(mean[0])}",
    )  # fmt: skip
    label = (
        f"{what}: {named} against L0, one line a method; the values are in the table of every level"
    )
    return figure(WIDTH, HEIGHT, label, *parts, class_="chart")


def _floor(values: list[float]) -> float:
    """The round value below the lowest, so that the curves fill the frame."""
    lowest = min(value for value in values if math.isfinite(value))
    return max(min(math.floor(lowest / _STEP) * _STEP, 1 - 2 * _STEP), _LOWEST)
