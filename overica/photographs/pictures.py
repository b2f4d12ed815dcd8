"""The pictures of a study: coding costs over overcompleteness, Gabor parameters, bases."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from overica.photographs.basis_learners import METHODS
from overica.photographs.gabor import WELL_FITTED
from overica.photographs.judging import Row
from overica.photographs.photograph_study import GAUSSIAN, RAW, Study
from overica.plots import plot_patches
from overica.plots._style import DATA, DPI, LEARNED, QUIET, TRUE, quieten

_LOOKS = {
    "overica": (LEARNED, "o"),
    "dictionary": (TRUE, "s"),
    "fastica": ("#009E73", "D"),
    "pca": ("#CC79A7", "^"),
    GAUSSIAN: ("#D55E00", "v"),
    "random": (QUIET, "x"),
}
"""Colour (Okabe and Ito's) and mark of every method."""
_BESIDE = (RAW, GAUSSIAN, "random")
"""No learned bases; they may lie far above those."""
_LABELS = {name: method.label for name, method in METHODS.items()} | {
    GAUSSIAN: "Gaussian (PCA)",
    RAW: "raw pixels",
}


def save_pictures(study: Study, folder: Path) -> list[Path]:
    """Write ``coding.png``, ``gabor.png`` and a ``basis-...png`` for every overcompleteness; their paths."""
    paths = [folder / "coding.png", folder / "gabor.png"]
    plot_coding(study).savefig(paths[0])
    plot_gabors(study).savefig(paths[1])
    side = study.settings.side
    for (method, width), basis in study.bases.items():
        if method == "overica":
            paths.append(folder / f"basis-{width:g}x.png")
            figure = Figure(figsize=(7, 7.3), dpi=DPI, layout="constrained")
            ax = plot_patches(basis, (side, side), ax=figure.subplots())
            ax.set_title(
                f"{_LABELS[method]} {width:g}x: {basis.shape[1]} columns of {side} x {side} white pixels, "
                "the most used first; mid-grey is 0",
                fontsize=9, loc="left",
            )  # fmt: skip
            figure.savefig(paths[-1])
    return paths


def plot_coding(study: Study) -> Figure:
    """Bits per pixel over overcompleteness by both definitions: means of seeds, with the range.

    Some regions cost more than others whatever the method, so each seed's mean over all of them is taken out
    of the range. The scale is that of the learned bases; what lies above it is named in a corner with its cost.
    """
    figure = Figure(figsize=(9.5, 4.2), dpi=DPI, layout="constrained")
    axes = figure.subplots(1, 2)
    panels = (
        ("evidence_bits", "by the probability of the cells"),
        ("coefficient_bits", "by quantised coefficients"),
    )
    for ax, (name, title) in zip(axes, panels, strict=True):
        _coding_panel(ax, study.rows, name)
        ax.set_title(title, fontsize=9, loc="left")
        ax.set_ylabel("bits per pixel, held out", fontsize=8)
        ax.set_xlabel("columns per pixel", fontsize=8)
        ax.set_xscale("log", base=2)
        ticks = study.settings.overcompleteness
        ax.set_xticks(ticks, [f"{tick:g}x" for tick in ticks])
        ax.minorticks_off()
        ax.margins(x=0.08)
        ax.grid(axis="y", color=QUIET, linewidth=0.3)
        quieten(ax)
    handles: dict[str, Artist] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    figure.legend(
        list(handles.values()), list(handles), loc="outside lower center", ncols=4, fontsize=8, frameon=False
    )  # fmt: skip
    levels = (
        f"{study.settings.precision:g} grey level{'' if study.settings.precision == 1 else 's'}"
    )
    figure.suptitle(
        f"Coding cost of {study.settings.side} x {study.settings.side} patches to {levels}",
        fontsize=10, x=0.01, ha="left",
    )  # fmt: skip
    return figure


def _coding_panel(ax: Axes, rows: list[Row], name: str) -> None:
    measured = [row for row in rows if getattr(row, name) is not None]
    levels = {
        seed: float(np.mean([getattr(row, name) for row in measured if row.seed == seed]))
        for seed in {row.seed for row in measured}
    }
    overall = float(np.mean(list(levels.values())))
    found: dict[str, dict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in measured:
        value = getattr(row, name) - levels[row.seed] + overall
        found[row.method][row.overcompleteness].append(value)
    top = _scale_to_learned(ax, found)
    for method, (colour, mark) in _LOOKS.items():
        if method not in found or min(map(np.mean, found[method].values())) > top:
            continue
        widths = sorted(found[method])
        values = [np.array(found[method][width]) for width in widths]
        means = np.array([v.mean() for v in values])
        reach = [means - [v.min() for v in values], [v.max() for v in values] - means]
        ax.errorbar(
            widths, means, yerr=reach if max(map(len, values)) > 1 else None, color=colour, marker=mark, markersize=5,
            linewidth=1.3, capsize=2, label=_LABELS[method], zorder=3 if method == "overica" else 2,
        )  # fmt: skip
    if RAW in found and (level := float(np.mean(found[RAW][1.0]))) <= top:
        ax.axhline(level, color=DATA, linewidth=0.8, linestyle=":", label=_LABELS[RAW])


def _scale_to_learned(ax: Axes, found: dict[str, dict[float, list[float]]]) -> float:
    """Scale of the learned bases; names what lies above it, and returns its end."""
    costs = {method: np.concatenate(list(by_width.values())) for method, by_width in found.items()}
    learned = [v for method, v in costs.items() if method not in _BESIDE] or list(costs.values())
    low, high = min(v.min() for v in learned), max(v.max() for v in learned)
    margin = 0.08 * (high - low) or 0.1
    top = float(high + 2 * margin)
    ax.set_ylim(low - margin, top)
    above = []
    for method in _BESIDE:
        values = costs.get(method)
        if values is None or values.max() <= top:
            continue
        wide = np.ptp(values) > 0.1
        ends = f"{values.min():.1f} to {values.max():.1f}" if wide else f"{values.mean():.2f}"
        above.append(f"{_LABELS[method]} {ends}")
    if above:
        ax.text(
            0.99, 0.99, "above: " + ", ".join(above), transform=ax.transAxes, fontsize=7, color=DATA, ha="right",
            va="top",
        )  # fmt: skip
    return top


def plot_gabors(study: Study) -> Figure:
    """How well Gabor functions fit the columns of every basis, and where the well fitted ones lie.

    Left: share of columns above an R^2. Middle: orientation and frequency of the widest basis of ours. Right: widths
    of its envelopes in cycles, along the stripes over across them.
    """
    figure = Figure(figsize=(10.5, 4.3), dpi=DPI, layout="constrained")
    shares = figure.add_subplot(1, 3, 1)
    _share_panel(shares, study)
    ours = [key for key in study.gabors if key[0] == "overica"]
    key = max(ours, key=lambda pair: pair[1]) if ours else next(iter(study.gabors))
    fits = study.gabors[key]
    good = fits.well_fitted
    polar: Any = figure.add_subplot(1, 3, 2, projection="polar")
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
    label = f"{_LABELS[key[0]]} {key[1]:g}x, {int(good.sum())} columns"
    polar.set_title("wave vectors, cycles per pixel", fontsize=9)
    polar.set_xlabel(label, fontsize=8)
    widths = figure.add_subplot(1, 3, 3)
    across, along = (
        (fits.frequency * width)[good] for width in (fits.width_across, fits.width_along)
    )
    widths.scatter(across, along, s=9, color=LEARNED, alpha=0.5, linewidths=0)
    limit = 2.0
    widths.plot([0, limit], [0, limit], color=QUIET, linewidth=0.8, zorder=0)
    widths.set_xlim(0, limit)
    widths.set_ylim(0, limit)
    widths.set_aspect("equal")
    widths.set_xlabel(f"across the stripes ({label})", fontsize=8)
    widths.set_ylabel("along the stripes", fontsize=8)
    outside = int(((across > limit) | (along > limit)).sum())
    note = f" ({outside} beyond)" if outside else ""
    figure.legend(loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    widths.set_title(f"widths of envelopes, cycles{note}", fontsize=9, loc="left")
    quieten(widths)
    return figure


def _share_panel(ax: Axes, study: Study) -> None:
    widest: dict[str, float] = {}
    for method, width in study.gabors:
        widest[method] = max(width, widest.get(method, 0.0))
    for (method, width), fits in study.gabors.items():
        ends = width in (1.0, widest[method])
        if not ends:
            continue
        colour = _LOOKS.get(method, (DATA, "o"))[0]
        r2 = np.sort(fits.r2)
        ax.plot(
            r2, 1 - np.arange(len(r2)) / len(r2), color=colour, linewidth=1.3,
            linestyle="-" if width == widest[method] else "--", label=f"{_LABELS[method]} {width:g}x",
        )  # fmt: skip
    ax.axvline(WELL_FITTED, color=QUIET, linewidth=0.8, zorder=0)
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.02)
    ax.set_box_aspect(1)
    ax.set_xlabel("R² of the Gabor function", fontsize=8)
    ax.set_title("share of columns above an R²", fontsize=9, loc="left")
    quieten(ax)
