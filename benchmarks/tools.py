"""Which tool for which data: who finds the true columns, of sources of every kind.

    python benchmarks/tools.py [--cases sparse,parts] [--seeds 3] [--quick]

Every tool is told how many sources there are, and whether they are never negative; autoencoders and dictionary learning
also the true mean number of active ones. Else all have default settings. Peers are scikit-learn's PCA, FastICA, NMF
and mini-batch dictionary learning, and the better, by the truth, of a BatchTopK and an L1 autoencoder. A tool that
cannot have more components than features learns as many as there are features; NMF is left out where samples are
negative.

Each entry is the share of the true columns that were found (|cos| > .95, matched one to one), in per cent: the mean
over seeds, and their range where there is one. "by chance" are random columns; "CPU s" is a fit, mean over the cases.
"""

import argparse
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402  (thread counts are read at import)
from sklearn.decomposition import NMF, PCA, FastICA  # noqa: E402

from overica import OvercompleteICA  # noqa: E402
from overica.baselines import DictionaryLearningBaseline  # noqa: E402
from overica.datasets import make_hierarchy, make_mixture  # noqa: E402
from overica.metrics import match_components  # noqa: E402
from overica.sae import BatchTopKSAE, ReLUSAE  # noqa: E402

FOUND = 0.95


@dataclass(frozen=True)
class Data:
    """Samples and what is true of them."""

    X: np.ndarray
    mixing: np.ndarray
    n_active: float
    nonnegative: bool = False


def square(law: Callable) -> Callable:
    """Twelve sources of one law in twelve sensors."""

    def draw(rng):
        A = rng.standard_normal((12, 12))
        return Data(law(rng, (10_000, 12)) @ A.T, A, 12)

    return draw


def light(rng):
    """Eight uniform sources in four sensors: all are active, and l1 codes have four at most."""
    A = rng.standard_normal((4, 8))
    return Data(rng.uniform(-1, 1, (10_000, 8)) @ A.T, A, 4)


def parts(rng):
    """Ten parts of thirty pixels, each of some of them, of which some are there at a time; nothing is negative."""
    A = rng.exponential(size=(30, 10)) * (rng.random((30, 10)) < 0.3)
    A[np.arange(10), np.arange(10)] += 1
    S = rng.exponential(size=(10_000, 10)) * (rng.random((10_000, 10)) < 0.4)
    X = S @ A.T
    return Data(np.abs(X + 0.01 * X.std() * rng.standard_normal(X.shape)), A, 4, True)


def mixture(n_features, n_components, sources, n_active, n_samples) -> Callable:
    """`overica.datasets.make_mixture`."""

    def draw(rng):
        data = make_mixture(
            n_samples, n_features, n_components, sources, n_active=n_active, random_state=rng
        )
        return Data(data.X, data.mixing, n_active, data.nonnegative)

    return draw


def trees(rng):
    """`overica.datasets.make_hierarchy`."""
    data = make_hierarchy(random_state=rng)
    return Data(data.X, data.mixing, float((data.codes != 0).sum(axis=1).mean()), True)


CASES: dict[str, tuple[str, Callable]] = {
    "gaussian": ("12 Gaussian in 12", square(lambda rng, size: rng.standard_normal(size))),
    "uniform": ("12 uniform in 12", square(lambda rng, size: rng.uniform(-1, 1, size))),
    "laplace": ("12 Laplace in 12", square(lambda rng, size: rng.laplace(size=size))),
    "parts": ("10 non-negative parts in 30", parts),
    "sparse": ("32 sparse, either sign, in 16", mixture(16, 32, "sparse_laplace", 4, 20_000)),
    "nonnegative": (
        "32 sparse, non-negative, in 16",
        mixture(16, 32, "sparse_exponential", 4, 20_000),
    ),
    "few": ("the same, 300 samples", mixture(16, 32, "sparse_exponential", 4, 300)),
    "trees": ("96 in trees in 32", trees),
    "light": ("8 uniform in 4", light),
}
QUICK = ("uniform", "parts")


def fewest(data: Data) -> int:
    """As many components as wanted, but no more than features."""
    return min(data.mixing.shape)


