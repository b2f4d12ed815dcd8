"""As many sources as features, or fewer, of any shape: overica beside FastICA and Picard.

    python benchmarks/square.py [--cases uniform-6,mixed-30] [--seeds 10] [--quick]

A seed draws a Gaussian mixing matrix and samples without noise (but for "fewer": noise of .02 in 3n features). Ours has
default settings, `OvercompleteICA(n)`; so has scikit-learn's FastICA, and Picard its extended form, for sources
of either kind of tails, without the constraint that sources be uncorrelated.

    worst    smallest cosine of a matched column: mean over seeds, and the smallest of all
    crosstalk Amari distance of (unmixing x mixing) from a scaled permutation, mean over seeds: 0 to 1
    below    seeds in which ours has more crosstalk than the peer, and how much more at most
    s/fit    CPU seconds of one thread
"""

import argparse
import os
import time
import warnings
from dataclasses import dataclass

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402  (thread counts are read at import)
from sklearn.decomposition import FastICA  # noqa: E402

from overica import OvercompleteICA  # noqa: E402
from overica.metrics import match_components  # noqa: E402


def laplace(N, n, rng):
    """Dense and sparse-tailed."""
    return rng.laplace(size=(N, n))


def uniform(N, n, rng):
    """Lighter tails than a Gaussian's."""
    return rng.uniform(-1, 1, (N, n))


def sinusoid(N, n, rng):
    """Of random frequency and phase."""
    return np.sin(np.arange(N)[:, None] * rng.uniform(0.1, 3, n) + rng.uniform(0, 6.3, n))


def skewed(N, n, rng):
    """Gamma of shape 2."""
    return rng.gamma(2.0, size=(N, n))


def mixed(N, n, rng):
    """One of each in turn."""
    each = [law(N, n, rng) for law in (laplace, uniform, sinusoid, skewed)]
    S = np.stack([each[j % 4][:, j] for j in range(n)], axis=1)
    return S / S.std(axis=0)


LAWS = {law.__name__: law for law in (laplace, uniform, sinusoid, skewed, mixed)}
SIZES = ((3, 1000), (6, 20_000), (10, 3000), (30, 20_000))


@dataclass(frozen=True)
class Case:
    """Sources, and how many of what."""

    law: str
    n: int
    N: int
    fewer: bool = False

    def draw(self, seed):
        """Samples and mixing matrix."""
        rng = np.random.default_rng(seed)
        m = 3 * self.n if self.fewer else self.n
        A = rng.standard_normal((m, self.n))
        X = LAWS[self.law](self.N, self.n, rng) @ A.T
        return X + (0.02 * rng.standard_normal(X.shape) if self.fewer else 0.0), A


CASES = {f"{law}-{n}": Case(law, n, N) for law in LAWS for n, N in SIZES}
CASES |= {f"fewer-{n}": Case("mixed", n, N, fewer=True) for n, N in SIZES[:3]}
QUICK = ("mixed-3", "uniform-6", "fewer-3")


def overica(X, n, seed):
    """Columns and unmixing matrix."""
    ica = OvercompleteICA(n, random_state=seed).fit(X)
    return ica.mixing_, np.linalg.pinv(ica.mixing_)


def fastica(X, n, seed):
    """Columns and unmixing matrix."""
    fast = FastICA(n, whiten="unit-variance", random_state=seed, max_iter=500).fit(X)
    return fast.mixing_, fast.components_


def picard(X, n, seed):
    """Columns and unmixing matrix."""
    from picard import picard as solve

    K, W, _ = solve(
        X.T, n_components=n, ortho=False, extended=True, max_iter=500, random_state=seed
    )
    return np.linalg.pinv(W @ K), W @ K


LEARNERS = {"overica": overica, "fastica": fastica, "picard": picard}


def crosstalk(P):
    """The distance of Amari, Cichocki and Yang (1996)."""
    P, n = np.abs(P), len(P)
    rows = (P.sum(axis=1) / P.max(axis=1) - 1).sum()
    return (rows + (P.sum(axis=0) / P.max(axis=0) - 1).sum()) / (2 * n * (n - 1))


def run(name, case, seed):
    """Worst cosine, crosstalk, seconds."""
    X, A = case.draw(seed)
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mixing, unmixing = LEARNERS[name](X, case.n, seed)
    seconds = time.process_time() - start
    return match_components(mixing, A).cosines.min(), crosstalk(unmixing @ A), seconds


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", default=None, help=f"comma-separated: {','.join(CASES)}")
    parser.add_argument("--seeds", type=int, default=None)
    parser.add_argument("--quick", action="store_true", help="three small cases, two seeds")
    options = parser.parse_args()
    names = options.cases.split(",") if options.cases else QUICK if options.quick else list(CASES)
    if unknown := [name for name in names if name not in CASES]:
        parser.error(f"unknown cases {unknown}, expected some of {list(CASES)}")
    seeds = range(options.seeds or (2 if options.quick else 10))
    learners = list(LEARNERS)
    try:
        import picard  # noqa: F401
    except ImportError:
        learners.remove("picard")
    for name in learners:
        # What is imported at first use is not timed.
        run(name, Case("laplace", 2, 600), 0)
    print(
        f"{'data':12s}{'samples':>8s} {'':8s}{'worst':>8s}{'least':>8s}"
        f"{'crosstalk':>11s}{'below':>7s}{'by':>8s}{'s/fit':>8s}"
    )
    for name in names:
        case = CASES[name]
        found = {
            learner: np.array([run(learner, case, seed) for seed in seeds]) for learner in learners
        }
        for learner, table in found.items():
            excess = found["overica"][:, 1] - table[:, 1]
            below = f"{(excess > 0).sum():7d}{max(excess.max(), 0):8.4f}"
            print(
                f"{name:12s}{case.N:8d} {learner:8s}{table[:, 0].mean():8.4f}{table[:, 0].min():8.4f}"
                f"{table[:, 1].mean():11.4f}{below if learner != 'overica' else '':15s}{table[:, 2].mean():8.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
