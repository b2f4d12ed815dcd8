"""EEG: blinks, hum, and more sources than electrodes.

**The posts** and papers on cleaning EEG by ICA (Makeig and others 1996; Jung and others 2000; Lee, Girolami and Sejnowski
1999 for hum, which is sub-Gaussian) take as many components as channels. Once the average has been subtracted samples
have a dimension less, which their tools must be told.

**We see**
TODO

**What now works**: `OvercompleteICA()` takes as many components as dimensions, whatever was referenced, and sources of any
shape. `OvercompleteICA(n)` with more takes sources to be sparse: take hum out first.
"""

import time
import warnings
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from experiment import Outcome, command, spread
from matplotlib.axes import Axes
from plane import label, panels, strip
from scalp import BLINK, HUM, RATE, Recording, record
from sklearn.decomposition import FastICA

from overica import OvercompleteICA
from overica.plots._style import DATA, LEARNED, TRUE

FOUND = 0.95
"""Cosine from which on a topography is found."""


@dataclass(frozen=True)
class Cell:
    """Recordings of one kind."""

    n_channels: int
    n_sources: int
    presence: float = 1.0
    notch: bool = False

    @property
    def wanted(self) -> int | None:
        """Components; None for as many as dimensions."""
        return None if self.n_sources < self.n_channels else self.n_sources - self.notch

    @property
    def name(self) -> str:
        """What tells it from others."""
        on = "" if self.presence == 1 else f", on {100 * self.presence:.0f} %"
        return f"{self.n_sources} in {self.n_channels}{on}{', notch' if self.notch else ''}"

    def record(self, seed: int) -> Recording:
        """Two minutes, four of more sources than channels."""
        seconds = 120 if self.wanted is None else 240
        found = record(self.n_channels, self.n_sources, seconds, self.presence, seed)
        return found.notched() if self.notch else found


