"""One pair of features that hardly ever occur apart.

**The post** expected autoencoders to find true features when sets are large, and asked what becomes of two features,
one of each set, that are strongly correlated; its readers wanted to zoom in on the two, since metrics averaged over
all features would not show them.

**We see** the pair's own cosines (left) beside those of all other features (right), for two sets of five in five
dimensions. The others are found whatever the pair does, so an average over all would hide what happens. The L1
autoencoder keeps the two apart as long as they are seen apart now and then. TopK joins them in most runs, and ICA,
whose model has the two independent, mixes them more the stronger they are correlated. At a correlation of one they
are never seen apart, and all methods spend one direction on their sum in most runs.

**What now works**: an L1 penalty, if rare samples have one of the two alone. ICA is the wrong model of such a pair.
Where there are no such samples, nothing here finds the two.
"""

import numpy as np
from composed import COLORS, larger_methods
from experiment import Outcome, command, spread
from matplotlib.figure import Figure

from overica.datasets import make_composed
from overica.metrics import chance_level, match_components
from overica.plots._style import DATA, QUIET, quieten

SIZE = 5


def run(full: bool) -> Outcome:
    levels = (0.0, 0.8, 0.95, 1.0) if full else (0.0, 0.8, 1.0)
    pair: dict[str, np.ndarray] = {}
    others: dict[str, np.ndarray] = {}
    n_seeds = 2 if full else 1
    for name in COLORS:
        pair[name], others[name] = (
            np.empty((len(levels), n_seeds)),
            np.empty((len(levels), n_seeds)),
        )
    for row, level in enumerate(levels):
        for seed in range(n_seeds):
            data = make_composed(
                6000,
                SIZE,
                set_size=SIZE,
                pair_correlation=level,
                n_steps=1200 if full else 1000,
                random_state=seed,
            )
            for name, method in larger_methods(2 * SIZE, 2, 1000 if full else 800, seed).items():
                matching = match_components(
                    method.fit(data.X).mixing_, data.mixing, nonnegative=True
                )
                of_pair = np.isin(matching.true_index, (0, SIZE))
                pair[name][row, seed] = matching.cosines[of_pair].mean()
                others[name][row, seed] = matching.cosines[~of_pair].mean()
    chance = chance_level(
        "mean_cosine", SIZE, 2 * SIZE, 2 * SIZE, nonnegative=True, random_state=0
    ).mean
    figure = Figure(figsize=(10, 4), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for ax, values, title in zip(
        panels, (pair, others), ("the correlated pair", "all other features"), strict=True
    ):
        for shift, (name, color) in enumerate(COLORS.items()):
            places = np.arange(len(levels)) + 0.12 * (shift - 1)
            ax.plot(places, values[name].mean(axis=1), color=color, linewidth=1.2)
            ax.plot(places, values[name], "o", color=color, ms=6, alpha=0.8)
            ax.plot([], [], "o-", color=color, label=name)
        for level, text in ((np.sqrt(0.5), "composed"), (chance, "chance")):
            ax.axhline(level, color=QUIET, linestyle="--", linewidth=1, zorder=0)
            ax.annotate(text, (-0.45, level), fontsize=8, va="top", color=DATA)
        ax.set(
            title=title,
            xlabel="correlation of the pair",
            xticks=range(len(levels)),
            ylim=(0, 1.03),
            xlim=(-0.5, len(levels) - 0.5),
        )
        ax.set_xticklabels([f"{level:g}" for level in levels])
        quieten(ax)
    panels[0].set_ylabel("mean cosine with the true feature")
    panels[1].legend(fontsize=9, frameon=False, loc="center right")
    measured = {
        f"correlation {level:g}: cosine of the pair (of the others)": "; ".join(
            f"{name} {spread(pair[name][row])} ({others[name][row].mean():.3f})" for name in COLORS
        )
        for row, level in enumerate(levels)
    } | {"chance": f"{chance:.2f}"}
    at = levels.index(0.8)
    return Outcome(figure, measured, {
        "at a correlation of .8 the L1 autoencoder keeps the pair apart (cosine above .95)":
            pair["L1 autoencoder"][at].min() > 0.95,
        "there ICA does not": pair["ICA"][at].max() < 0.95,
        "the other features do not suffer (above .85)": all(others[name].min() > 0.85 for name in COLORS),
        "of a pair that is never seen apart every method loses something (.05 or more)": all(
            pair[name][-1].mean() < pair[name][0].mean() - 0.05 for name in COLORS
        ),
    })  # fmt: skip


if __name__ == "__main__":
    command(run)
