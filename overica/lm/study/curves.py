"""Curves of a study's page: sparsity against quality, and the evidence over the width."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from overica.compare.report.figures import marks as drawing
from overica.compare.report.figures.axes import Frame, Linear, Logarithmic, logarithmic_around
from overica.compare.report.figures.marks import Mark
from overica.compare.report.figures.svg import figure
from overica.compare.report.numbers import short
from overica.lm.study.results import StudyResults
from overica.lm.study.tables import measure_label

_WIDTH, _HEIGHT = 360, 276
_LOWEST = -0.2


def quality_curve(
    results: StudyResults, marks: Mapping[str, Mark], width: float, metric: str
) -> Markup | None:
    """One metric over the L0 that was reached, a line a method; None without points."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for method in results.methods:
        levels = sorted({r["target_l0"] for r in results.cells(method=method, width=width)})
        for level in levels:
            wanted = {"method": method, "width": width, "target_l0": level}
            point = (results.metric("l0", **wanted).mean, results.metric(metric, **wanted).mean)
            if point[0] > 0 and math.isfinite(point[1]):
                lines.setdefault(method, []).append(point)
    if not lines:
        return None
    points = [point for line in lines.values() for point in line]
    lowest = math.floor(10 * min(y for _, y in points)) / 10
    frame = _frame(
        logarithmic_around([x for x, _ in points]), Linear(max(min(lowest, 0.8), _LOWEST), 1.0)
    )
    label = f"Width {width:g}x: {measure_label(metric)} against L0, one line a method; the values are in the tables"
    names = ("L0, mean active codes of a token", measure_label(metric))
    return _draw(results, marks, frame, lines, *names, label)


def evidence_curve(results: StudyResults, marks: Mapping[str, Mark]) -> Markup | None:
    """Held-out evidence over the number of features, a line a kind of ICA; the Gaussian's is dashed."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for method in results.methods:
        for width in results.widths:
            found = results.spread(lambda r: r["evidence"], method=method, width=width, middle=True)
            if math.isfinite(found.mean):
                n = round(width * results.header["store"]["n_features"])
                lines.setdefault(method, []).append((float(n), found.mean))
    if not lines:
        return None
    gaussian = results.header.get("gaussian_evidence")
    values = [y for line in lines.values() for _, y in line]
    if gaussian is not None:
        values.append(gaussian)
    room = 0.1 * max(max(values) - min(values), 1.0)
    frame = _frame(
        logarithmic_around([x for line in lines.values() for x, _ in line]),
        Linear(min(values) - room, max(values) + room),
    )
    extra = [] if gaussian is None else [frame.across(gaussian, "Gaussian")]
    label = "Held-out evidence over the number of features; the values are in the table beside it"
    return _draw(results, marks, frame, lines, "features", "nats a token", label, extra)


def _frame(x: Logarithmic, y: Linear) -> Frame:
    return Frame(left=40, top=46, right=_WIDTH - 6, bottom=_HEIGHT - 40, x=x, y=y)


def _draw(
    results: StudyResults,
    marks: Mapping[str, Mark],
    frame: Frame,
    lines: Mapping[str, Sequence[tuple[float, float]]],
    x_label: str,
    y_label: str,
    label: str,
    extra: Sequence[Markup] = (),
) -> Markup:
    parts = [frame.draw(x_label, y_label), *extra]
    for method, line in lines.items():
        own = [drawing.polyline([frame.at(*point) for point in line])] if len(line) > 1 else []
        for x, y in line:
            title = f"{results.methods[method]}: {y_label} {short(y, 3)} at {short(x, 1)}"
            own.append(marks[method].at(*frame.at(x, y), 5.5, title))
        parts.append(drawing.group(marks[method], own))
    return figure(_WIDTH, _HEIGHT, label, *parts, class_="chart")
