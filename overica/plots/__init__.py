"""Pictures of what was learned.

Every function draws on given axes, or on a new `matplotlib.figure.Figure` of its own; none
touches pyplot's global state, so they work without a display.  Save what they return with
``axes.figure.savefig("name.png")`` or ``figure.savefig("name.png")``.
"""

from overica.plots.cosines import plot_cosines
from overica.plots.history import plot_history
from overica.plots.patches import plot_patches
from overica.plots.scatter import plot_mixture_2d

__all__ = ["plot_cosines", "plot_history", "plot_mixture_2d", "plot_patches"]
