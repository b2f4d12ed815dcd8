"""Activations of transformers: collected to disk, replaced by reconstructions, described by features.

Needs the extra `lm` (``pip install 'overica[lm]'``) where a model is loaded; a folder of activations opens without it.
"""

from overica._names import handed_out
from overica.lm.collecting.collect import collect_activations
from overica.lm.collecting.docstrings import SCIENTIFIC_PACKAGES, scientific_docstrings
from overica.lm.collecting.model import LanguageModel, load_model, minilm_path
from overica.lm.collecting.sites import SITES, Site, find_site
from overica.lm.collecting.texts import Document, documents
from overica.lm.features.agreement import agreement, feature_clusters
from overica.lm.features.densities import DensityFit, fit_densities
from overica.lm.features.text import TextFeatures, text_features
from overica.lm.store.activation_store import ActivationStore
from overica.lm.store.activations import Activations
from overica.lm.store.files import TokenRows
from overica.lm.store.foreign.foreign_store import ForeignStore
from overica.lm.store.opening import open_store
from overica.lm.study.feature_config import FeatureStudyConfig
from overica.lm.study.feature_results import FeatureResults
from overica.lm.study.feature_study import FeatureStudy
from overica.lm.substitution.loss import Measure, SubstitutionLoss
from overica.lm.substitution.substitution import Substitution, substitution_loss
from overica.lm.writer import StoreWriter

__all__ = [
    "ActivationStore",
    "Activations",
    "DensityFit",
    "Document",
    "FeatureResults",
    "FeatureStudy",
    "FeatureStudyConfig",
    "ForeignStore",
    "LanguageModel",
    "Measure",
    "SCIENTIFIC_PACKAGES",
    "SITES",
    "Site",
    "StoreWriter",
    "Substitution",
    "SubstitutionLoss",
    "TextFeatures",
    "TokenRows",
    "agreement",
    "collect_activations",
    "documents",
    "feature_clusters",
    "find_site",
    "fit_densities",
    "load_model",
    "minilm_path",
    "open_store",
    "scientific_docstrings",
    "substitution_loss",
    "text_features",
]

__getattr__ = handed_out(__name__, moved={"ShardedRows": "overica.rows"})
