"""Methods that learn dictionaries, each a name and the place of its class: here alone is one registered.

Nothing is imported by knowing names, so that whoever mistypes one is told at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

SAES = {
    "relu": "overica.sae.relu:ReLUSAE",
    "tied": "overica.sae.tied:TiedSAE",
    "gated": "overica.sae.gated:GatedSAE",
    "jumprelu": "overica.sae.jumprelu:JumpReLUSAE",
    "topk": "overica.sae.topk:TopKSAE",
    "abstopk": "overica.sae.abstopk:AbsTopKSAE",
    "batchtopk": "overica.sae.batchtopk:BatchTopKSAE",
    "matryoshka": "overica.sae.matryoshka:MatryoshkaSAE",
    "matching_pursuit": "overica.sae.matching_pursuit:MatchingPursuitSAE",
}
"""Of `overica.sae.SAES`."""
BASELINES = {
    "dictionary_learning": "overica.baselines.dictionary_learning:DictionaryLearningBaseline",
    "fastica": "overica.baselines.fastica:FastICABaseline",
    "rica": "overica.baselines.rica:RICABaseline",
    "pca": "overica.baselines.pca:PCABaseline",
}
"""Of `overica.baselines.BASELINES`."""


def imported(places: Mapping[str, str]) -> dict[str, Any]:
    """What stands at places, a module and a name in it.

    Examples
    --------
    >>> imported({"pi": "math:pi"})
    {'pi': 3.141592653589793}
    """
    parted = {name: place.split(":") for name, place in places.items()}
    return {name: getattr(import_module(module), what) for name, (module, what) in parted.items()}
