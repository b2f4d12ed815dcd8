"""Activations of transformers: collected to disk, replaced by reconstructions, described by features.

Needs the extra `lm` (``pip install overica[lm]``) where a model is loaded; a folder of activations opens without it.
"""

from overica.lm.collect import collect_activations
from overica.lm.densities import DensityFit, fit_densities
from overica.lm.directions import agreement, feature_clusters
from overica.lm.docstrings import SCIENTIFIC_PACKAGES, scientific_docstrings
from overica.lm.files import TokenRows
from overica.lm.loss import Measure, SubstitutionLoss
from overica.lm.model import LanguageModel, load_model, minilm_path
from overica.lm.shards import ShardedRows
from overica.lm.store import ActivationStore
from overica.lm.study import FeatureStudy
from overica.lm.study_config import FeatureStudyConfig
from overica.lm.study_methods import FEATURE_METHODS
from overica.lm.substitution import Substitution, substitution_loss
from overica.lm.texts import Document, documents
from overica.lm.writer import StoreWriter

__all__ = [
    "ActivationStore",
    "DensityFit",
    "Document",
    "FEATURE_METHODS",
    "FeatureStudy",
    "FeatureStudyConfig",
    "LanguageModel",
    "Measure",
    "SCIENTIFIC_PACKAGES",
    "ShardedRows",
    "StoreWriter",
    "Substitution",
    "SubstitutionLoss",
    "TokenRows",
    "agreement",
    "collect_activations",
    "documents",
    "feature_clusters",
    "fit_densities",
    "load_model",
    "minilm_path",
    "scientific_docstrings",
    "substitution_loss",
]