def overica(data: Data, seed: int) -> np.ndarray:
    """The estimator; of sources that are never negative, with the prior that says so."""
    prior = "exponential" if data.nonnegative else "auto"
    return OvercompleteICA(data.mixing.shape[1], prior=prior, random_state=seed).fit(data.X).mixing_


def fastica(data: Data, seed: int) -> np.ndarray:
    """Symmetric, log cosh."""
    return (
        FastICA(fewest(data), whiten="unit-variance", max_iter=500, random_state=seed)
        .fit(data.X)
        .mixing_
    )


def pca(data: Data, seed: int) -> np.ndarray:
    """Directions of largest variance."""
    return PCA(fewest(data)).fit(data.X).components_.T


def nmf(data: Data, seed: int) -> np.ndarray | None:
    """None where it does not apply."""
    if data.X.min() < 0:
        return None
    return NMF(fewest(data), max_iter=500, random_state=seed).fit(data.X).components_.T


def dictionary_learning(data: Data, seed: int) -> np.ndarray:
    """Its penalty moved to the true number of active sources."""
    learner = DictionaryLearningBaseline(
        data.mixing.shape[1],
        n_active=data.n_active,
        nonnegative=data.nonnegative,
        random_state=seed,
    )
    return learner.fit(data.X).components_.T


def autoencoder(data: Data, seed: int) -> np.ndarray:
    """The better, by the truth, of two; codes of either sign take two columns, so there are twice as many."""
    n = data.mixing.shape[1] * (1 if data.nonnegative else 2)
    told = {"n_active": data.n_active, "n_steps": 3000, "random_state": seed}
    found = [SAE(n, **told).fit(data.X).mixing_ for SAE in (BatchTopKSAE, ReLUSAE)]
    return max(found, key=lambda A: share(A, data))


TOOLS = {
    "overica": overica,
    "FastICA": fastica,
    "PCA": pca,
    "NMF": nmf,
    "dictionary learning": dictionary_learning,
    "autoencoder": autoencoder,
}


def share(mixing: np.ndarray, data: Data) -> float:
    """Of the true columns, how many are found, in per cent."""
    cosines = match_components(mixing, data.mixing).cosines
    return 100 * float((cosines > FOUND).sum()) / data.mixing.shape[1]


def cell(values: list[float]) -> str:
    """Mean and range."""
    if not values:
        return ""
    low, high = min(values), max(values)
    spread = "" if round(low) == round(high) else f" ({low:.0f} to {high:.0f})"
    return f"{np.mean(values):.0f}{spread}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", default=None, help=f"comma-separated: {','.join(CASES)}")
    parser.add_argument("--seeds", type=int, default=None)
    parser.add_argument("--quick", action="store_true", help="two cases, one seed")
    options = parser.parse_args()
    names = options.cases.split(",") if options.cases else QUICK if options.quick else list(CASES)
    if unknown := [name for name in names if name not in CASES]:
        parser.error(f"unknown cases {unknown}, expected some of {list(CASES)}")
    seeds = range(options.seeds or (1 if options.quick else 3))
    spent: dict[str, list[float]] = {tool: [] for tool in TOOLS}
    print("| data | " + " | ".join(TOOLS) + " | by chance |")
    print("|---" * (len(TOOLS) + 2) + "|")
    for name in names:
        title, draw = CASES[name]
        found: dict[str, list[float]] = {tool: [] for tool in [*TOOLS, "by chance"]}
        for seed in seeds:
            data = draw(np.random.default_rng(seed))
            random = np.random.default_rng(1000 + seed).standard_normal(data.mixing.shape)
            found["by chance"].append(share(random, data))
            for tool, learn in TOOLS.items():
                start = time.process_time()
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    mixing = learn(data, seed)
                if mixing is not None:
                    spent[tool].append(time.process_time() - start)
                    found[tool].append(share(mixing, data))
        print(f"| {title} | " + " | ".join(map(cell, found.values())) + " |", flush=True)
    seconds = (f"{np.mean(times):.1f}" if times else "" for times in spent.values())
    print("| CPU s | " + " | ".join(seconds) + " | |")


if __name__ == "__main__":
    main()
