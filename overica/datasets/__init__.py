"""Data with a known truth, and photographs.

The sets of `DATASETS` are functions that return a `Mixture`: samples with the true columns and
codes, and `Mixture.describe()`, which says what chance gives and whether the columns can be found
at all.  All can be called with a `random_state` alone.  The name of every source law for
`make_mixture` is in `SOURCES`.  A new set is one function in one file here and one line in
`DATASETS`.  Beside them, recordings: photographs and talkers.
"""

from collections.abc import Callable
from functools import partial

from overica.datasets.composed import ComposedFeatures, make_composed
from overica.datasets.compositional import make_compositional
from overica.datasets.correlated_trees import make_hierarchy
from overica.datasets.deep_hierarchy import make_deep_hierarchy
from overica.datasets.description import Description
from overica.datasets.identifiability import Verdict
from overica.datasets.images import load_images
from overica.datasets.independent import make_mixture
from overica.datasets.mixture import Mixture
from overica.datasets.photograph_patches import load_patches, whiten_image
from overica.datasets.planar import make_archetypes, make_exponential, make_laplace
from overica.datasets.sources import SOURCES, SourceLaw
from overica.datasets.sparse_but_wrong import make_sparse_but_wrong
from overica.datasets.sparse_random import make_sparse_random
from overica.datasets.talkers import (
    TalkerMixture,
    Talkers,
    load_talkers,
    make_talkers,
    spread_directions,
)
from overica.datasets.three_features import make_three_features
from overica.datasets.toy_model import ToyModel, make_toy_model

DATASETS: dict[str, Callable[..., Mixture]] = {
    "mixture": make_mixture,
    "exponential": make_exponential,
    "exponential_2x4": partial(make_exponential, n_components=4),
    "laplace": make_laplace,
    "laplace_2x4": partial(make_laplace, n_components=4),
    "archetypes": make_archetypes,
    "sparse_random": make_sparse_random,
    "three_features": make_three_features,
    "composed": make_composed,
    "composed_correlated": partial(make_composed, amplitude_correlation=1.0),
    "composed_one_hot": partial(make_composed, one_hot=0.75),
    "hierarchy": make_hierarchy,
    "deep_hierarchy": make_deep_hierarchy,
    "sparse_but_wrong": make_sparse_but_wrong,
    "compositional": make_compositional,
    "compositional_held_out": partial(make_compositional, n_held_out=2500),
}
"""Sets by name, each a function that can be called with a `random_state` alone."""

__all__ = [
    "DATASETS",
    "SOURCES",
    "ComposedFeatures",
    "Description",
    "Mixture",
    "SourceLaw",
    "TalkerMixture",
    "Talkers",
    "ToyModel",
    "Verdict",
    "load_images",
    "load_patches",
    "load_talkers",
    "make_archetypes",
    "make_composed",
    "make_compositional",
    "make_deep_hierarchy",
    "make_exponential",
    "make_hierarchy",
    "make_laplace",
    "make_mixture",
    "make_sparse_but_wrong",
    "make_sparse_random",
    "make_talkers",
    "make_three_features",
    "make_toy_model",
    "spread_directions",
    "whiten_image",
]
