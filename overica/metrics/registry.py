"""The table of metrics: a new one is a function in a file beside this and a line here."""

from typing import Protocol

from numpy.typing import ArrayLike

from overica._validation import check_choice
from overica.metrics.recovery import mean_cosine, mean_max_cosine, share_recovered


class Metric(Protocol):
    """A score of learned columns against true ones: at most 1, and 1 for the truth itself."""

    def __call__(
        self, mixing_a: ArrayLike, mixing_true: ArrayLike, signed: bool = False
    ) -> float: ...


METRICS: dict[str, Metric] = {
    "mean_cosine": mean_cosine,
    "share_recovered": share_recovered,
    "mean_max_cosine": mean_max_cosine,
}


def get_metric(metric: str | Metric) -> Metric:
    """Return the metric of that name; a callable is returned as it is.

    Parameters
    ----------
    metric : str or callable
        A name of `METRICS`, or any ``score(mixing_a, mixing_true, signed=False)``.

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
    return METRICS[check_choice(metric, "metric", METRICS)]
