"""Pictures of bases: their columns as tiles, and the Gabor functions that fit them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from overica.photographs.gabor import WELL_FITTED, GaborFits
from overica.plots import plot_patches
from overica.plots._style import DATA, DPI, LEARNED, QUIET, quieten

_COLOURS = (LEARNED, "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#0072B2", "#F0E442", "#000000")
"""Okabe and Ito's, a method each."""


def plot_basis(basis: np.ndarray, side: int) -> Figure:
    """Columns as tiles of side x side pixels, in their order; mid-grey is 0."""
    figure = Figure(figsize=(4, 4), dpi=DPI, layout="constrained")
    plot_patches(basis, (side, side), ax=figure.subplots())
    return figure


def plot_gabors(fits: Mapping[tuple[str, float], GaborFits], widest: tuple[str, float]) -> Figure:
    """How well Gabor functions fit the columns of every basis, and where the well fitted ones lie.

    Left: share of columns above an R^2. Middle: orientation and frequency in one basis. Right: widths of its envelopes
    in cycles, along the stripes over across them.

    Parameters
    ----------
    fits : mapping
        By label of a method and columns per pixel.
    widest : (str, float)
        The basis of the middle and the right.
    """
    figure = Figure(figsize=(10.5, 4.3), dpi=DPI, layout="constrained")
    _share_panel(figure.add_subplot(1, 3, 1), fits)
    label = f"{widest[0]} {widest[1]:g}x"
    _wave_panel(figure.add_subplot(1, 3, 2, projection="polar"), fits[widest], label)
    _envelope_panel(figure.add_subplot(1, 3, 3), fits[widest], label)
    figure.legend(loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    return figure


def _wave_panel(polar: Any, fits: GaborFits, label: str) -> None:
    good = fits.well_fitted
    for turn in (0.0, np.pi):
        polar.scatter(
            fits.orientation[good] + turn, fits.frequency[good], s=9, color=LEARNED, alpha=0.5, linewidths=0
        )  # fmt: skip
    polar.set_rlim(0, 0.6)
    polar.set_rticks([0.2, 0.4, 0.6])
    polar.set_rlabel_position(67)
    polar.tick_params(labelsize=7, colors=DATA)
    polar.grid(color=QUIET, linewidth=0.3)
    polar.spines["polar"].set_color(QUIET)
    polar.set_title("wave vectors, cycles per pixel", fontsize=9)
    polar.set_xlabel(f"{label}, {int(good.sum())} columns", fontsize=8)


def _envelope_panel(ax: Axes, fits: GaborFits, label: str) -> None:
    good = fits.well_fitted
    across, along = (
        (fits.frequency * width)[good] for width in (fits.width_across, fits.width_along)
    )
    ax.scatter(across, along, s=9, color=LEARNED, alpha=0.5, linewidths=0)
    limit = 2.0
    ax.plot([0, limit], [0, limit], color=QUIET, linewidth=0.8, zorder=0)
    ax.set_xlim(0, limit)
    ax.set_ylim(0, limit)
    ax.set_aspect("equal")
    ax.set_xlabel(f"across the stripes ({label})", fontsize=8)
    ax.set_ylabel("along the stripes", fontsize=8)
    outside = int(((across > limit) | (along > limit)).sum())
    note = f" ({outside} beyond)" if outside else ""
    ax.set_title(f"widths of envelopes, cycles{note}", fontsize=9, loc="left")
    quieten(ax)


def _share_panel(ax: Axes, fits: Mapping[tuple[str, float], GaborFits]) -> None:
    methods = list(dict.fromkeys(method for method, _ in fits))
    for i, method in enumerate(methods):
        widths = [width for other, width in fits if other == method]
        for width in dict.fromkeys((min(widths), max(widths))):
            r2 = np.sort(fits[method, width].r2)
            ax.plot(
                r2, 1 - np.arange(len(r2)) / len(r2), color=_COLOURS[i % len(_COLOURS)], linewidth=1.3,
                linestyle="-" if width == max(widths) else "--", label=f"{method} {width:g}x",
            )  # fmt: skip
    ax.axvline(WELL_FITTED, color=QUIET, linewidth=0.8, zorder=0)
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.02)
    ax.set_box_aspect(1)
    ax.set_xlabel("R² of the Gabor function", fontsize=8)
    ax.set_title("share of columns above an R²", fontsize=9, loc="left")
    quieten(ax)
