"""The picture of a separation: the mixture's coefficients and directions, spectrograms before and after."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import ArrayLike

from overica._validation import check_array, check_scalar
from overica.plots._style import DATA, DPI, QUIET, quieten
from overica.separation.directions import direction_degrees
from overica.separation.stft import Transform

# Okabe-Ito without yellow and black; more sources begin again.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
# A spectrogram is no wider in pixels, so long recordings need not be transformed as a whole.
_COLUMNS = 900
_DOTS = 5000
RANGE_DB = 60.0


def plot_separation(
    x: ArrayLike, sample_rate: float, sources: ArrayLike, mixing: ArrayLike
) -> Figure:
    """Draw a mixture, the directions found in it, and spectrograms of mixture and sources.

    Parameters
    ----------
    x : array-like of shape (n_frames, n_channels)
        Mixture.
    sample_rate : float
        Frames per second.
    sources : array-like of shape (n_frames, n_sources)
    mixing : array-like of shape (n_channels, n_sources)

    Returns
    -------
    matplotlib.figure.Figure
        Left, the first two channels' largest coefficients in time and frequency (real and imaginary parts; the
        distance from the origin is drawn as its square root, the direction as it is), with a line per source.
        Right, power in dB below the mixture's largest: the mixture, summed over channels, and every source.

    Raises
    ------
    ValueError
        If shapes differ or values are not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.separation import plot_separation
    >>> S = np.random.default_rng(0).laplace(size=(8000, 3))
    >>> A = np.array([[1.0, 0.7, 0.0], [0.0, 0.7, 1.0]])
    >>> figure = plot_separation(S @ A.T, 8000, S, A)
    >>> figure.savefig("separation.png")  # doctest: +SKIP
    """
    x = np.asarray(check_array(x, "x", {"n_frames": None, "n_channels": None}))
    S = np.asarray(check_array(sources, "sources", {"n_frames": len(x), "n_sources": None}))
    shape: dict[str, int | None] = {"n_channels": x.shape[1], "n_sources": S.shape[1]}
    A = np.asarray(check_array(mixing, "mixing", shape))
    rate = check_scalar(sample_rate, "sample_rate", strict=True)
    return draw_separation(x, rate, S, lambda ax, Z: draw_directions(ax, Z, A))


def draw_separation(
    x: np.ndarray,
    sample_rate: float,
    S: np.ndarray,
    draw_places: Callable[[Axes, np.ndarray], None],
) -> Figure:
    """`plot_separation` of arrays that were checked (the checks of a long recording take memory); left, anything."""
    transform = Transform(sample_rate)

    n_sources = S.shape[1]
    figure = Figure(
        figsize=(11.5, max(4.4, 1.1 + 1.25 * (n_sources + 1))), dpi=DPI, layout="constrained"
    )
    grid = figure.add_gridspec(n_sources + 1, 2, width_ratios=(1, 1.5))
    Z = np.stack([coefficients(channel, transform.window_length) for channel in x.T])
    draw_places(figure.add_subplot(grid[:, 0]), Z)

    mixture = np.sum(np.abs(Z) ** 2, axis=0)
    top = float(mixture.max()) or 1.0
    panels: list[Axes] = []
    extent = (0.0, len(x) / sample_rate, 0.0, sample_rate / 2000)
    for row in range(n_sources + 1):
        ax = figure.add_subplot(grid[row, 1], sharex=panels[0] if panels else None)
        panels.append(ax)
        if row == 0:
            power, title, colour = mixture, "mixture", DATA
        else:
            power = np.abs(coefficients(S[:, row - 1], transform.window_length)) ** 2
            title, colour = f"source {row}", _COLOURS[(row - 1) % len(_COLOURS)]
        image = _draw_power(ax, power / top, extent)
        ax.set_title(title, loc="left", fontsize=9, pad=3, color=colour, fontweight="bold")
        ax.tick_params(labelbottom=row == n_sources)
    panels[-1].set_xlabel("seconds", fontsize=9)
    panels[n_sources // 2].set_ylabel("kHz", fontsize=9)
    bar = figure.colorbar(image, ax=panels, fraction=0.025, pad=0.01, shrink=0.6)
    bar.set_label("dB below the mixture's peak", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_visible(False)
    return figure


def coefficients(signal: np.ndarray, length: int) -> np.ndarray:
    """Fourier coefficients (n_frequencies, n_columns) of windows spread evenly over a signal."""
    signal = np.pad(signal, (length // 2, length // 2))
    n_columns = min(_COLUMNS, 1 + 4 * (len(signal) - length) // length)
    starts = np.linspace(0, len(signal) - length, n_columns).astype(int)
    frames = signal[starts[:, None] + np.arange(length)] * np.hanning(length)
    return np.asarray(np.fft.rfft(frames, axis=1).T)


def draw_directions(ax: Axes, Z: np.ndarray, A: np.ndarray) -> None:
    """The largest coefficients Z of the first two channels, and a line for every column of A."""
    n_channels, n_sources = A.shape
    # One channel has no directions: its coefficients lie on a line.
    rows = [0, min(1, n_channels - 1)]
    pairs = Z[rows].reshape(2, -1)
    loudest = np.argsort(np.sum(np.abs(pairs) ** 2, axis=0))[-_DOTS // 2 :]
    points = np.concatenate([pairs[:, loudest].real, pairs[:, loudest].imag], axis=1)
    radii = np.linalg.norm(points, axis=0)
    points = points / np.sqrt(np.where(radii > 0, radii, 1.0))
    limit = 1.12 * (float(np.sqrt(radii.max())) or 1.0)
    ax.scatter(points[0], points[1], s=4, color=DATA, alpha=0.3, linewidths=0, rasterized=True)

    degrees = direction_degrees(A[rows])
    for j in range(n_sources):
        direction = A[rows, j] / (np.linalg.norm(A[rows, j]) or 1.0)
        colour = _COLOURS[j % len(_COLOURS)]
        ends = np.outer([-limit, limit], direction)
        label = f"source {j + 1}: {degrees[j]:.1f}°".replace("-", "−")
        ax.plot(*ends.T, color=colour, linewidth=1.6, label=label)
    ax.axhline(0, color=QUIET, linewidth=0.5, zorder=0)
    ax.axvline(0, color=QUIET, linewidth=0.5, zorder=0)
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=[], yticks=[])
    of = f" of {n_channels}" if n_channels > 2 else ""
    ax.set_xlabel("channel 1" + of, fontsize=9)
    ax.set_ylabel(f"channel {rows[1] + 1}", fontsize=9)
    quieten(ax)
    ax.set_title("coefficients of the mixture and directions", loc="left", fontsize=9, pad=3)
    _name_sources(ax, n_sources)


def draw_curves(ax: Axes, x: np.ndarray, values: np.ndarray, labels: Sequence[str]) -> None:
    """A curve for every source, its largest value marked."""
    for j, (curve, label) in enumerate(zip(values, labels, strict=True)):
        colour = _COLOURS[j % len(_COLOURS)]
        ax.plot(x, curve, color=colour, linewidth=1.2, label=label)
        ax.axvline(x[curve.argmax()], color=colour, linewidth=0.8, linestyle=":", zorder=0)
    # Most microphones are near each other: what is far beyond the largest delay is left out.
    most = 3 * float(np.abs(x[values.argmax(axis=1)]).max()) + 0.05 * float(x[-1])
    ax.set_xlim(-min(most, x[-1]), min(most, x[-1]))
    quieten(ax)
    _name_sources(ax, len(labels), below=-0.12)


def _name_sources(ax: Axes, n_sources: int, below: float = -0.08) -> None:
    ax.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, below),
        ncols=2 if n_sources in (2, 4) else 3,
        fontsize=8,
        frameon=False,
        handlelength=1.5,
        columnspacing=1.2,
    )


def _draw_power(
    ax: Axes, power: np.ndarray, extent: tuple[float, float, float, float]
) -> AxesImage:
    decibels = 10 * np.log10(np.maximum(power, 10 ** (-RANGE_DB / 10)))
    image = ax.imshow(
        decibels,
        origin="lower",
        aspect="auto",
        extent=extent,
        cmap="magma",
        vmin=-RANGE_DB,
        vmax=0,
        interpolation="antialiased",
    )
    quieten(ax)
    return image
