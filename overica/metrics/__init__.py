"""How well learned directions, codes and reconstructions match the truth, beside what chance gives.

A figure without its chance level says little: in few dimensions, or with many columns, random
directions score high too.  `evaluate` returns every figure with its chance level and with what
the truth itself would get.  The tables, by what their metrics are called with:

- `METRICS`, ``score(mixing_a, mixing_true, nonnegative=False)``: directions of the columns alone; at
  most 1, and 1 for the truth in any order and of any lengths.  `COMPOSITION_METRICS` are called
  alike, and say whether learned features are sums of true ones.  Chance: `chance_level`.
- `CODE_METRICS`, ``score(codes, codes_true, matching)``: firing and sizes of the codes of matched
  columns.  Chance: `code_chance`.
- `FIT_METRICS`, ``score(X, X_hat, codes)``: reconstruction and sparsity.  Chance: `fit_chance`.

Beside the tables: `monosemanticity` of a featuriser that is shown one true feature at a time,
`max_cosine_histogram` against random directions, `stability` from seed to seed, and `meta_dictionary`, the parts that
a dictionary's own directions share.
"""

from overica.metrics.chance import ChanceLevel, chance_level
from overica.metrics.code_chance import code_chance, fit_chance
from overica.metrics.composition import composed_share, composition_index
from overica.metrics.evaluation import Figure, evaluate
from overica.metrics.firing import f1, precision, recall
from overica.metrics.fit import dead_share, explained_variance, l0
from overica.metrics.magnitudes import code_correlation, magnitude_error, shrinkage
from overica.metrics.matching import Matching, cosine_matrix, match_components
from overica.metrics.max_cosines import MaxCosineHistogram, max_cosine_histogram
from overica.metrics.meta_dictionary import MetaDictionary, meta_dictionary
from overica.metrics.monosemanticity import (
    feature_responses,
    monosemanticity,
    monosemanticity_chance,
)
from overica.metrics.recovery import (
    mean_cosine,
    mean_max_cosine,
    mean_max_cosine_recall,
    share_recovered,
)
from overica.metrics.registry import (
    CODE_METRICS,
    COMPOSITION_METRICS,
    FIT_METRICS,
    METRICS,
    CodeMetric,
    FitMetric,
    Metric,
    get_metric,
)
from overica.metrics.stability import stability

__all__ = [
    "evaluate",
    "Figure",
    "METRICS",
    "COMPOSITION_METRICS",
    "CODE_METRICS",
    "FIT_METRICS",
    "Metric",
    "CodeMetric",
    "FitMetric",
    "get_metric",
    "ChanceLevel",
    "chance_level",
    "code_chance",
    "fit_chance",
    "Matching",
    "cosine_matrix",
    "match_components",
    "MetaDictionary",
    "meta_dictionary",
    "mean_cosine",
    "mean_max_cosine",
    "mean_max_cosine_recall",
    "share_recovered",
    "composition_index",
    "composed_share",
    "precision",
    "recall",
    "f1",
    "code_correlation",
    "shrinkage",
    "magnitude_error",
    "explained_variance",
    "l0",
    "dead_share",
    "feature_responses",
    "monosemanticity",
    "monosemanticity_chance",
    "MaxCosineHistogram",
    "max_cosine_histogram",
    "stability",
]
