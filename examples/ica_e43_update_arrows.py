"""E4.3. The update as arrows: every sample's, and their mean, in all three rules.

**The post** drew what every data point asks of every column, before and after normalising by (AAᵀ)⁻¹. Before, arrows
were no smaller near the truth; after, they were, and the loss was smooth, but columns died all the same.

**We see** (thin arrows: samples, coloured by their codes as in the post; black: the mean) that turning is not the
problem: near the truth all three rules turn columns the right way. Lengths are. Where one column is longer than the
others, the paper's rule makes it longer still, and (AAᵀ)⁻¹ changes the size of the steps, not that: dragged along by
the columns it shares samples with, the long one grows and the short ones fade, which is where the first one dies.

**What now works:** in the evidence rule every sample answers for its own active columns alone. It shortens what is long
and lengthens what is short, and what it asks for in length vanishes with the error.
"""

import numpy as np
from experiment import Outcome, command, spread
from matplotlib.colors import to_rgb
from plane import (
    COLOURS,
    NAMES,
    POINTS,
    arrows,
    band,
    cloud,
    label,
    panels,
    rays,
    regular_star,
    resting_length,
    symmetric_samples,
    turned,
)  # fmt: skip

from overica.learning import Model, contributions, direction, infer
from overica.plots._style import QUIET
from overica.priors import Exponential

RULES = ("natural", "inverse", "evidence")
STATES = {"turn": "columns turned by 15°", "length": "upper column too long"}
AMOUNTS = (1, 2, 5, 10, 20)
PRIOR, A = Exponential(), regular_star()


def disturbed(kind: str, length: float, amount: float, seed: int) -> np.ndarray:
    """Columns turned by so many degrees, or longer and shorter by so many percent."""
    rng = np.random.default_rng(seed)
    if kind == "turn":
        return turned(rng, length * A, amount)
    uneven = rng.standard_normal(3)
    return length * A * np.exp(amount / 100 * (uneven - uneven.mean()))


def agreement(kind: str, B: np.ndarray, change: np.ndarray, wanted: np.ndarray) -> float:
    """Cosine between the change asked for and the one needed: across the columns, or along them."""
    unit = B / np.linalg.norm(B, axis=0)
    axis = np.stack([-unit[1], unit[0]]) if kind == "turn" else unit
    asked, needed = (axis * change).sum(axis=0), (axis * wanted).sum(axis=0)
    return float(asked @ needed / np.linalg.norm(asked) / np.linalg.norm(needed))


def run(full: bool) -> Outcome:
    n_samples, seeds = (2000, 12) if full else (1000, 8)
    X = symmetric_samples(A, n_samples)
    penalty = 0.01 * np.sqrt(2) * X.std()
    layout = [[f"{rule} {kind}" for rule in RULES] + [kind] for kind in STATES]
    figure, axes = panels(layout, 5.4, width_ratios=[1, 1, 1, 1.25])
    measured, lowest, highest = {}, {}, {}
    for rule in RULES:
        length = resting_length(rule, A, X, penalty)
        for kind, title in STATES.items():
            angles = np.deg2rad(90 + 120 * np.arange(3) + 15 * np.array([1, -1, 1]))
            turn = np.stack([np.cos(angles), np.sin(angles)])
            B = length * (turn if kind == "turn" else A * [1.5, 0.8, 0.8])
            model, ax = Model(B, PRIOR, penalty), axes[f"{rule} {kind}"]
            few = X[:: len(X) // 24]
            codes = infer(model, few).codes * np.linalg.norm(B, axis=0)
            shares = codes / np.maximum(codes.sum(axis=1, keepdims=True), 1e-9)
            colors = shares @ [to_rgb(color) for color in POINTS]
            asked, mean = contributions(rule, model, few), direction(rule, model, X)
            cloud(ax, X[::60] / 3, f"{NAMES[rule]}" if kind == "turn" else "", limit=2.1)
            rays(ax, A)
            shown = B / length
            arrows(ax, shown, QUIET)
            for j in range(3):
                own = asked[:, :, j].T * 0.9 / np.linalg.norm(asked, axis=1).max()
                arrows(ax, own, colors, shown[:, [j]], width=0.007)
            arrows(ax, mean * 0.6 / np.linalg.norm(mean, axis=0).max(), "k", shown, width=0.014)
            if rule == "natural":
                ax.set_ylabel(title, fontsize=9)
            course = np.empty((seeds, len(AMOUNTS)))
            for seed, k in np.ndindex(course.shape):
                B = disturbed(kind, length, AMOUNTS[k], seed)
                change = direction(rule, Model(B, PRIOR, penalty), X)
                course[seed, k] = agreement(kind, B, change, length * A - B)
            band(axes[kind], AMOUNTS, course, COLOURS[rule], label=NAMES[rule])
            middle = course[:, 2:4]
            lowest[rule, kind], highest[rule, kind] = (
                middle.min(),
                middle.mean(axis=0).max(),
            )
            measured[f"{NAMES[rule]}, {kind} asked against needed, at 5 and 10 {'°' if kind == 'turn' else '%'}"] = (
                spread(middle.ravel(), 2))  # fmt: skip
    for kind, unit in (("turn", "turned by, degrees"), ("length", "lengths off by, percent")):
        axes[kind].axhline(0, color=QUIET, linewidth=0.8)
        axes[kind].set(xscale="log", ylim=(-1.05, 1.05))
        axes[kind].set_xticks(AMOUNTS, AMOUNTS)
        axes[kind].minorticks_off()
        label(axes[kind], f"{kind}: asked against needed", unit, "cosine")
    axes["length"].legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(0, 0.62))
    return Outcome(figure, measured, {
        "Near the truth all three rules turn columns the right way": min(lowest[r, "turn"] for r in RULES) > 0.8,
        "The paper's rule makes long columns longer": highest["natural", "length"] < -0.3,
        "So does the rule with (AAᵀ)⁻¹": highest["inverse", "length"] < -0.3,
        "The evidence rule evens lengths out": lowest["evidence", "length"] > 0.8,
    })  # fmt: skip


if __name__ == "__main__":
    command(run)
