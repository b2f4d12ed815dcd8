"""Are these sparse autoencoders the ones of the papers? Beside SAELens, and on sets with published results.

- ``parity``: every variant and SAELens's own class on the same data, with as many steps, batches of the same size, the
  same learning rate and seeds. Variants with a penalty are first steered to the true L0; then both are trained with
  the coefficient that was found. "loss" is what is minimised, over the last twentieth of the steps, for samples of
  mean length sqrt(n_features); "ratio" is ours by theirs, at the mean over the seeds. The gated one has SAELens's
  objective here, in which the decoder learns from the auxiliary loss; with the paper's, which is ours, the sum that
  SAELens minimises is a tenth larger on the hierarchy.
  In matching pursuit the atoms of SAELens are free in their length, which takes some hundredths off what is minimised;
  ours have unit length, as a pursuit wants them. On the mixture its loss is of two kinds, by seed, as the dictionary is
  found or not: three seeds say little of the ratio.
- ``order``: all variants on a reduced SynthSAEBench at the true L0, in a dictionary of a quarter of the features. Known
  from there: Matryoshka and BatchTopK above L1.
- ``wrong``: the small set of "Sparse but wrong". Known from there: BatchTopK at the true L0 finds all features; at
  less, it mixes them.

Parity needs SAELens (``pip install sae-lens``), and says so where it is missing.
"""

import argparse
import os
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import _saelens  # noqa: E402  (thread counts are read at import)
import numpy as np  # noqa: E402
import torch  # noqa: E402

from overica.datasets import make_hierarchy, make_mixture, make_sparse_but_wrong  # noqa: E402
from overica.metrics import f1, match_components  # noqa: E402
from overica.sae import SAES  # noqa: E402

PENALISED = ("relu", "tied", "gated", "jumprelu")


def mixture(seed):
    """32 exponential sources in 16 dimensions, three active."""
    return make_mixture(20_000, 16, 32, "sparse_exponential", n_active=3, random_state=seed)


def hierarchy(seed):
    """Between the default set and that of SynthSAEBench; true L0 about 8."""
    return make_hierarchy(
        100_000, 64, 512, n_trees=16, branching=4, probabilities=(0.4, 0.003), random_state=seed
    )


def small_hierarchy(seed):
    """The default set."""
    return make_hierarchy(random_state=seed)


def judge(data, encode, decode, W_dec, name):
    """Explained variance, L0, mean cosine and F1."""
    X = data.X
    raw = encode(X)
    # The penalised networks of SAELens leave their decoder's rows as long as they are.
    codes = raw * np.linalg.norm(W_dec, axis=1) if name in PENALISED else raw
    unexplained = ((decode(raw) - X) ** 2).sum() / ((X - X.mean(axis=0)) ** 2).sum()
    matching = match_components(W_dec.T, data.mixing, nonnegative=True)
    active = (codes != 0).sum(axis=1).mean()
    return 1 - unexplained, active, matching.cosines.mean(), f1(codes, data.codes, matching)


