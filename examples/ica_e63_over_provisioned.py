"""E6.3 Six and eight columns for three sources.

**The post** gave the rule six and then eight columns for three sources. Pairs of columns shared each true direction,
without any reason to coincide with it; the post hoped for clustering, and doubted that it would find the right groups.

**We see** the same after a plain run of the evidence rule: every true direction has several columns near it. Two ways
lead back to three. *Clustering* joins columns within 26 degrees of each other and drops what carries less than a tenth
of the median. *Pruning by evidence* drops the column that is present least, refines the rest, and stops where the
held-out evidence falls: it is flat down to three columns and falls by a quarter of a nat with the next. Here, where
true directions are 80 degrees apart or more, both are right; clustering needs such room, and a threshold, while the
evidence needs neither and leaves directions that are nearer to the truth.

**What now works**: `OvercompleteICA.prune(X)` after a fit with too many columns, in any number of dimensions.
`n_components="auto"` counts by itself.
"""

import warnings
from itertools import product

import numpy as np
from experiment import Outcome, command, spread
from plane import arrows, cloud, panels, rays
from sklearn.exceptions import ConvergenceWarning

from overica import OvercompleteICA
from overica.datasets import make_exponential
from overica.initialisation import start_mixing
from overica.learning.merging import distinct_columns
from overica.metrics import match_components
from overica.plots._style import LEARNED

TRUE, WIDTHS = 3, (6, 8)
WAYS = {"clustering": "clustered", "evidence": "pruned by evidence"}


def clustered(ica: OvercompleteICA, X: np.ndarray) -> np.ndarray:
    """Directions left by clustering the columns, most used first."""
    used = ica.transform(X).mean(axis=0)
    kept = distinct_columns(ica.mixing_, used, nonnegative=True)
    return ica.mixing_[:, kept[used[kept] > 0.1 * np.median(used[kept])]]


def run(full: bool) -> Outcome:
    seeds = range(20) if full else range(2)
    figure, axes = panels([[f"{n} {way}" for way in ("before", *WAYS)] for n in WIDTHS], 6.6)
    left = {key: [] for key in product(WAYS, WIDTHS)}
    cosines = {way: [] for way in WAYS}
    for seed, n_columns in product(seeds, WIDTHS):
        data = make_exponential(10_000 if full else 5000, TRUE, random_state=seed)
        start = start_mixing("orthogonal", data.X, n_columns, np.random.default_rng(seed), True)
        ica = OvercompleteICA(n_columns, prior="exponential", init=start, random_state=seed)
        with warnings.catch_warnings():
            # With columns to spare the evidence creeps on; what a plain run leaves is the subject here.
            warnings.simplefilter("ignore", ConvergenceWarning)
            ica.fit(data.X)
        found = {"before": ica.mixing_, "clustering": clustered(ica, data.X[:3000])}
        found["evidence"] = ica.prune(data.X).mixing_
        for way in WAYS:
            left[way, n_columns].append(found[way].shape[1])
            if found[way].shape[1] == TRUE:
                matched = match_components(found[way], data.mixing, nonnegative=True)
                cosines[way].append(matched.cosines.min())
        if seed == 0:
            for way, mixing in found.items():
                ax = axes[f"{n_columns} {way}"]
                cloud(ax, data.X, WAYS.get(way, f"a plain run with {n_columns} columns"))
                rays(ax, data.mixing)
                arrows(ax, mixing * 0.8 * ax.get_xlim()[1], LEARNED)
    measured = {
        f"three left of {n} by {way}": f"{counts.count(TRUE)} of {len(counts)} runs"
        for (way, n), counts in left.items()
    }  # fmt: skip
    for way, values in cosines.items():
        measured[f"cosine of the worst match where three are left, {way}"] = spread(values, 4)
        counts = [count for n in WIDTHS for count in left[way, n]]
        measured[f"columns left by {way}"] = f"{min(counts)} to {max(counts)}"
    right = {way: np.mean([np.equal(left[way, n], TRUE) for n in WIDTHS]) for way in WAYS}
    return Outcome(figure, measured, {
        "Pruning by evidence leaves three in at least 19 runs of 20": right["evidence"] >= 0.95,
        "So does clustering": right["clustering"] >= 0.95,
        "The three that pruning leaves are the true ones": min(cosines["evidence"]) > 0.98,
        "They are nearer to the truth than those of clustering": np.mean(cosines["evidence"])
        > np.mean(cosines["clustering"]),
    })  # fmt: skip


if __name__ == "__main__":
    command(run)
