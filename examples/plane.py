"""What the experiments in the plane share: data on a star, starts, colours of the rules, quiet panels."""

from collections.abc import Iterable
from itertools import permutations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from overica.learning import Model, direction
from overica.plots._style import DATA, LEARNED, QUIET, TRUE, quieten
from overica.priors import Exponential

COLOURS = {"natural": "#D55E00", "inverse": "#CC79A7", "evidence": LEARNED}
NAMES = {"natural": "the paper's rule", "inverse": "with (AAᵀ)⁻¹", "evidence": "the evidence rule"}
POINTS = ("#009E73", "#CC79A7", "#56B4E9")
"""Colours of single data points or columns."""


def regular_star(n_components: int = 3, first: float = 90.0) -> np.ndarray:
    """Unit columns at equal angles, the first at `first` degrees: (2, n_components)."""
    angles = np.deg2rad(first) + 2 * np.pi * np.arange(n_components) / n_components
    return np.stack([np.cos(angles), np.sin(angles)])


def mix(
    rng: np.random.Generator, A: np.ndarray, n_samples: int, presence: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Samples of unit variance of exponential sources, and the columns in their units, without noise."""
    S = rng.exponential(size=(n_samples, A.shape[1]))
    S *= rng.random(S.shape) < presence
    X = S @ A.T
    return X / X.std(), A / X.std()


def symmetric_samples(A: np.ndarray, n_samples: int, presence: float = 1.0) -> np.ndarray:
    """Samples with all permutations of their exponential sources: as symmetric as their law, on a regular star."""
    rng = np.random.default_rng(0)
    S = rng.exponential(size=(n_samples, A.shape[1]))
    S *= rng.random(S.shape) < presence
    return np.concatenate([S[:, list(order)] for order in permutations(range(A.shape[1]))]) @ A.T


def resting_length(rule: str, A: np.ndarray, X: np.ndarray, penalty: float) -> float:
    """Where a rule leaves the length of the columns of a star alone; (AAᵀ)⁻¹ changes nothing about that."""
    rule, length = "evidence" if rule == "evidence" else "natural", 1.0
    for _ in range(150):
        change = direction(rule, Model(length * A, Exponential(), penalty), X)
        length *= 1 + 0.3 * np.clip((change * A).sum() / (A.shape[1] * length), -1, 1)
    return length


def turned(rng: np.random.Generator, A: np.ndarray, degrees: float) -> np.ndarray:
    """The columns of a plane, each turned by a normal angle of that standard deviation."""
    angles = np.arctan2(A[1], A[0]) + np.deg2rad(degrees) * rng.standard_normal(A.shape[1])
    return np.linalg.norm(A, axis=0) * np.stack([np.cos(angles), np.sin(angles)])


def panels(layout: list[list[str]], height: float = 4.2, **options: object) -> tuple[Figure, dict]:
    """A figure ten inches wide and its quiet axes by name."""
    figure = Figure(figsize=(10, height), layout="constrained")
    axes = figure.subplot_mosaic(layout, **options)
    for ax in axes.values():
        quieten(ax)
    return figure, axes


def label(ax: Axes, title: str, x: str = "", y: str = "") -> None:
    """Title and axis labels in the sizes of the gallery."""
    ax.set_title(title, fontsize=10)
    ax.set_xlabel(x, fontsize=9)
    ax.set_ylabel(y, fontsize=9)


def cloud(ax: Axes, X: np.ndarray, title: str, limit: float | None = None) -> None:
    """Samples of two mixtures on bare axes of equal scales."""
    limit = limit or 1.15 * float(np.quantile(np.abs(X), 0.995))
    shown = X[:4000]
    ax.scatter(*shown.T, s=4, color=DATA, alpha=0.3, linewidths=0, rasterized=True)
    ax.axhline(0, color=QUIET, linewidth=0.5, zorder=0)
    ax.axvline(0, color=QUIET, linewidth=0.5, zorder=0)
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=[], yticks=[])
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    label(ax, title)


def arrows(
    ax: Axes, A: np.ndarray, color: str, start: np.ndarray | None = None, **options: object
) -> None:
    """Columns as arrows, from the origin or from given points."""
    start = np.zeros_like(A) if start is None else np.broadcast_to(start, A.shape)
    style = {"width": 0.012, "zorder": 3} | options
    ax.quiver(*start, *A, angles="xy", scale_units="xy", scale=1, color=color, **style)


def rays(ax: Axes, A: np.ndarray, lines: bool = False, color: str = TRUE) -> None:
    """True directions, dashed: from the origin, or as whole lines where signs do not count."""
    for a in (A / np.linalg.norm(A, axis=0)).T:
        ends = np.outer([-99.0 if lines else 0.0, 99.0], a)
        ax.plot(*ends.T, color=color, linestyle=(0, (5, 3)), linewidth=1.5, zorder=2)


def band(ax: Axes, x: object, values: np.ndarray, color: str, **options: object) -> None:
    """Mean over the seeds as a line, smallest to largest as a band: values are (n_seeds, len(x))."""
    values = np.asarray(values, dtype=float)
    ax.plot(x, values.mean(axis=0), "o-", color=color, markersize=4, **options)
    ax.fill_between(x, values.min(axis=0), values.max(axis=0), color=color, alpha=0.15, lw=0)


def strip(ax: Axes, row: float, values: Iterable[float], color: str) -> None:
    """One dot per seed in a row, with their mean as a bar."""
    values = np.asarray(list(values), dtype=float)
    spread = np.linspace(-0.09, 0.09, values.size) if values.size > 1 else np.zeros(1)
    ax.plot(values, row + spread, "o", color=color, markersize=4.5, alpha=0.6, mec="none")
    ax.plot([values.mean()] * 2, [row - 0.17, row + 0.17], color=color, linewidth=2)
