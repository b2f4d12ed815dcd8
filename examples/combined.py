"""What the experiments on combinations share: one way to fit every method, and its label and colour."""

import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from overica import OvercompleteICA
from overica.datasets import Mixture, make_hierarchy
from overica.sae import SAES

# Okabe and Ito's colours, as in overica.plots.
METHODS = {
    "relu": ("L1", "#0072B2"),
    "tied": ("tied", "#56B4E9"),
    "gated": ("gated", "#009E73"),
    "jumprelu": ("JumpReLU", "#CC79A7"),
    "topk": ("TopK", "#E69F00"),
    "batchtopk": ("BatchTopK", "#8C7A00"),
    "matryoshka": ("Matryoshka", "#5A5A5A"),
    "ica": ("ICA", "#D55E00"),
}


LANGUAGE = (20, 26)
"""Dimensions and features of `language`."""


def language(seed: int) -> Mixture:
    """Two trees, each a root such as "the" with three contexts of three topics."""
    return make_hierarchy(
        15_000,
        *LANGUAGE,
        n_trees=2,
        branching=3,
        depth=2,
        probabilities=(0.5, 0.04),
        random_state=seed,
    )


def learn(name: str, X: np.ndarray, width: int, seed: int, **parameters: Any) -> Any:
    """A fitted method: ICA with its defaults, or an autoencoder with short, cheap runs."""
    if name == "ica":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return OvercompleteICA(width, prior="exponential", random_state=seed).fit(X)
    if name in ("topk", "matryoshka") and "n_active" in parameters:
        parameters["n_active"] = max(1, round(parameters["n_active"]))
    cheap = {"n_steps": 800, "batch_size": 256, "device": "cpu"} | parameters
    return SAES[name](width, random_state=seed, **cheap).fit(X)


def share(values: Any) -> str:
    """``5 of 6``, of booleans."""
    values = list(values)
    return f"{sum(map(bool, values))} of {len(values)}"
