"""What a metric of directions gives for random ones: the level any claim of recovery must exceed."""

from collections.abc import Hashable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from overica._deprecation import renamed_keyword
from overica._validation import check_scalar
from overica.metrics.registry import Metric, get_metric
from overica.random_state import generator


class ChanceLevel(NamedTuple):
    """Mean and standard deviation of a metric between independent random matrices.

    Examples
    --------
    >>> level = chance_level("mean_cosine", 16, 32, 32, random_state=0)
    >>> 0.4 < level.mean < 0.6, level.std < 0.05
    (True, True)
    """

    mean: float
    std: float


@renamed_keyword("signed", "nonnegative")
def chance_level(
    metric: str | Metric,
    n_features: int,
    n_components_learned: int,
    n_components_true: int,
    nonnegative: bool = False,
    n_draws: int = 100,
    random_state: int | np.random.Generator | None = None,
) -> ChanceLevel:
    """Mean and standard deviation of a metric between matrices of random directions.

    Both matrices have independent columns, uniform on the sphere, in every draw.  A level drawn
    from an integer seed is remembered: asking again costs nothing.

    Parameters
    ----------
    metric : str or callable
        A name of `METRICS` or `COMPOSITION_METRICS`, or any
        ``score(mixing_a, mixing_true, nonnegative=False)``.
    n_features : int
        Dimension of the directions.
    n_components_learned, n_components_true : int
        Columns of the two matrices.
    nonnegative : bool
        Passed on to the metric.
    n_draws : int
        Independent pairs of matrices.
    random_state : None, int or numpy.random.Generator
        Source of the directions.

    Returns
    -------
    ChanceLevel
        ``(mean, std)`` over the draws; `std` (with ``n_draws - 1``) is NaN for a single draw.

    Raises
    ------
    ValueError
        If `metric` is an unknown name or a count is below 1.

    Examples
    --------
    In two dimensions any three lines lie close to any other three:

    >>> chance_level("mean_cosine", 2, 3, 3, random_state=0).mean > 0.75
    True
    >>> chance_level("mean_cosine", 64, 128, 128, n_draws=5, random_state=0).mean < 0.4
    True
    """
    score = get_metric(metric)
    sizes = (
        check_scalar(n_features, "n_features", minimum=1, integer=True),
        check_scalar(n_components_learned, "n_components_learned", minimum=1, integer=True),
        check_scalar(n_components_true, "n_components_true", minimum=1, integer=True),
        bool(nonnegative),
        check_scalar(n_draws, "n_draws", minimum=1, integer=True),
    )
    if isinstance(random_state, int) and isinstance(score, Hashable):
        return _remembered(score, *sizes, random_state)
    return _draw(score, *sizes, generator(random_state))


def _draw(
    score: Metric,
    n_features: int,
    n_learned: int,
    n_true: int,
    nonnegative: bool,
    n_draws: int,
    rng: np.random.Generator,
) -> ChanceLevel:
    scores = np.array(
        [
            score(
                rng.standard_normal((n_features, n_learned)),
                rng.standard_normal((n_features, n_true)),
                nonnegative,
            )
            for _ in range(n_draws)
        ]
    )
    spread = scores.std(ddof=1) if n_draws > 1 else np.nan
    return ChanceLevel(float(scores.mean()), float(spread))


# A study asks for the same few levels in every cell, and each costs many matchings.
@lru_cache(maxsize=1024)
def _remembered(
    score: Metric,
    n_features: int,
    n_learned: int,
    n_true: int,
    nonnegative: bool,
    n_draws: int,
    seed: int,
) -> ChanceLevel:
    return _draw(score, n_features, n_learned, n_true, nonnegative, n_draws, generator(seed))
