"""Data with a known truth, and photographs.

The sets of `DATASETS` are functions that return a `Mixture`; the name of every source law for
`make_mixture` is in `SOURCES`.  A new set is one function in one file here and one line in
`DATASETS`.
"""

from collections.abc import Callable

from overica.datasets.compositional import make_compositional
from overica.datasets.description import Description
from overica.datasets.hierarchy import make_hierarchy
from overica.datasets.independent import make_mixture
from overica.datasets.mixture import Mixture
from overica.datasets.photographs import load_patches, whiten_image
from overica.datasets.sources import SOURCES, SourceLaw
from overica.datasets.sparse_but_wrong import make_sparse_but_wrong
from overica.datasets.sparse_random import make_sparse_random

DATASETS: dict[str, Callable[..., Mixture]] = {
    "mixture": make_mixture,
    "sparse_random": make_sparse_random,
    "hierarchy": make_hierarchy,
    "sparse_but_wrong": make_sparse_but_wrong,
    "compositional": make_compositional,
}

__all__ = [
    "DATASETS",
    "SOURCES",
    "Description",
    "Mixture",
    "SourceLaw",
    "load_patches",
    "make_compositional",
    "make_hierarchy",
    "make_mixture",
    "make_sparse_but_wrong",
    "make_sparse_random",
    "whiten_image",
]
