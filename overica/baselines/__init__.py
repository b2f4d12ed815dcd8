"""Peers from their own libraries and papers, as featurisers: what overcomplete ICA and autoencoders are held to.

`BASELINES` names them. Each is an estimator with scikit-learn's interface, and says of itself what a study has to know,
see `Baseline`.

Examples
--------
>>> from overica.baselines import BASELINES
>>> BASELINES["fastica"].label, BASELINES["fastica"].sweeps, BASELINES["dictionary_learning"].sweeps
('FastICA (scikit-learn)', False, True)
"""

from overica import _methods
from overica._methods import imported
from overica.baselines.base import Baseline
from overica.baselines.dictionary_learning import DictionaryLearningBaseline
from overica.baselines.fastica import FastICABaseline
from overica.baselines.linear import LinearFeaturiser
from overica.baselines.pca import PCABaseline
from overica.baselines.rica import RICABaseline

BASELINES: dict[str, type[Baseline]] = imported(_methods.BASELINES)
"""Baselines by name."""

__all__ = [
    "BASELINES",
    "Baseline",
    "DictionaryLearningBaseline",
    "FastICABaseline",
    "LinearFeaturiser",
    "PCABaseline",
    "RICABaseline",
]
