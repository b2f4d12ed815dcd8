"""How long it takes to find which sources are present, beside the matrix product and orthogonal matching pursuit.

    python benchmarks/presences.py [--quick]

Samples are drawn from the model: unit columns in random directions, presences by a forest of small families (a child
comes with its parent only, half of the time), slabs N(4, 0.25), noise of variance 0.05. Times are CPU milliseconds per
1000 samples, the least of several repeats, one thread, all calls public:

X @ A      the matrix product alone
omp        transform of SparseCoder("omp") with as many atoms as sources are present in the mean
greedy     PresenceModel.infer without a second look at samples that are fitted badly
infer      PresenceModel.infer
step       PresenceLearner.step: infer, sums, a new model

"exact" is the share of samples whose support is the true one; "F1" of presences over all samples.
"""

import argparse
import os
import time
from dataclasses import replace

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402  (thread counts are read at import)

from overica.coding import SparseCoder  # noqa: E402
from overica.presence import Forest, PresenceLearner, PresenceModel  # noqa: E402

SIZES = {(16, 32): (2, 8000), (64, 512): (8, 2000), (128, 2048): (13, 2000)}
"""(n_features, n_components): mean number of sources, samples."""


def make(m, n, active, n_samples, seed=0):
    """The true model, samples, presences."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((m, n))
    A /= np.linalg.norm(A, axis=0)
    # Families of a parent and two children: each adds two in the mean.
    parents = np.where(np.arange(n) % 3 == 0, -1, np.arange(n) - np.arange(n) % 3)
    rate = active / (2.0 * np.ceil(n / 3))
    forest = Forest.conditional(parents, np.full(n, 0.5), np.where(parents < 0, rate, 1e-4))
    B = rng.random((n_samples, n)) < np.where(parents < 0, rate, 0.5)
    B &= B[:, np.where(parents < 0, np.arange(n), parents)]
    S = B * np.maximum(rng.normal(4.0, 0.5, B.shape), 0.0)
    X = S @ A.T + np.sqrt(0.05) * rng.standard_normal((n_samples, m))
    return PresenceModel(A, np.full(n, 4.0), np.full(n, 0.25), 0.05, forest, True), X, B


def milliseconds(call, n_samples, repeats=4):
    """CPU time per 1000 samples, the least of some."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return 1e6 * min(times) / n_samples


def found(codes, B):
    """Share of exact supports, and F1."""
    on = codes != 0
    return (on == B).all(axis=1).mean(), 2 * (on & B).sum() / (on.sum() + B.sum())


def calls_of(model, X, n_active):
    """What is timed, and of some of it the codes, by name."""
    coder = SparseCoder(model.mixing.T, method="omp", n_active=n_active).fit(X)
    greedy = replace(model, retry_above=None)
    learner = PresenceLearner(model)
    return {
        "X @ A": (lambda: X @ model.mixing, None),
        "omp": (lambda: coder.transform(X), coder.transform(X)),
        "greedy": (lambda: greedy.infer(X), greedy.codes(X)),
        "infer": (lambda: model.infer(X), model.codes(X)),
        "step": (lambda: learner.step(X), None),
    }


def main(quick):
    """Print the table."""
    print(
        f"{'size':>10s} {'L0':>5s}  {'call':8s} {'ms / 1000':>10s} {'x GEMM':>7s} {'exact':>6s} {'F1':>6s}"
    )
    for (m, n), (active, n_samples) in list(SIZES.items())[: 2 if quick else None]:
        model, X, B = make(m, n, active, n_samples // 4 if quick else n_samples)
        present = B.sum(axis=1).mean()
        product = None
        for name, (call, codes) in calls_of(model, X, round(present)).items():
            cost = milliseconds(call, len(X))
            product = product or cost
            marks = "" if codes is None else "{:6.3f} {:6.3f}".format(*found(codes, B))
            size = f"{m}x{n}"
            print(
                f"{size:>10s} {present:5.1f}  {name:8s} {cost:10.2f} {cost / product:7.1f} {marks}"
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="the two smaller sizes, fewer samples")
    main(parser.parse_args().quick)
