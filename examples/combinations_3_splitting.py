"""Feature splitting as the width grows

**The post** explains feature splitting ("the" in mathematics, in physics, then in topology and in algebra, as the
width grows) as combinations: the true features would be "the", "mathematics", "topology", and wider dictionaries
have room for ever rarer sums of them.

**We see** just that on trees of features with known directions: a root such as "the", three contexts below it of
which at most one is active, three topics below each. Columns of the wide L1 autoencoder (right) are "the" + a
context, or "the" + a context + a topic; columns crowd as the dictionary widens, and an autoencoder as wide as there
are features does not learn them. A topic never occurs without its parents, in nearly fixed proportion, so that their
sum explains as much with one code in place of three. ICA under independent sources prefers the sum too.

**What now works:** ICA that knows of dependences (`hierarchy`), in a dictionary as wide as there are features, and with
some seeds in one of half that width: sums are taken apart by what they share, and stay apart under a prior in which a
child is present only if its parent is. In one twice as wide the sums of independent sources explain held-out samples as
well, and are kept.
"""

import numpy as np
from combined import LANGUAGE, METHODS, language, learn
from experiment import Outcome, command, spread
from matplotlib.figure import Figure

from overica.coding import SparseCoder
from overica.metrics import chance_level, composition_index, cosine_matrix, mean_max_cosine_recall
from overica.plots._style import QUIET, quieten

KINDS = ("relu", "batchtopk", "matryoshka", "ica")
# One tree breadth first: root, contexts, topics; features of two trees alternate at the root.
TREE = [0, 2, 3, 4, 8, 9, 10, 11, 12, 13, 14, 15, 16]


def clustered(learned: np.ndarray, true: np.ndarray, nonnegative: bool = True) -> float:
    """Share of columns with another one within |cos| > .7."""
    cosines = cosine_matrix(learned, learned)
    np.fill_diagonal(cosines, -1.0)
    return float((cosines.max(axis=1) > 0.7).mean())


FIGURES = {
    "true features per column": composition_index,
    "closeness of true features to a column": mean_max_cosine_recall,
    "columns with a neighbour (cos > .7)": clustered,
}


def run(full: bool) -> Outcome:
    """All methods at all widths."""
    widths = (13, 26, 52)
    seeds, steps = range(2 if full else 1), 800 if full else 500
    found = {
        name: {kind: np.zeros((len(widths), len(seeds))) for kind in KINDS} for name in FIGURES
    }
    for s in seeds:
        data = language(s)
        active = float((data.codes > 0).sum(axis=1).mean())
        for kind in KINDS:
            how = {} if kind == "ica" else {"n_active": active, "n_steps": steps}
            for w, width in enumerate(widths):
                fitted = learn(kind, data.X, width, s, **how)
                for name, score in FIGURES.items():
                    found[name][kind][w, s] = score(fitted.mixing_, data.mixing, nonnegative=True)
                if kind == "relu" and s == 0:
                    wide, truth = fitted.mixing_, data.mixing

    figure = Figure(figsize=(10, 4), layout="constrained")
    *axes, last = figure.subplots(1, 4, width_ratios=(1, 1, 1, 1.1))
    for ax, (name, score) in zip(axes, FIGURES.items(), strict=True):
        for kind in KINDS:
            ax.plot(widths, found[name][kind].mean(axis=1), "o-", color=METHODS[kind][1], ms=4)
        random = [
            chance_level(score, LANGUAGE[0], w, LANGUAGE[1], True, n_draws=5, random_state=0).mean
            for w in widths
        ]
        ax.plot(widths, random, "--", color=QUIET)
        ax.set_xscale("log", base=2)
        ax.set_xticks(widths, widths)
        ax.minorticks_off()
        ax.set_title(name.replace(" (", "\n("), fontsize=9)
        ax.set_xlabel("columns", fontsize=9)
        quieten(ax)
    labels = [METHODS[kind][0] for kind in KINDS] + ["chance"]
    figure.legend(
        axes[0].lines, labels, loc="outside lower center", ncols=5, frameon=False, fontsize=9
    )
    pursuit = SparseCoder(truth.T, n_active=4, method="omp", nonnegative=True)
    W = pursuit.transform(wide.T)[:, TREE]
    rows = np.argsort(-W.max(axis=1) - 10 * (W**2).sum(axis=1))[:24]
    rows = rows[np.lexsort(W[rows].T[::-1])]
    last.imshow(np.clip(W[rows], 0, 1), cmap="Blues", aspect="auto", vmin=0, vmax=1)
    last.set_xticks((0, 3.2, 8.5), ("the", "contexts", "topics"), fontsize=7)
    last.tick_params(length=0)
    last.set(yticks=[], ylabel="columns")
    last.set_title(f"{widths[-1]} columns of L1, one tree", fontsize=9)

    index, near = found["true features per column"], found["columns with a neighbour (cos > .7)"]
    close = found["closeness of true features to a column"]
    saes = [kind for kind in KINDS if kind != "ica"]
    measured = {
        f"{METHODS[kind][0]}, {name}": ", ".join(
            f"{w} columns {spread(values, 2)}"
            for w, values in zip(widths, found[name][kind], strict=True)
        )
        for kind in KINDS
        for name in FIGURES
    }
    claims = {
        "Columns of every autoencoder stand for more than one true feature, at every width": all(
            index[kind].min() > 2 for kind in saes
        ),
        "Those of ICA for one or two, if there are as many columns as features": bool(
            (index["ica"][1] < 1.7).all()
        ),
        "Columns of L1 and of ICA crowd as the dictionary widens": all(
            (near[kind][-1] > near[kind][0]).all() for kind in ("relu", "ica")
        ),
        "With as many columns as features those of ICA are by far the closest to the true ones": bool(
            close["ica"][1].min() > 0.15 + max(close[kind][1].max() for kind in saes)
        ),
    }
    return Outcome(figure, measured, claims)


if __name__ == "__main__":
    command(run)
