"""Three features at widths 3, 4 and 6

**The post** argued with drawings: features 1 and 2 are frequent and often together in roughly fixed proportion,
feature 3 is rare. Three neurons would become 1, 2 and their sum, and feature 3 would be lost; a fourth neuron would
bring it back, unless the proportions vary, when it becomes one more combination.

**We see** the drawing come true for the L1 autoencoder under a strong penalty, where a fourth column does not
bring feature 3 back. Its columns for "1 alone" and "2 alone" even point away from the other feature. Under a weak
penalty three columns are never a sum, and most runs find feature 3: a rectified linear encoder cannot easily say "1
without 2".
TopK, which must take a code in every sample, loses it at every width; the other variants miss it in some runs.

**What now works:** overcomplete ICA finds the three features at every width. It used to lose the third in half of the
seeds, because surplus columns were dropped by how much they are used, where a frequent sum beats a rare feature; they
are now dropped by what samples lose without them. A fourth column does become the sum: two features in fixed
proportion are one more source as far as independence can tell.
"""

import numpy as np
from combined import METHODS, learn, share
from experiment import Outcome, command
from matplotlib.figure import Figure

from overica.datasets import make_three_features
from overica.metrics import cosine_matrix
from overica.plots._style import LEARNED, QUIET, TRUE

# Width, and the spread of the proportions of features 1 and 2.
CASES = ((3, 0.1), (4, 0.1), (4, 0.6), (6, 0.6))
FOUND = 0.95


def n_sums(C: np.ndarray) -> int:
    """Columns between features 1 and 2: at least half of each."""
    return int((np.minimum(C[:, 0], C[:, 1]) > 0.5).sum())


def draw(ax, C: np.ndarray, found: str) -> None:
    """Directions seen from the end of feature 3, which itself is the point in the middle."""
    for x, y in ((1, 0), (0, 1)):
        ax.plot([0, x], [0, y], color=TRUE, lw=4, alpha=0.45, solid_capstyle="round")
    ax.plot(0, 0, "o", ms=11, mfc="none", mec=TRUE, mew=2, alpha=0.6)
    for a in C:
        ax.plot([0, a[0]], [0, a[1]], color=LEARNED, lw=1)
        ax.plot(a[0], a[1], "o", color=LEARNED, ms=4.5)
    ax.set(xlim=(-0.85, 1.2), ylim=(-0.95, 1.2), xticks=[], yticks=[], aspect="equal")
    ax.spines[:].set_color(QUIET)
    ax.text(-0.8, -0.9, found, fontsize=8)


def run(full: bool) -> Outcome:
    """Fit every method at every width."""
    seeds = range(3 if full else 1)
    steps = 500 if full else 300
    settings: dict[str, dict[str, float]] = {
        "strong": {"sparsity_coefficient": 2.5},
        "relu": {"sparsity_coefficient": 0.3},
    }
    names = ["strong", *METHODS]
    labels = {name: label for name, (label, _) in METHODS.items()}
    labels |= {"strong": "L1, strong", "relu": "L1, weak"}
    figure = Figure(figsize=(10, 5.2), layout="constrained")
    axes = figure.subplots(len(CASES), len(names))
    third: dict[tuple, list[bool]] = {}
    sums: dict[tuple, list[int]] = {}
    for row, (width, spread) in zip(axes, CASES, strict=True):
        for ax, name in zip(row, names, strict=True):
            case = (name, width, spread)
            cosines = []
            for seed in seeds:
                data = make_three_features(
                    20_000, 3, frequencies=(0.4, 0.4, 0.03), proportion_spread=spread,
                    random_state=seed,
                )  # fmt: skip
                how = settings.get(name, {"n_active": 0.9}) | {"n_steps": steps}
                fitted = learn("relu" if name == "strong" else name, data.X, width, seed, **how)
                cosines.append(cosine_matrix(fitted.mixing_, data.mixing))
            third[case] = [bool(C[:, 2].max() > FOUND) for C in cosines]
            sums[case] = [n_sums(C) for C in cosines]
            draw(ax, cosines[0], f"3 in {share(third[case])}")
            if (width, spread) == CASES[0]:
                ax.set_title(labels[name], fontsize=9)
        kind = "fixed" if spread < 0.5 else "loose"
        row[0].set_ylabel(f"{width} columns\n{kind}", fontsize=9)
    measured = {
        labels[
            name
        ]: f"feature 3 found in {', '.join(str(sum(third[name, *c])) for c in CASES)} of {len(seeds)} "
        f"runs; sums of 1 and 2 per run {', '.join(f'{np.mean(sums[name, *c]):.1f}' for c in CASES)}"
        for name in names
    }
    measured["in this order"] = "; ".join(f"{w} columns, spread {s}" for w, s in CASES)
    claims = {
        "ICA finds feature 3 in every run, at every width": all(
            all(third["ica", *case]) for case in CASES
        ),
        "L1 under a strong penalty never has it among three columns": not any(
            third["strong", *CASES[0]]
        ),
        "There it has a column between features 1 and 2 in every run": min(
            sums["strong", *CASES[0]]
        ) > 0,
        "L1 under a weak penalty has no such column among three": max(sums["relu", *CASES[0]]) == 0,
        "The fourth column of ICA is the sum where proportions are fixed": min(
            sums["ica", *CASES[1]]
        ) > 0,
    }  # fmt: skip
    return Outcome(figure, measured, claims)


if __name__ == "__main__":
    command(run)
