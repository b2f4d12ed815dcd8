"""Activations of transformers: collected to disk, replaced by reconstructions, described by features.

Needs the extra `lm` (``pip install 'overica[lm]'``) where a model is loaded; a folder of activations opens without it.
"""

from typing import TYPE_CHECKING

from overica._names import handed_out

if TYPE_CHECKING:
    from overica.lm.collecting.collect import collect_activations as collect_activations
    from overica.lm.collecting.docstrings import SCIENTIFIC_PACKAGES as SCIENTIFIC_PACKAGES
    from overica.lm.collecting.docstrings import scientific_docstrings as scientific_docstrings
    from overica.lm.collecting.model import LanguageModel as LanguageModel
    from overica.lm.collecting.model import load_model as load_model
    from overica.lm.collecting.model import minilm_path as minilm_path
    from overica.lm.collecting.sites import SITES as SITES
    from overica.lm.collecting.sites import Site as Site
    from overica.lm.collecting.sites import find_site as find_site
    from overica.lm.collecting.texts import Document as Document
    from overica.lm.collecting.texts import documents as documents
    from overica.lm.features.agreement import agreement as agreement
    from overica.lm.features.agreement import feature_clusters as feature_clusters
    from overica.lm.features.densities import DensityFit as DensityFit
    from overica.lm.features.densities import fit_densities as fit_densities
    from overica.lm.features.text import TextFeatures as TextFeatures
    from overica.lm.features.text import text_features as text_features
    from overica.lm.store.activation_store import ActivationStore as ActivationStore
    from overica.lm.store.activations import Activations as Activations
    from overica.lm.store.files import TokenRows as TokenRows
    from overica.lm.store.foreign.foreign_store import ForeignStore as ForeignStore
    from overica.lm.store.opening import open_store as open_store
    from overica.lm.study.feature_config import FeatureStudyConfig as FeatureStudyConfig
    from overica.lm.study.feature_results import FeatureResults as FeatureResults
    from overica.lm.study.feature_study import FeatureStudy as FeatureStudy
    from overica.lm.substitution.loss import Measure as Measure
    from overica.lm.substitution.loss import SubstitutionLoss as SubstitutionLoss
    from overica.lm.substitution.substitution import Substitution as Substitution
    from overica.lm.substitution.substitution import substitution_loss as substitution_loss
    from overica.lm.writer import StoreWriter as StoreWriter

_HOMES = {
    "collecting.collect": "collect_activations",
    "collecting.docstrings": "SCIENTIFIC_PACKAGES scientific_docstrings",
    "collecting.model": "LanguageModel load_model minilm_path",
    "collecting.sites": "SITES Site find_site",
    "collecting.texts": "Document documents",
    "features.agreement": "agreement feature_clusters",
    "features.densities": "DensityFit fit_densities",
    "features.text": "TextFeatures text_features",
    "store.activation_store": "ActivationStore",
    "store.activations": "Activations",
    "store.files": "TokenRows",
    "store.foreign.foreign_store": "ForeignStore",
    "store.opening": "open_store",
    "study.feature_config": "FeatureStudyConfig",
    "study.feature_results": "FeatureResults",
    "study.feature_study": "FeatureStudy",
    "substitution.loss": "Measure SubstitutionLoss",
    "substitution.substitution": "Substitution substitution_loss",
    "writer": "StoreWriter",
}
"""Names by module: who opens a folder need not wait for torch."""
_LATER = {name: f"{__name__}.{home}" for home, names in _HOMES.items() for name in names.split()}
__all__ = sorted(_LATER)
__getattr__ = handed_out(__name__, _LATER, moved={"ShardedRows": "overica.rows"})