def ours(name, data, seed, *, width, n_steps, n_active=None, coefficient=None, kinds=SAES):
    """A fit of ours, its figures, and the coefficient it ended with."""
    start = time.process_time()
    sae = kinds[name](
        width,
        n_active=n_active,
        sparsity_coefficient=coefficient,
        n_steps=n_steps,
        random_state=seed,
        device="cpu",
    ).fit(data.X)
    seconds = time.process_time() - start
    loss, coefficient = (
        np.mean(sae.history_[figure][-n_steps // 20 :])
        for figure in ("loss", "sparsity_coefficient")
    )
    if name == "matryoshka":
        # The mean over the widths, of which SAELens takes the sum.
        loss *= len(sae.module_.widths)
    figures = judge(data, sae.transform, sae.inverse_transform, sae.components_, name)
    return np.array([loss, *figures, seconds]), float(coefficient)


def theirs(name, data, seed, *, width, n_steps, n_active, coefficient):
    """The same of SAELens."""
    start = time.process_time()
    *trained, loss = _saelens.train(
        name, data.X, width=width, n_active=n_active, coefficient=coefficient, n_steps=n_steps,
        batch_size=1024, learning_rate=0.03 / np.sqrt(data.X.shape[1]), seed=seed,
    )  # fmt: skip
    seconds = time.process_time() - start
    return np.array([loss, *judge(data, *trained, name), seconds])


def line(data_name, name, learner, rows, ratio=None):
    """One row of a table: means over the seeds."""
    loss, explained, active, cosine, score, seconds = np.mean(rows, axis=0)
    spread = np.std([row[3] for row in rows])
    note = "" if ratio is None else f"{ratio:8.3f}"
    print(
        f"{data_name:12s} {name:11s} {learner:8s}{loss:9.3f}{explained:10.4f}{active:8.2f}"
        f"{cosine:9.3f} ±{spread:.3f}{score:8.3f}{seconds:8.1f}{note}",
        flush=True,
    )


def header():
    """Above the rows."""
    print(
        f"{'data':12s} {'variant':11s} {'of':8s}{'loss':>9s}{'explained':>10s}{'L0':>8s}"
        f"{'cosine':>9s} {'':6s}{'F1':>8s}{'s':>8s}{'ratio':>8s}"
    )


def true_l0(data):
    """Mean number of true codes that are not zero."""
    return float((data.codes != 0).sum(axis=1).mean())


def parity(seeds, n_steps, sets, names):
    """Ours beside SAELens's."""
    if not _saelens.installed():
        print("SAELens is not installed: ours alone")
    header()
    for data_name, (make, width) in sets.items():
        for name in names:
            mine, others = [], []
            for seed in range(seeds):
                data = make(seed)
                sizes = {"width": width, "n_steps": n_steps}
                target, coefficient = true_l0(data), None
                if name in PENALISED:
                    _, coefficient = ours(
                        name, data, seed, n_active=target, kinds=_saelens.OBJECTIVES, **sizes
                    )
                given = (
                    {"n_active": target} if coefficient is None else {"coefficient": coefficient}
                )
                mine.append(ours(name, data, seed, kinds=_saelens.OBJECTIVES, **given, **sizes)[0])
                if _saelens.installed() and name in _saelens.KINDS:
                    others.append(
                        theirs(name, data, seed, n_active=target, coefficient=coefficient, **sizes)
                    )
            ratio = np.mean(mine, axis=0)[0] / np.mean(others, axis=0)[0] if others else None
            line(data_name, name, "overica", mine, ratio)
            if others:
                line(data_name, name, "SAELens", others)


def order(seeds, n_steps, make, width, names):
    """All variants at the true L0, best mean cosine first."""
    header()
    rows = {name: [] for name in names}
    for seed in range(seeds):
        data = make(seed)
        for name in names:
            figures, _ = ours(
                name, data, seed, n_active=true_l0(data), width=width, n_steps=n_steps
            )
            rows[name].append(figures)
    for name in sorted(rows, key=lambda name: -np.mean(rows[name], axis=0)[4]):
        line("hierarchy", name, "overica", rows[name])


def wrong(seeds, n_steps, shares):
    """BatchTopK at shares of the true L0: how many features are found, and how well the worst is."""
    print(f"{'L0':>6s}{'share':>7s}{'found > .95':>14s}{'worst':>8s}{'mean':>8s}   of seeds")
    for share in shares:
        cosines = []
        for seed in range(seeds):
            data = make_sparse_but_wrong(random_state=seed)
            target = share * true_l0(data)
            sae = SAES["batchtopk"](50, n_active=target, n_steps=n_steps, random_state=seed)
            sae.fit(data.X)
            cosines.append(match_components(sae.mixing_, data.mixing, nonnegative=True).cosines)
        found = [f"{int((c > 0.95).sum())}/{c.size}" for c in cosines]
        worst, mean = np.min(cosines), np.mean(cosines)
        print(
            f"{target:6.1f}{share:7.2f}{found[0]:>14s}{worst:8.3f}{mean:8.3f}   {' '.join(found)}",
            flush=True,
        )


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", default="parity,order,wrong", help="comma-separated")
    parser.add_argument("--variants", default=",".join(SAES), help="comma-separated")
    parser.add_argument("--seeds", type=int, default=None)
    parser.add_argument("--steps", type=int, default=None)
    parser.add_argument("--quick", action="store_true", help="one seed, small sets, few steps")
    options = parser.parse_args()
    torch.set_num_threads(1)
    names = options.variants.split(",")
    unknown = [name for name in names if name not in SAES]
    if unknown:
        parser.error(f"unknown variants {unknown}, expected some of {list(SAES)}")
    seeds = options.seeds or (1 if options.quick else 3)
    n_steps = options.steps or (300 if options.quick else 2000)
    parts = options.part.split(",")
    sets = {"mixture": (mixture, 32)}
    if not options.quick:
        sets["hierarchy"] = (small_hierarchy, 32)
    if "parity" in parts:
        parity(seeds, n_steps, sets, names)
    if "order" in parts:
        print("\nReduced SynthSAEBench at the true L0, best F1 first")
        if options.quick:
            order(seeds, n_steps, small_hierarchy, 24, names)
        else:
            order(seeds, 2 * n_steps, hierarchy, 128, names)
    if "wrong" in parts:
        print("\nSparse but wrong: BatchTopK")
        wrong(seeds, n_steps if options.quick else 2 * n_steps, (0.5, 1.0))


if __name__ == "__main__":
    main()
