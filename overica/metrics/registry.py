"""The tables of metrics: a new one is a function in a file beside this and a line here."""

from collections.abc import Mapping
from typing import Any, Protocol

from numpy.typing import ArrayLike

from overica._validation import check_choice
from overica.metrics.composition import composed_share, composition_index
from overica.metrics.firing import (
    f1,
    f1_by_chance,
    precision,
    precision_by_chance,
    recall,
    recall_by_chance,
)
from overica.metrics.fit import dead_share, explained_variance, l0
from overica.metrics.magnitudes import (
    code_correlation,
    code_correlation_by_chance,
    magnitude_error,
    magnitude_error_by_chance,
    shrinkage,
    shrinkage_by_chance,
)
from overica.metrics.matching import Matching
from overica.metrics.recovery import (
    mean_cosine,
    mean_max_cosine,
    mean_max_cosine_recall,
    share_recovered,
)


class Metric(Protocol):
    """A figure of learned directions against true ones.

    `mixing_a` of shape (n_features, n_learned) and `mixing_true` of shape (n_features, n_true)
    hold directions in their columns, of any length; `nonnegative` says whether a column and its
    negative differ.  Those of `METRICS` are at most 1, and 1 for the truth itself.

    Examples
    --------
    >>> import numpy as np
    >>> def widths(mixing_a, mixing_true, nonnegative=False):
    ...     return np.shape(mixing_a)[1] / np.shape(mixing_true)[1]
    >>> get_metric(widths)(np.eye(2), np.eye(2))
    1.0
    """

    def __call__(
        self, mixing_a: ArrayLike, mixing_true: ArrayLike, nonnegative: bool = False
    ) -> float: ...


class CodeMetric(Protocol):
    """A figure of learned codes against true ones.

    `codes` of shape (n_samples, n_learned) and `codes_true` of shape (n_samples, n_true) belong
    to the same samples; `matching` says which column is which, from `match_components`.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.metrics import match_components
    >>> S = np.array([[1.0, 0.0], [0.0, 2.0]])
    >>> CODE_METRICS["f1"](S, S, match_components(np.eye(2), np.eye(2)))
    1.0
    """

    def __call__(self, codes: Any, codes_true: Any, matching: Matching) -> float: ...


class FitMetric(Protocol):
    """A figure of codes and the reconstruction they give, without a truth.

    `X` and `X_hat` of shape (n_samples, n_features) are samples and reconstructions in the same
    units, `codes` of shape (n_samples, n_components) the codes behind them.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.array([[1.0, 0.0], [0.0, 2.0]])
    >>> FIT_METRICS["l0"](X, X, X)
    1.0
    """

    def __call__(self, X: Any, X_hat: Any, codes: Any) -> float: ...


METRICS: dict[str, Metric] = {
    "mean_cosine": mean_cosine,
    "share_recovered": share_recovered,
    "mean_max_cosine": mean_max_cosine,
    "mean_max_cosine_recall": mean_max_cosine_recall,
}
"""Of directions, by name: at most 1, and 1 for the truth in any order and of any lengths. Chance: `chance_level`."""

COMPOSITION_METRICS: dict[str, Metric] = {
    "composition_index": composition_index,
    "composed_share": composed_share,
}
"""Called as those of `METRICS`, but no scores: a high figure is neither good nor bounded by 1."""

CODE_METRICS: dict[str, CodeMetric] = {
    "precision": precision,
    "recall": recall,
    "f1": f1,
    "code_correlation": code_correlation,
    "shrinkage": shrinkage,
    "magnitude_error": magnitude_error,
}
"""Of codes of matched columns, by name, ``score(codes, codes_true, matching)``. Chance: `code_chance`."""

# Expectations over the order of the samples; a metric that is missing here is shuffled instead.
CODE_CHANCE: dict[str, CodeMetric] = {
    "precision": precision_by_chance,
    "recall": recall_by_chance,
    "f1": f1_by_chance,
    "code_correlation": code_correlation_by_chance,
    "shrinkage": shrinkage_by_chance,
    "magnitude_error": magnitude_error_by_chance,
}

FIT_METRICS: dict[str, FitMetric] = {
    "explained_variance": explained_variance,
    "l0": l0,
    "dead_share": dead_share,
}
"""Of reconstruction and sparsity, by name, ``score(X, X_hat, codes)``. Chance: `fit_chance`."""


def get_metric(metric: str | Metric) -> Metric:
    """Return the metric of that name; a callable is returned as it is.

    Parameters
    ----------
    metric : str or callable
        A name of `METRICS` or `COMPOSITION_METRICS`, or any
        ``score(mixing_a, mixing_true, nonnegative=False)``.

    Returns
    -------
    callable

    Raises
    ------
    ValueError
        If the name is unknown.

    Examples
    --------
    >>> get_metric("mean_cosine").__name__
    'mean_cosine'
    """
    if callable(metric):
        return metric
    table: Mapping[str, Metric] = METRICS | COMPOSITION_METRICS
    return table[check_choice(metric, "metric", table)]
