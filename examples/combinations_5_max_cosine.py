"""Largest cosines of learned columns, beside random directions

**The post's** comments show, for an autoencoder on a language model, the largest cosine of each feature with another
one, the 10th and the 100th largest: all much larger than between random directions. Is that a sign of combinations?

**We see** that it can be: the true directions are random in both sets here. Where features come in trees, the columns
of L1 crowd: they are combinations. Those of BatchTopK, and of ICA that takes trees apart, keep about the distance of
random directions; where features fire independently, all do, as the truth does.

**What now works:** read the histogram beside that of the same method on independent features; alone it does not tell
dependent features from a method's own preference.
"""

import numpy as np
from combined import METHODS, learn
from experiment import Outcome, command
from matplotlib.figure import Figure

from overica.datasets import make_hierarchy, make_mixture
from overica.metrics import cosine_matrix, max_cosine_histogram
from overica.plots._style import QUIET, TRUE, quieten

KINDS = ("relu", "batchtopk", "ica")


def ranked(A: np.ndarray, rank: int) -> np.ndarray:
    """The cosine of every column with its rank-th nearest other column."""
    cosines = cosine_matrix(A, A)
    np.fill_diagonal(cosines, -2.0)
    return np.sort(cosines, axis=1)[:, -rank]


def run(full: bool) -> Outcome:
    """All methods on a set of trees and on an independent one, at the true number of columns."""
    d, width, ranks = 32, 128, (1, 10, 100)
    steps, n = 2000 if full else 600, 20_000
    trees = make_hierarchy(n, d, width, n_trees=4, depth=3, random_state=0)
    single = make_mixture(n, d, width, "sparse_exponential", n_active=3, random_state=0)
    sets = {"trees": trees, "independent": single}

    figure = Figure(figsize=(10, 5), layout="constrained")
    axes = figure.subplots(2, 3, sharex=True)
    rng = np.random.default_rng(0)
    measured, median, floor = {}, {}, {}
    random = rng.standard_normal((d, width))
    for row, (kind, data) in zip(axes, sets.items(), strict=True):
        active = float((data.codes > 0).sum(axis=1).mean())
        learned = {"truth": data.mixing}
        for name in KINDS:
            how = {} if name == "ica" else {"n_active": active, "n_steps": steps}
            learned[name] = learn(name, data.X, width, 0, **how).mixing_
        for ax, rank in zip(row, ranks, strict=True):
            for name, A in learned.items():
                label, colour = METHODS.get(name, ("true directions", TRUE))
                found = max_cosine_histogram(A, None, True, rank=rank, n_bins=50, random_state=0)
                if name == "truth":
                    ax.stairs(found.random, found.edges, fill=True, color=QUIET, label="random")
                ax.stairs(found.learned, found.edges, color=colour, lw=1.6, label=label)
                median[kind, name, rank] = float(np.median(ranked(A, rank)))
            floor[rank] = float(np.median(ranked(random, rank)))
            ax.set_title(f"{kind}: {'' if rank == 1 else f'{rank}th '}largest cosine", fontsize=9)
            ax.set(xlim=(-0.4, 1.02), yticks=[])
            quieten(ax)
    for name in KINDS:
        for kind in sets:
            measured[f"{METHODS[name][0]}, {kind}: median largest cosine by rank"] = ", ".join(
                f"{rank}: {median[kind, name, rank]:.2f}" for rank in ranks
            )
    measured["random directions"] = ", ".join(f"{r}: {floor[r]:.2f}" for r in ranks)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False, fontsize=9)
    first = ranks[0]
    claims = {
        "On trees the columns of L1 are much closer to their nearest than random directions": median[
            "trees", "relu", first
        ]
        > floor[first] + 0.2,
        "Those of ICA are not, there": median["trees", "ica", first] < floor[first] + 0.15,
        "On independent features ICA's are as close as random ones, within .05": abs(
            median["independent", "ica", first] - floor[first]
        ) < 0.05,
    }  # fmt: skip
    return Outcome(figure, measured, claims)


if __name__ == "__main__":
    command(run)
