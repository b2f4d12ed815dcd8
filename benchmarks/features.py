"""Every feature of small sets in which features depend on each other, seed by seed.

    python benchmarks/features.py [--sets rare-.01,hierarchy] [--seeds 10] [--methods ica,topk] [--quick]

rare-p      `make_three_features`: two frequent features, often together, and a third in a share p of the samples
correlated  `make_sparse_but_wrong`, 50 in 100
hierarchy   `make_hierarchy`, 96 in 32
deep        `make_deep_hierarchy`, 160 in 40

A seed draws a set. ICA has default settings but for the prior; autoencoders, ours, have theirs, and are held to the
true number of active features. Features are matched one to one with learned directions, with their sign.

    all      runs in which every feature is found
    found    share of features above the cosine that stands beside it: .9 where there are trees, else .98
    rarest   runs in which the least frequent one is
    worst    smallest cosine of any feature, over all runs
    s        CPU seconds of a fit

and how many are found by each seed.
"""

import argparse
import os
import time
import warnings
from functools import partial

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402  (thread counts are read at import)

from overica import OvercompleteICA  # noqa: E402
from overica.datasets import (  # noqa: E402
    make_deep_hierarchy,
    make_hierarchy,
    make_sparse_but_wrong,
    make_three_features,
)
from overica.metrics import match_components  # noqa: E402
from overica.sae import SAES  # noqa: E402

SETS = {
    f"rare-{p:.2f}".replace("0.", "."): (
        partial(make_three_features, frequencies=(0.4, 0.4, p)),
        0.98,
    )
    for p in (0.05, 0.02, 0.01)
} | {
    "correlated": (make_sparse_but_wrong, 0.98),
    "hierarchy": (make_hierarchy, 0.9),
    "deep": (make_deep_hierarchy, 0.9),
}
"""Functions of a seed, and the cosine from which on a feature counts as found."""
METHODS = ("ica", "relu", "topk", "batchtopk", "matryoshka")


def fitted(method, data, seed):
    """What has learned from a set."""
    n_components = data.mixing.shape[1]
    if method == "ica":
        return OvercompleteICA(n_components, prior="exponential", random_state=seed).fit(data.X)
    n_active = (data.codes > 0).sum(axis=1).mean()
    return SAES[method](n_components, n_active=n_active, random_state=seed, device="cpu").fit(
        data.X
    )


def run(method, make, seed):
    """Cosines of the features in the order of their frequencies, the rarest first; and CPU seconds."""
    data = make(random_state=seed)
    start = time.process_time()
    model = fitted(method, data, seed)
    seconds = time.process_time() - start
    cosines = match_components(model.components_.T, data.mixing, True)
    rarest = np.argsort((data.codes > 0).mean(axis=0), kind="stable")
    found = np.zeros(data.mixing.shape[1])
    found[cosines.true_index] = cosines.cosines
    return found[rarest], seconds


def line(name, method, runs, least):
    """One row of the table."""
    cosines = np.array([found for found, _ in runs])
    counts = (cosines > least).sum(axis=1)
    n_complete = (counts == cosines.shape[1]).sum()
    n_rarest = (cosines[:, 0] > least).sum()
    seconds = np.mean([seconds for _, seconds in runs])
    print(
        f"{name:11s} {method:11s}{n_complete:4d}/{len(runs):<3d}{(cosines > least).mean():7.3f} > {least:<4g}"
        f"{n_rarest:7d}/{len(runs):<3d}{cosines.min():7.3f}{seconds:8.2f}  {' '.join(map(str, counts))}",
        flush=True,
    )


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", default=",".join(SETS), help=f"of {','.join(SETS)}")
    parser.add_argument("--methods", default=",".join(METHODS), help="of ica and our autoencoders")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--quick", action="store_true", help="two small sets, two seeds, ICA alone")
    options = parser.parse_args()
    if options.quick:
        options.sets, options.seeds, options.methods = "rare-.05,rare-.01", 2, "ica"
    names, methods = options.sets.split(","), options.methods.split(",")
    unknown = [name for name in names if name not in SETS]
    unknown += [name for name in methods if name not in {"ica", *SAES}]
    if unknown:
        parser.error(
            f"unknown {unknown}, expected sets of {list(SETS)} and methods of {list(METHODS)}"
        )
    print(
        f"{'set':11s} {'method':11s}{'all':>6s}  {'found':>7s}{'':7s}{'rarest':>9s}  {'worst':>7s}{'s':>8s}  by seed"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            make, least = SETS[name]
            for method in methods:
                runs = [run(method, make, seed) for seed in range(options.seeds)]
                line(name, method, runs, least)


if __name__ == "__main__":
    main()
