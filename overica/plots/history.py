"""The course of a fit as small multiples, one panel per recorded figure."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from overica.plots._style import DPI, LEARNED, QUIET, quieten

# A positive figure that spans this factor is read better on a logarithmic axis.
_LOG_SPAN = 30.0


def plot_history(
    history: Mapping[str, Sequence[Any]], names: Sequence[str] | None = None
) -> Figure:
    """Draw every recorded figure of a fit over the learning steps.

    Positive figures that span more than a factor of 30 get a logarithmic axis.

    Parameters
    ----------
    history : mapping of str to sequence
        Figures by name, as in ``OvercompleteICA.history_``; entry i belongs to step i + 1.  An
        entry is a number, or one number per component (drawn as a bundle of lines).  NaN and
        None are gaps.
    names : sequence of str, optional
        Figures to show, in this order; all of them if not given.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a name is not in `history`, or there is nothing to show.

    Examples
    --------
    >>> figure = plot_history({"log evidence": [-3.0, -2.0, -1.5], "penalty": [0.5, 0.3, 0.1]})
    >>> [ax.get_title("left") for ax in figure.axes]
    ['log evidence', 'penalty']
    """
    shown = list(history) if names is None else list(names)
    unknown = [name for name in shown if name not in history]
    if unknown:
        raise ValueError(f"`names` must be among {list(history)}, got {unknown}")
    if not shown:
        raise ValueError("`history` must hold at least one figure, got none")

    n_columns = min(3, len(shown))
    n_rows = -(-len(shown) // n_columns)
    figure = Figure(figsize=(3.1 * n_columns, 2.2 * n_rows), dpi=DPI, layout="constrained")
    grid = figure.subplots(n_rows, n_columns, squeeze=False)
    for i, ax in enumerate(grid.flat):
        if i >= len(shown):
            ax.remove()
            continue
        _panel(ax, shown[i], history[shown[i]])
        if i + n_columns >= len(shown):
            ax.set_xlabel("step", fontsize=8)
    return figure


def _panel(ax: Axes, name: str, entries: Sequence[Any]) -> None:
    curves = _curves(name, entries)
    finite = curves[np.isfinite(curves)]
    bundle = curves.shape[1] > 1
    for curve in curves.T:
        defined = np.isfinite(curve)
        ax.plot(
            1 + np.flatnonzero(defined),
            curve[defined],
            color=LEARNED,
            linewidth=0.5 if bundle else 1.4,
            alpha=0.4 if bundle else 1.0,
            # A lone point has no line to show it.
            marker="o" if defined.sum() == 1 else None,
            markersize=3,
        )
    ax.set_title(name.replace("_", " "), fontsize=9, loc="left")
    ax.grid(axis="y", color=QUIET, linewidth=0.3)
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    if finite.size and finite.min() > 0 and finite.max() > _LOG_SPAN * finite.min():
        ax.set_yscale("log")
    quieten(ax)


def _curves(name: str, entries: Sequence[Any]) -> np.ndarray:
    """(n_steps, n_curves) float64, with NaN for gaps."""
    filled = [np.nan if entry is None else entry for entry in entries]
    width = max((np.size(entry) for entry in filled), default=1)
    try:
        rows = [np.broadcast_to(np.asarray(e, np.float64).ravel(), (width,)) for e in filled]
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"`history[{name!r}]` must hold numbers, or {width} numbers per step"
        ) from error
    return np.array(rows).reshape(len(filled), width)
