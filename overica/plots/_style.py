"""What all pictures share: colours, quiet axes, figures outside pyplot."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from overica._validation import check_array

# Okabe-Ito: told apart by colour-blind readers too.
LEARNED = "#0072B2"
TRUE = "#E69F00"
DATA = "#5A5A5A"
QUIET = "#B8B8B8"
DPI = 150


def new_axes(width: float, height: float) -> Axes:
    """Axes alone on a new figure of that size in inches."""
    return Figure(figsize=(width, height), dpi=DPI, layout="constrained").subplots()


def quieten(ax: Axes) -> None:
    """Leave only the frame lines that carry a scale, and draw those lightly."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(QUIET)
    ax.tick_params(color=QUIET, labelsize=8)


def as_matrix(value: ArrayLike, name: str, shape: dict[str, int | None]) -> np.ndarray:
    """Return a validated float64 NumPy matrix, also from a tensor; see `check_array`."""
    return np.asarray(check_array(value, name, shape), dtype=np.float64)
