"""The one picture of the read-me and of the site's first page: ``python docs/picture.py`` (half a minute).

What is drawn is fitted here: three sources at two sensors, by FastICA and by `OvercompleteICA`; and features in trees,
by `OvercompleteICA` and the two autoencoders that find most of them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.decomposition import FastICA

from overica import OvercompleteICA
from overica.datasets import make_hierarchy
from overica.metrics import match_components, share_recovered
from overica.plots._style import DATA, LEARNED, QUIET, quieten
from overica.sae import BatchTopKSAE, MatryoshkaSAE

PICTURE = Path(__file__).parent / "_static" / "overcomplete.png"
FOUND = 0.9
"""|cos| from which a feature counts as found."""


def draw() -> Figure:
    """Three panels: what is heard, what FastICA and `OvercompleteICA` find in it, and features in trees."""
    figure = Figure(figsize=(10, 3.5), layout="constrained")
    ica, ours, trees = figure.subplots(1, 3, width_ratios=(1, 1, 1.25))
    rng = np.random.default_rng(0)
    angles = np.deg2rad([15, 80, 140])
    A = np.stack([np.cos(angles), np.sin(angles)])
    S = rng.laplace(size=(20_000, 3)) * (rng.random((20_000, 3)) < 0.4)
    X = S @ A.T + 0.02 * rng.standard_normal((20_000, 2))
    fastica = FastICA(2, whiten="unit-variance", random_state=0).fit(X)
    model = OvercompleteICA(3, random_state=0).fit(X)
    worst = np.degrees(np.arccos(match_components(model.mixing_, A).cosines.min()))
    _plane(ica, X, A, fastica.mixing_, "#D55E00")
    ica.set_title(
        "Three sources reach two sensors.\nFastICA has two directions to give", fontsize=10
    )
    _plane(ours, X, A, model.mixing_, LEARNED)
    ours.set_title(f"overica finds all three\n(off by {worst:.2f}° at most)", fontsize=10)
    _shares(trees)
    return figure


def _plane(ax: Axes, X: np.ndarray, truth: np.ndarray, found: np.ndarray, colour: str) -> None:
    quieten(ax)
    reach = float(np.quantile(np.linalg.norm(X, axis=1), 0.995))
    ax.scatter(*X[:5000].T, s=5, color=DATA, alpha=0.35, linewidths=0)
    for a in (truth / np.linalg.norm(truth, axis=0)).T:
        ax.plot(*np.outer(a, [-reach, reach]), color=QUIET, linewidth=1, zorder=0)
    for a in (found / np.linalg.norm(found, axis=0)).T:
        ax.annotate(
            "", 0.8 * reach * a, (0, 0),
            arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": 2.5, "mutation_scale": 16},
        )  # fmt: skip
    ax.set(
        xlim=(-reach, reach),
        ylim=(-reach, reach),
        aspect="equal",
        xlabel="sensor 1",
        ylabel="sensor 2",
        xticks=[],
        yticks=[],
    )


def _shares(ax: Axes) -> None:
    data = make_hierarchy(random_state=0)
    n_features, n_components = data.mixing.shape
    n_active = float((data.codes != 0).sum(axis=1).mean())
    learned = {
        "overica": OvercompleteICA(n_components, prior="exponential", random_state=0),
        "BatchTopK SAE": BatchTopKSAE(n_components, n_active=n_active, random_state=0),
        "Matryoshka SAE": MatryoshkaSAE(n_components, n_active=n_active, random_state=0),
    }
    found = {name: model.fit(data.X).mixing_ for name, model in learned.items()}
    found["random directions"] = np.random.default_rng(1).standard_normal(data.mixing.shape)
    shares = {name: share_recovered(A, data.mixing, threshold=FOUND) for name, A in found.items()}
    quieten(ax)
    places = np.arange(len(shares))[::-1]
    ax.barh(places, list(shares.values()), color=[LEARNED, DATA, DATA, QUIET], height=0.62)
    for place, (name, share) in zip(places, shares.items(), strict=True):
        ax.text(share + 0.015, place, f"{name}, {share:.0%}", va="center", fontsize=9)
    ax.set(xlim=(0, 1.25), xticks=[], yticks=[])
    ax.set_title(
        f"{n_components} features in trees, {n_features} dimensions:\nfeatures found (cosine above {FOUND:.1f})",
        fontsize=10,
    )


if __name__ == "__main__":
    PICTURE.parent.mkdir(exist_ok=True)
    draw().savefig(PICTURE, dpi=160, facecolor="white")
    print(PICTURE)