SQUARE = [Cell(n, n - 1) for n in (16, 32, 64)]
MORE = [Cell(n, 3 * n // 2, 0.25, notch=True) for n in (16, 32, 64)]
LEFT_IN = Cell(16, 24, 0.25)
ALWAYS_ON = [Cell(16, n, notch=True) for n in (20, 24)]


def overica(X: np.ndarray, n: int | None, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Topographies and courses."""
    ica = OvercompleteICA(n, random_state=seed).fit(X)
    return ica.mixing_, ica.transform(X)


def fastica(X: np.ndarray, n: int | None, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """As many as dimensions, which it must be told."""
    fast = FastICA(X.shape[1] - 1, whiten="unit-variance", random_state=seed, max_iter=500).fit(X)
    return fast.mixing_, fast.transform(X)


def picard(X: np.ndarray, n: int | None, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Extended infomax; as many as dimensions, which it must be told."""
    from picard import picard as solve

    told = {"n_components": X.shape[1] - 1, "ortho": False, "extended": True, "max_iter": 500}
    K, W, S = solve(X.T, **told, random_state=seed)
    return np.linalg.pinv(W @ K), S.T


METHODS = {"overica": overica, "FastICA": fastica} | ({"Picard": picard} if find_spec("picard") else {})
COLOURS = {"overica": LEARNED, "FastICA": "#CC79A7", "Picard": "#009E73"}


@dataclass(frozen=True, eq=False)
class Found:
    """What a method makes of a recording."""

    recording: Recording
    mixing: np.ndarray
    courses: np.ndarray
    seconds: float
    """Of one CPU."""
    warned: bool
    """Of sources that are not sparse."""

    @classmethod
    def by(cls, method: str, cell: Cell, seed: int) -> "Found":
        """Of the recording of that seed."""
        recording = cell.record(seed)
        start = time.process_time()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            mixing, courses = METHODS[method](recording.X, cell.wanted, seed)
        warned = any("sub-Gaussian" in str(each.message) for each in caught)
        return cls(recording, mixing, courses, time.process_time() - start, warned)

    @property
    def cosines(self) -> np.ndarray:
        """Of true topographies and learned ones, (n_sources, n_components)."""
        return np.abs(self.recording.mixing.T @ (self.mixing / np.linalg.norm(self.mixing, axis=0)))

    @property
    def share(self) -> float:
        """Of the sources, those that are found."""
        return float((self.cosines.max(axis=1) > FOUND).mean())

    @property
    def crosstalk(self) -> float:
        """The distance of Amari, Cichocki and Yang (1996), unmixing times mixing from a scaled permutation."""
        P = np.abs(np.linalg.pinv(self.mixing) @ self.recording.mixing)
        excess = sum((P.sum(axis=k) / P.max(axis=k) - 1).sum() for k in (0, 1))
        return float(excess / (2 * len(P) * (len(P) - 1)))

    def component(self, source: int) -> tuple[int, float]:
        """Which one is nearest to a source, and the correlation of their courses; zero of one that is never on."""
        j = int(self.cosines[source].argmax())
        course, true = self.courses[:, j], self.recording.sources[:, source]
        return j, float(np.corrcoef(course, true)[0, 1]) if course.any() else 0.0


def traces(ax: Axes, found: Found) -> None:
    """Some channels around a blink, and below them the courses of blinks and hum as they were found."""
    recording = found.recording
    first = int(recording.sources[RATE:, BLINK].argmax())
    shown = slice(first, first + 3 * RATE)
    rows = [(recording.X[:, channel], DATA) for channel in recording.electrodes[:, 1].argsort()[::-4]]
    for source in (BLINK, HUM):
        j, correlation = found.component(source)
        rows.append((np.sign(correlation) * found.courses[:, j], LEARNED))
    for row, (course, color) in enumerate(rows):
        height = 0.8 / np.ptp(course[shown])
        ax.plot(np.arange(3 * RATE) / RATE, height * course[shown] - row, color=color, linewidth=0.6)
    n = len(rows)
    ax.set_yticks([1.5 - n / 2, 2 - n, 1 - n], ["channels", "blinks", "hum"], fontsize=8)
    label(ax, "three seconds, and what was found", x="seconds")


def topography(ax: Axes, recording: Recording, column: np.ndarray, title: str) -> None:
    """A column on the scalp, seen from above, the nose on top."""
    x, y, z = recording.electrodes.T
    stretch = np.arccos(np.clip(z, 0, 1)) / np.maximum(np.hypot(x, y), 1e-9)
    limit = np.abs(column).max()
    ax.scatter(x * stretch, y * stretch, c=column, s=70, cmap="RdBu_r", vmin=-limit, vmax=limit, edgecolors=DATA, linewidths=0.4)
    ax.set(aspect="equal", xticks=[], yticks=[], xlim=(-1.8, 1.8), ylim=(-1.8, 1.8))
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    label(ax, title)


def picture(shares: dict[tuple[str, str], list[float]], found: Found):
    """Recording, topographies, and what is found by whom."""
    layout = [["traces", "blinks", "hum", "shares"], ["traces", "true blinks", "true hum", "shares"]]
    figure, axes = panels(layout, 4.6, width_ratios=[1.5, 0.8, 0.8, 1.5])
    traces(axes["traces"], found)
    for source, name in ((BLINK, "blinks"), (HUM, "hum")):
        j, correlation = found.component(source)
        topography(axes[name], found.recording, np.sign(correlation) * found.mixing[:, j], f"{name}, found")
        topography(axes[f"true {name}"], found.recording, found.recording.mixing[:, source], f"{name}, true")
    names = list(dict.fromkeys(name for name, _ in shares))
    for (name, method), values in shares.items():
        row = -names.index(name) - 0.25 * list(METHODS).index(method)
        strip(axes["shares"], row, 100 * np.array(values), COLOURS[method])
    for place, method in enumerate(METHODS):
        axes["shares"].text(0.02, 0.97 - 0.05 * place, method, color=COLOURS[method], fontsize=9, transform=axes["shares"].transAxes, va="top")
    axes["shares"].set_yticks([-k - 0.25 for k in range(len(names))], names, fontsize=8)
    label(axes["shares"], "topographies found, %")
    return figure


def run(full: bool) -> Outcome:
    seeds = range(3) if full else range(1)
    cells = [*SQUARE, *MORE, LEFT_IN, *ALWAYS_ON] if full else [SQUARE[0], MORE[0], LEFT_IN]
    every = {
        (cell, method): [Found.by(method, cell, seed) for seed in seeds]
        for cell in cells for method in METHODS
    }  # fmt: skip
    measured, shares = {}, {}
    for cell in cells:
        for method in METHODS:
            found = every[cell, method]
            shares[cell.name, method] = [each.share for each in found]
            figures = [f"found {100 * np.mean(shares[cell.name, method]):.0f} %"]
            figures += [f"mean cosine {spread(each.cosines.max(axis=1).mean() for each in found)}"]
            if cell in SQUARE:
                figures.append(f"crosstalk {spread((each.crosstalk for each in found), 4)}")
            for source, name in ((BLINK, "blinks"), (HUM, "hum"))[: 1 if cell.notch else 2]:
                figures.append(f"{name} {spread(abs(each.component(source)[1]) for each in found)}")
            figures.append(f"{np.mean([each.seconds for each in found]):.1f} CPU s")
            measured[f"{cell.name}: {method}"] = ", ".join(figures)

    def shares_of(group: list[Cell], *methods: str) -> list[float]:
        return [share for cell in group if cell in cells for method in methods for share in shares[cell.name, method]]

    square = [each for cell in SQUARE if cell in cells for each in every[cell, "overica"]]
    courses = [abs(each.component(source)[1]) for each in square for source in (BLINK, HUM)]
    peers = [method for method in METHODS if method != "overica"]
    claims = {
        "one source for every dimension: blinks and hum are found, their courses with a correlation above .95": min(courses) > 0.95,
        "half as many sources again as channels: ICA finds nine topographies of ten in every recording": min(shares_of(MORE, "overica")) > 0.9,
        "FastICA and Picard find less than four fifths of them in any": max(shares_of(MORE, *peers)) < 0.8,
        "where hum was left in, ICA says that something is not sparse, and finds fewer": all(each.warned for each in every[LEFT_IN, "overica"]) and np.mean(shares[LEFT_IN.name, "overica"]) < np.mean(shares[MORE[0].name, "overica"]),
    }
    if full:
        claims["24 sources that are always on are too many for 16 channels, for all methods"] = max(shares_of(ALWAYS_ON[1:], *METHODS)) < 0.9
    return Outcome(picture(shares, every[cells[0], "overica"][0]), measured, claims)


if __name__ == "__main__":
    command(run)
