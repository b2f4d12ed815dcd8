"""Learned against true directions where they can be seen: in two and three dimensions."""

import numpy as np
from markupsafe import Markup

from overica.report.figures.marks import Mark
from overica.report.figures.svg import element, figure, points

SIDE = 180
_CENTRE, _RADIUS = SIDE / 2, SIDE / 2 - 12


def draw_directions(learned: np.ndarray, true: np.ndarray, mark: Mark, label: str) -> Markup | None:
    """Return the picture for rows of two or three coordinates, None for others.

    In the plane, learned directions are arrows of the length they have beside the longest, and
    true ones dashed lines through the origin.  In space, directions are points of the half
    sphere, seen from above in equal areas: a ring is a true direction, a filled marker a learned
    one, whatever its sign.
    """
    learned, true = np.atleast_2d(learned), np.atleast_2d(true)
    draw = {2: _plane, 3: _sphere}.get(true.shape[1])
    if draw is None or learned.shape[1] != true.shape[1]:
        return None
    return figure(SIDE, SIDE, label, *draw(learned, true, mark), class_="small directions")


def _plane(learned: np.ndarray, true: np.ndarray, mark: Mark) -> list[Markup]:
    true = true / np.linalg.norm(true, axis=1, keepdims=True)
    learned = learned / (np.linalg.norm(learned, axis=1).max() or 1.0)
    parts = [element("circle", cx=_CENTRE, cy=_CENTRE, r=_RADIUS, class_="rim")]
    for x, y in _RADIUS * true:
        parts.append(
            element(
                "line",
                x1=_CENTRE - x,
                y1=_CENTRE + y,
                x2=_CENTRE + x,
                y2=_CENTRE - y,
                class_="true",
            )
        )
    arrows = [_arrow(_RADIUS * arrow) for arrow in learned]
    parts.append(element("g", *arrows, class_=mark.class_))
    return parts


def _arrow(end: np.ndarray) -> Markup:
    length = float(np.hypot(*end))
    if length < 1:
        return Markup("")
    along = end / length
    aside = np.array([-along[1], along[0]])
    back = max(length - 8.0, 0.0)
    corners = [end, back * along + 3.6 * aside, back * along - 3.6 * aside]
    x, y = back * along
    return element(
        "line", x1=_CENTRE, y1=_CENTRE, x2=_CENTRE + x, y2=_CENTRE - y, class_="arrow"
    ) + element(
        "polygon", points=points((_CENTRE + x, _CENTRE - y) for x, y in corners), class_="tip"
    )


def _sphere(learned: np.ndarray, true: np.ndarray, mark: Mark) -> list[Markup]:
    # Seen from where the true directions gather, so that few of them lie on the rim.
    _, _, axes = np.linalg.svd(true, full_matrices=True)
    parts = [element("circle", cx=_CENTRE, cy=_CENTRE, r=_RADIUS, class_="rim")]
    for x, y in _equal_area(true @ axes.T):
        parts.append(element("circle", cx=_CENTRE + x, cy=_CENTRE - y, r=6, class_="ring"))
    dots = [mark.at(_CENTRE + x, _CENTRE - y, 3.5) for x, y in _equal_area(learned @ axes.T)]
    parts.append(element("g", *dots, class_=mark.class_))
    return parts


def _equal_area(rows: np.ndarray) -> np.ndarray:
    """Lambert's azimuthal projection of the upper half sphere, the first axis as the pole."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = rows[norms[:, 0] > 0] / norms[norms[:, 0] > 0]
    unit = unit * np.where(unit[:, :1] < 0, -1.0, 1.0)
    return _RADIUS * unit[:, 1:] / np.sqrt(1 + unit[:, :1])
