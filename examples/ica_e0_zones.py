"""Zones of a ReLU encoder and zones of MAP inference.

**The post** drew six features in a plane as a hexagon and the zones in which a ReLU encoder has each of them active:
wedges that overlap only between neighbours, so that of the fifteen pairs only six can be told, and nothing with three.

**We see** that picture, and beside it the zones of the exact MAP code: cones between neighbouring columns with two
active in each, and the columns themselves. In the plane MAP tells the same six pairs, and nobody can do better there:
the sum of two that are not neighbours is a shorter way along what lies between. More dimensions set them apart. With 32
features in 16 dimensions no threshold of an encoder tells the support even of a single feature, since a strong one
passes its neighbours' thresholds too. A trained autoencoder is better the fewer are active, and MAP far better.

**What now works**: `OvercompleteICA.transform`, or `overica.inference.solve` for codes of any dictionary, an
autoencoder's too.
"""

from itertools import combinations

import numpy as np
from experiment import Outcome, command, spread
from matplotlib.colors import ListedColormap
from plane import arrows, label, panels, regular_star

from overica.coding import SparseCoder
from overica.datasets import make_sparse_random
from overica.plots._style import DATA, LEARNED, TRUE
from overica.sae import ReLUSAE

ZONES = ListedColormap(["#FFFFFF", "#BFE0F2", "#56B4E9", "#E69F00", "#D55E00"])
LEVELS = np.geomspace(0.005, 1.5, 16)


def map_codes(A: np.ndarray, X: np.ndarray, penalty: float) -> np.ndarray:
    """Exact non-negative codes, ``argmin_s>=0 |x - A s|^2 / 2 + penalty sum s``."""
    return SparseCoder(A.T, penalty=penalty, nonnegative=True).transform(X)


def relu_codes(A: np.ndarray, X: np.ndarray, threshold: float) -> np.ndarray:
    """A ReLU encoder that reads along the features and has to pass a threshold."""
    return np.maximum(X @ A - threshold, 0)


def f1(codes: np.ndarray, truth: np.ndarray) -> float:
    """F1 of the supports, over all samples."""
    fired, true = codes > 1e-9, truth > 0
    return float(2 * (fired & true).sum() / (fired.sum() + true.sum()))


def best_f1(encode, A: np.ndarray, X: np.ndarray, S: np.ndarray) -> float:
    """F1 at the threshold or penalty that is best by the truth."""
    return max(f1(encode(A, X, level), S) for level in LEVELS)


def told_pairs(A: np.ndarray, encode) -> int:
    """Pairs of features whose sum has exactly these two active."""
    pairs = list(combinations(range(A.shape[1]), 2))
    codes = encode(np.array([A[:, i] + A[:, j] for i, j in pairs]))
    return sum(set(np.flatnonzero(s > 1e-9)) == set(p) for s, p in zip(codes, pairs, strict=True))


def zones(ax, A: np.ndarray, encode, title: str) -> None:
    """Number of active features over the plane, with the borders of the active sets."""
    side = np.linspace(-1.6, 1.6, 321)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    active = (encode(grid) > 1e-9).reshape(side.size, side.size, -1)
    ax.pcolormesh(side, side, active.sum(axis=2), cmap=ZONES, vmin=-0.5, vmax=4.5, rasterized=True)
    for j in range(A.shape[1]):
        ax.contour(side, side, active[..., j], [0.5], colors="#333333", linewidths=0.7)
    arrows(ax, A, "black", width=0.014)
    ax.set(aspect="equal", xticks=[], yticks=[])
    label(ax, title)


def run(full: bool) -> Outcome:
    seeds, n_samples = (range(5), 4000) if full else (range(1), 1000)
    A = regular_star(6)
    encoders = {"relu": lambda X: relu_codes(A, X, 0.55), "map": lambda X: map_codes(A, X, 0.05)}
    figure, axes = panels([["relu", "map", "supports"]], 3.6, width_ratios=[1, 1, 1.1])
    zones(axes["relu"], A, encoders["relu"], "ReLU encoder")
    zones(axes["map"], A, encoders["map"], "MAP inference")
    for name, color in zip(range(4), ZONES.colors, strict=False):
        axes["map"].plot([], [], "s", color=color, mec="#333333", mew=0.5, label=f"{name} active")
    axes["map"].legend(fontsize=7, loc="upper left", frameon=True, handletextpad=0.2, borderpad=0.3)
    actives = (1, 2, 3, 4, 6, 8) if full else (1, 3, 6)
    ways = {
        "encoder, best threshold": DATA,
        "trained ReLU autoencoder": TRUE,
        "MAP, best penalty": LEARNED,
    }
    scores = {way: np.zeros((len(actives), len(seeds))) for way in ways}
    for row, k in enumerate(actives):
        for column, seed in enumerate(seeds):
            data = make_sparse_random(n_samples, 16, 32, k, random_state=seed)
            sae = ReLUSAE(32, n_active=k, n_steps=3000 if full else 300, random_state=seed).fit(
                data.X
            )
            learned = sae.transform(data.X)
            # The autoencoder's own features may be others; its supports are judged on the best matched ones.
            pairing = np.argmax(sae.components_ @ data.mixing, axis=0)
            found = (
                best_f1(relu_codes, data.mixing, data.X[:1000], data.codes[:1000]),
                f1(learned[:, pairing], data.codes),
                best_f1(map_codes, data.mixing, data.X[:1000], data.codes[:1000]),
            )
            for way, score in zip(ways, found, strict=True):
                scores[way][row, column] = score
    for way, color in ways.items():
        axes["supports"].plot(
            actives, scores[way].mean(axis=1), "o-", color=color, label=way, markersize=4
        )
    label(
        axes["supports"],
        "32 features in 16 dimensions",
        "features active in a sample",
        "F1 of the supports",
    )
    axes["supports"].set_ylim(0, 1.02)
    axes["supports"].legend(fontsize=8, frameon=False)
    pairs = {name: told_pairs(A, encode) for name, encode in encoders.items()}
    measured = {f"pairs of 15 told by the {name}": str(n) for name, n in pairs.items()}
    for way, figures in scores.items():
        for k, row in zip(actives, figures, strict=True):
            measured[f"F1 with {k} active, {way}"] = spread(row)
    lowest = {way: figures.min(axis=1) for way, figures in scores.items()}
    highest = {way: figures.max(axis=1) for way, figures in scores.items()}
    encoder, trained, exact = ways
    return Outcome(figure, measured, {
        "In the plane the encoder tells the six pairs of neighbours": pairs["relu"] == 6,
        "MAP tells the same six": pairs["map"] == 6,
        "In sixteen dimensions MAP is ahead of any threshold": (lowest[exact] > highest[encoder]).all(),
        "A trained autoencoder is behind MAP": (lowest[exact] > highest[trained]).all(),
    })  # fmt: skip


if __name__ == "__main__":
    command(run)
