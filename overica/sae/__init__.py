"""Sparse autoencoders: an encoder and a dictionary, trained together by stochastic gradients.

Every variant of `SAES` is an estimator with the parameters, attributes and methods of `SparseAutoencoder`. Each takes a
penalty from `ORTHOGONALITY`, and can be trained in stages by `FrozenStages` and `ResidualStages`.
"""

from overica import _methods
from overica._methods import imported
from overica._names import handed_out
from overica.sae.abstopk import AbsTopKSAE
from overica.sae.base import SparseAutoencoder
from overica.sae.batchtopk import BatchTopKSAE
from overica.sae.gated import GatedSAE
from overica.sae.jumprelu import JumpReLUSAE
from overica.sae.matching_pursuit import MatchingPursuitSAE
from overica.sae.matryoshka import MatryoshkaSAE
from overica.sae.module import Autoencoder, Losses
from overica.sae.orthogonality import ORTHOGONALITY, OrthogonalityPenalty, get_orthogonality
from overica.sae.relu import ReLUSAE
from overica.sae.scaling import fine_tune_scale
from overica.sae.stages import FrozenStages, ResidualStages
from overica.sae.steering import steer
from overica.sae.tied import TiedSAE
from overica.sae.topk import TopKSAE
from overica.sae.trainer import Orthogonality, TrainingError

SAES: dict[str, type[SparseAutoencoder]] = imported(_methods.SAES)
"""Sparse autoencoders by name."""

__all__ = [
    "ORTHOGONALITY",
    "SAES",
    "AbsTopKSAE",
    "Autoencoder",
    "BatchTopKSAE",
    "FrozenStages",
    "GatedSAE",
    "JumpReLUSAE",
    "Losses",
    "MatchingPursuitSAE",
    "MatryoshkaSAE",
    "Orthogonality",
    "OrthogonalityPenalty",
    "ReLUSAE",
    "ResidualStages",
    "SparseAutoencoder",
    "TiedSAE",
    "TopKSAE",
    "TrainingError",
    "fine_tune_scale",
    "get_orthogonality",
    "steer",
]

__getattr__ = handed_out(__name__, moved={"as_jumprelu": "overica.formats"})
