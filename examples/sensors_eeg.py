"""EEG: blinks, hum, and more sources than electrodes.

**The posts** and papers on cleaning EEG by ICA (Makeig and others 1996; Jung and others 2000; Lee, Girolami and
Sejnowski 1999 for hum, which is sub-Gaussian) take as many components as channels. Once the average has been subtracted
samples have a dimension less, which their tools must be told.

**We see**, in recordings of dipoles whose courses are known, against the average: where there are no more sources than
dimensions, overica, FastICA and Picard find the same, nearly all of them, blinks and 50 Hz hum included. With half as
many sources again as channels, each on for a quarter of the time, the two can give no more topographies than there are
dimensions, and half of the true ones are among them; the sparse model has nearly all. Hum is never off: left in, it
costs the sparse model a quarter of the others, and a warning says so; after a notch all is well. Sources that are
always on must not be many more than dimensions: of 20 in 16 channels it finds more than the others, of 24 two thirds.

**What now works**: `OvercompleteICA()` takes as many components as dimensions, whatever was referenced, and sources of
any shape. `OvercompleteICA(n)` with more takes sources to be sparse: take hum out first.
"""

import time
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import product

import numpy as np
from experiment import Outcome, command, spread
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from plane import label, panels, strip
from scalp import BLINK, HUM, RATE, Recording, record, topography
from sklearn.decomposition import FastICA

from overica import OvercompleteICA
from overica.plots._style import DATA, LEARNED

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


METHODS = {"overica": overica, "FastICA": fastica} | (
    {"Picard": picard} if find_spec("picard") else {}
)
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

    def figures(self, cell: Cell) -> dict[str, float]:
        """What is kept of it."""
        nearest = self.cosines.max(axis=1)
        found = {"found": float((nearest > FOUND).mean()), "mean cosine": float(nearest.mean())}
        if cell.wanted is None:
            found["crosstalk"] = self.crosstalk
        for source, name in ((BLINK, "blinks"), (HUM, "hum"))[: 1 if cell.notch else 2]:
            found[name] = abs(self.component(source)[1])
        return found | {"CPU s": self.seconds, "warned": float(self.warned)}


def traces(ax: Axes, found: Found) -> None:
    """Some channels around a blink, and below them the courses of blinks and hum as they were found."""
    recording = found.recording
    first = int(recording.sources[RATE:, BLINK].argmax())
    shown = slice(first, first + 3 * RATE)
    rows = [
        (recording.X[:, channel], DATA) for channel in recording.electrodes[:, 1].argsort()[::-4]
    ]
    for source in (BLINK, HUM):
        j, correlation = found.component(source)
        rows.append((np.sign(correlation) * found.courses[:, j], LEARNED))
    seconds = np.arange(3 * RATE) / RATE
    for row, (course, color) in enumerate(rows):
        height = 0.8 / np.ptp(course[shown])
        ax.plot(seconds, height * course[shown] - row, color=color, linewidth=0.6)
    n = len(rows)
    ax.set_yticks([1.5 - n / 2, 2 - n, 1 - n], ["channels", "blinks", "hum"], fontsize=8)
    label(ax, "three seconds, and what was found", x="seconds")


def picture(shares: dict[tuple[str, str], np.ndarray], found: Found) -> Figure:
    """Recording, topographies, and what is found by whom."""
    above, below = (
        ["traces", f"{which}blinks", f"{which}hum", "shares"] for which in ("", "true ")
    )
    figure, axes = panels([above, below], 4.6, width_ratios=[1.5, 0.8, 0.8, 1.5])
    traces(axes["traces"], found)
    for source, name in ((BLINK, "blinks"), (HUM, "hum")):
        j, correlation = found.component(source)
        columns = {"": np.sign(correlation) * found.mixing[:, j]}
        columns["true "] = found.recording.mixing[:, source]
        for which, column in columns.items():
            topography(axes[which + name], found.recording, column)
            label(axes[which + name], f"{name}, {which or 'found'}")
    names = list(dict.fromkeys(name for name, _ in shares))
    ax = axes["shares"]
    for (name, method), values in shares.items():
        row = -names.index(name) - 0.25 * list(METHODS).index(method)
        strip(ax, row, 100 * values, COLOURS[method])
    for place, method in enumerate(METHODS):
        spot = {"x": 0.02, "y": 0.97 - 0.05 * place, "va": "top", "transform": ax.transAxes}
        ax.text(s=method, color=COLOURS[method], fontsize=9, **spot)
    ax.set_yticks([-k - 0.25 for k in range(len(names))], names, fontsize=8)
    label(ax, "topographies found, %")
    return figure


def run(full: bool) -> Outcome:
    seeds = range(3) if full else range(1)
    cells = [*SQUARE, *MORE, LEFT_IN, *ALWAYS_ON] if full else [SQUARE[0], MORE[0], LEFT_IN]
    every: dict[tuple[str, str], dict[str, np.ndarray]] = {}
    measured = {}
    for cell, method in product(cells, METHODS):
        rows = [Found.by(method, cell, seed).figures(cell) for seed in seeds]
        table = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        every[cell.name, method] = table
        words = [f"found {100 * table['found'].mean():.0f} %"]
        words += [
            f"{name} {spread(table[name], digits)}"
            for name, digits in {"mean cosine": 3, "crosstalk": 4, "blinks": 3, "hum": 3}.items()
            if name in table
        ]
        measured[f"{cell.name}: {method}"] = ", ".join(
            [*words, f"{table['CPU s'].mean():.1f} CPU s"]
        )

    def of(group: list[Cell], name: str, *methods: str) -> np.ndarray:
        there = [
            every[cell.name, method][name] for cell in group if cell in cells for method in methods
        ]
        return np.concatenate(there)

    peers = [method for method in METHODS if method != "overica"]
    courses = np.concatenate([of(SQUARE, name, "overica") for name in ("blinks", "hum")])
    left_in = of([LEFT_IN], "found", "overica")
    claims = {
        "One source for every dimension: blinks and hum are found, with courses that correlate by .9 or more":
            courses.min() > 0.9,
        "Half as many again as channels: ICA finds nine topographies of ten in every recording":
            of(MORE, "found", "overica").min() > 0.9,
        "There FastICA and Picard find less than three quarters in any": of(MORE, "found", *peers).max() < 0.75,
        "Where hum was left in, ICA says that something is not sparse": of([LEFT_IN], "warned", "overica").all(),
        "And it finds fewer": left_in.mean() < of(MORE[:1], "found", "overica").mean(),
    }  # fmt: skip
    if full:
        many = of(ALWAYS_ON[1:], "found", *METHODS).max()
        claims["24 sources that are always on are too many for 16 channels"] = many < 0.9
    shares = {key: table["found"] for key, table in every.items()}
    return Outcome(picture(shares, Found.by("overica", cells[0], 0)), measured, claims)


if __name__ == "__main__":
    command(run)
