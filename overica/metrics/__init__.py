"""How well a learned mixing matrix matches the true one, with the level that chance reaches.

Every score of `METRICS` is called as ``score(mixing_a, mixing_true, signed=False)``, looks at the
directions of the columns alone, is at most 1, and is 1 for the true matrix whatever the order and
the lengths of its columns.  A score without its `chance_level` says little: in few dimensions, or
with many columns, random directions score high too.
"""

from overica.metrics.chance import ChanceLevel, chance_level
from overica.metrics.matching import Matching, cosine_matrix, match_components
from overica.metrics.recovery import mean_cosine, mean_max_cosine, share_recovered
from overica.metrics.registry import METRICS, get_metric

__all__ = [
    "METRICS",
    "ChanceLevel",
    "Matching",
    "chance_level",
    "cosine_matrix",
    "get_metric",
    "match_components",
    "mean_cosine",
    "mean_max_cosine",
    "share_recovered",
]
