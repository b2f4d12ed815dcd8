"""Samples of features in trees, with their truth: as SynthSAEBench makes them, and our own.

`SETS` holds functions of a seed (and of a number of samples) that return `Features`. Sets ``a`` and ``b`` are drawn by
SAELens's generator (`sae_lens.synthetic`), whose construction is that of SynthSAEBench at another size: Zipf firing,
exclusive trees whose probabilities are compensated, a Gaussian copula of low rank, magnitudes relu(N(mean, spread^2))
of means that fall from 5 to 4, a bias of length 1.
"""

import contextlib
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import sparse

from overica.datasets import make_hierarchy
from overica.datasets.trees import Forest


@dataclass(frozen=True)
class Features:
    """Samples and where they come from."""

    X: np.ndarray
    """Samples (n_samples, n_features)."""
    directions: np.ndarray
    """True unit directions, one a row (n_true, n_features)."""
    codes: sparse.csr_matrix
    """True codes (n_samples, n_true), none negative."""
    parents: np.ndarray
    """Of each feature the one without which it never fires, or -1."""

    @property
    def firing(self):
        """How often each feature fires."""
        return self.codes.getnnz(axis=0) / self.codes.shape[0]

    @property
    def l0(self):
        """How many fire at once, on average."""
        return self.codes.nnz / self.codes.shape[0]

    @property
    def frequent(self):
        """Indices of the features, the most frequent first."""
        return np.argsort(-self.firing, kind="stable")

    def __getitem__(self, rows):
        return Features(self.X[rows], self.directions, self.codes[rows], self.parents)


def saelens(seed, n_samples, *, n_true, n_features, rank, **trees):
    """A model of SAELens and samples of it, both from the same seed."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import sae_lens.synthetic as synthetic
    config = synthetic.SyntheticModelConfig(
        num_features=n_true,
        hidden_dim=n_features,
        firing_probability=synthetic.ZipfianFiringProbabilityConfig(0.5, 0.4, 0.002),
        hierarchy=synthetic.HierarchyConfig(
            mutually_exclusive_portion=1.0, compensate_probabilities=True, **trees
        ),
        orthogonalization=synthetic.OrthogonalizationConfig(100, 3e-4),
        correlation=synthetic.LowRankCorrelationConfig(rank, 0.1),
        mean_firing_magnitudes=synthetic.LinearMagnitudeConfig(5.0, 4.0),
        std_firing_magnitudes=synthetic.FoldedNormalMagnitudeConfig(0.5, 0.5),
        bias=1.0,
        seed=seed,
    )
    with contextlib.redirect_stderr(io.StringIO()):
        model = synthetic.SyntheticModel(config)
    X, blocks = np.empty((n_samples, n_features), np.float32), []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        # Blocks, as the dense codes of all samples would fill gigabytes.
        for start in range(0, n_samples, 10_000):
            hidden, codes = model.sample_with_features(min(10_000, n_samples - start))
            X[start : start + len(hidden)] = hidden.numpy()
            blocks.append(sparse.csr_matrix(codes.numpy()))
    directions = model.feature_dict.feature_vectors.detach().numpy()
    return Features(X, directions, sparse.vstack(blocks, "csr"), _parents(model.hierarchy, n_true))


def _parents(hierarchy, n_true):
    parents = np.full(n_true, -1)
    waiting = list(hierarchy.roots)
    while waiting:
        node = waiting.pop()
        for child in node.children:
            parents[child.feature_index] = node.feature_index
            waiting.append(child)
    return parents


def ours(seed, n_samples):
    """The default set of `make_hierarchy`, 96 features in 32 dimensions."""
    data = make_hierarchy(n_samples, random_state=seed)
    parents = Forest.grow(data.mixing.shape[1], n_trees=6, branching=3, depth=2).parent
    codes = sparse.csr_matrix(data.codes.astype(np.float32))
    return Features(data.X.astype(np.float32), data.mixing.T, codes, parents)


_TREES = {"total_root_nodes": 16, "branching_factor": 4}


@dataclass(frozen=True)
class Set:
    """A set, how much of it is learned from, and what is tried on it."""

    make: Callable[[int, int], Features]
    n_samples: int
    widths: tuple[int, ...]
    n_steps: int

    def draw(self, seed, n_test, n_samples=None):
        """Samples to learn from, and others of the same features to judge by."""
        n_samples = n_samples or self.n_samples
        everything = self.make(seed, n_samples + n_test)
        return everything[:n_samples], everything[n_samples:]


SETS = {
    "a": Set(
        partial(saelens, n_true=512, n_features=64, rank=10, max_depth=2, **_TREES),
        300_000,
        (128, 512),
        1500,
    ),
    "b": Set(
        partial(saelens, n_true=2048, n_features=128, rank=25, max_depth=3, **_TREES),
        100_000,
        (512,),
        1000,
    ),
    "hierarchy": Set(ours, 30_000, (24, 96), 2000),
}
"""Sets by name; those of one letter need SAELens."""
