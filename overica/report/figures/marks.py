"""One colour and one marker for each method, the same in every figure and table."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from overica.report.figures.svg import element, points

N_COLOURS = 8
"""Colours that the style sheet defines, as ``--c0`` and so on."""


def _regular(corners: int, turn: float, inner: float = 1.0) -> str:
    """Vertices of a polygon around the origin, or of a star if `inner` is below 1."""
    n = corners if inner == 1.0 else 2 * corners
    radii = [1.0 if i % 2 == 0 or inner == 1.0 else inner for i in range(n)]
    return points(
        (
            50 * r * math.sin(2 * math.pi * i / n + turn),
            -50 * r * math.cos(2 * math.pi * i / n + turn),
        )
        for i, r in enumerate(radii)
    )


_HALF = math.pi
_CROSS = "-17,-50 17,-50 17,-17 50,-17 50,17 17,17 17,50 -17,50 -17,17 -50,17 -50,-17 -17,-17"

_SHAPES: list[Markup] = [
    element("circle", r=44),
    element("polygon", points="-40,-40 40,-40 40,40 -40,40"),
    element("polygon", points=_regular(3, 0.0)),
    element("polygon", points=_regular(4, 0.0)),
    element("polygon", points=_regular(3, _HALF)),
    element("polygon", points=_CROSS),
    element("polygon", points=_regular(5, 0.0, 0.45)),
    element("polygon", points=_CROSS, transform="rotate(45)"),
    element("polygon", points=_regular(5, _HALF)),
    element("polygon", points=_regular(6, math.pi / 6)),
]


@dataclass(frozen=True)
class Mark:
    """How one method is told from the others."""

    colour: int
    shape: int
    hollow: bool
    """A baseline: hollow markers, dashed lines."""

    @property
    def class_(self) -> str:
        """Classes that set the colour, and the dashes of a baseline."""
        return f"c{self.colour} hollow" if self.hollow else f"c{self.colour}"

    def at(self, x: float, y: float, radius: float, title: str | None = None) -> Markup:
        """Return the marker at a place, with a text that shows when it is pointed at."""
        return element(
            "use",
            *([element("title", title)] if title else []),
            href=f"#shape-{self.shape}",
            x=x - radius,
            y=y - radius,
            width=2 * radius,
            height=2 * radius,
        )


def assign_marks(methods: Mapping[str, Mapping[str, Any]]) -> dict[str, Mark]:
    """Give every method a colour and a marker; no two share both, up to eighty methods.

    Baselines are hollow and dashed, so shape and filling tell methods apart without colour.

    Examples
    --------
    >>> marks = assign_marks({"ica": {}, "pca": {"family": "baseline"}})
    >>> marks["ica"].class_, marks["pca"].class_
    ('c0', 'c1 hollow')
    """
    marks = {}
    seen = {True: 0, False: 0}
    for i, (method, entry) in enumerate(methods.items()):
        hollow = entry.get("family") == "baseline"
        marks[method] = Mark(i % N_COLOURS, seen[hollow] % len(_SHAPES), hollow)
        seen[hollow] += 1
    return marks


def definitions() -> Markup:
    """Return the shapes that all figures of the page refer to."""
    shapes = [
        element("symbol", shape, id=f"shape-{i}", viewBox="-60 -60 120 120")
        for i, shape in enumerate(_SHAPES)
    ]
    return element(
        "svg",
        element("defs", *shapes),
        width="0",
        height="0",
        class_="definitions",
        aria_hidden="true",
    )


def key(mark: Mark) -> Markup:
    """Return a method's marker as an image of its own, to stand before its name."""
    return element(
        "svg",
        mark.at(8, 8, 7),
        class_=f"key {mark.class_}",
        viewBox="0 0 16 16",
        aria_hidden="true",
    )
