"""The report's figures: SVG without a library, small enough for a phone and sharp on paper.

Every drawing is a function of the records that returns markup.  Colours are classes that the
style sheet resolves, so that a dark page and a printed one have their own.
"""

from overica.report.figures.along import draw_along
from overica.report.figures.directions import draw_directions
from overica.report.figures.heatmap import draw_heatmap
from overica.report.figures.histogram import draw_histogram
from overica.report.figures.marks import Mark, assign_marks, definitions, key
from overica.report.figures.pareto import draw_pareto
from overica.report.figures.raster import embed
from overica.report.figures.split import draw_split, swatch

__all__ = [
    "Mark",
    "assign_marks",
    "definitions",
    "draw_along",
    "draw_directions",
    "draw_heatmap",
    "draw_histogram",
    "draw_pareto",
    "draw_split",
    "embed",
    "key",
    "swatch",
]
