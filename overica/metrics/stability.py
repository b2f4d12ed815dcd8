"""Do several fits of the same data find the same directions?  No truth is needed."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from overica._deprecation import renamed_keyword
from overica.metrics.chance import chance_level
from overica.metrics.evaluation import Figure
from overica.metrics.matching import match_components
from overica.metrics.recovery import mean_cosine
from overica.metrics.words import described


@renamed_keyword("signed", "nonnegative")
@described(
    "stability",
    "Mean cosine between the matched directions of two seeds; seeds can agree on what is wrong.",
    group="directions",
)
def stability(
    mixings: Sequence[ArrayLike],
    nonnegative: bool = False,
    *,
    n_draws: int = 20,
    random_state: int | np.random.Generator | None = 0,
) -> Figure:
    """Mean matched cosine between the dictionaries of several seeds.

    ``mean over pairs (s, t) of  sum_p |cos(a^s_l(p), a^t_m(p))| / max(n_s, n_t)``, each pair of
    dictionaries matched one to one; where their sizes n differ, surplus columns count 0.  Seeds
    can agree on directions that are wrong, and this does not see it.

    Parameters
    ----------
    mixings : sequence of array-like, each of shape (n_features, n_components)
        Learned matrices, at least two; their numbers of columns may differ.
    nonnegative : bool
        Whether codes cannot be negative, so that a column and its negative differ.
    n_draws : int
        Pairs of random matrices behind the chance level.
    random_state : None, int or numpy.random.Generator
        Source of the random matrices.

    Returns
    -------
    Figure
        `value` in [0, 1] ([-1, 1] if `nonnegative`), `chance` for random directions of the same
        sizes, and 1, the `best`.

    Raises
    ------
    ValueError
        If there are fewer than two matrices, or their numbers of rows differ.

    Examples
    --------
    >>> A = np.eye(8)
    >>> figure = stability([A, -A[:, ::-1], A])
    >>> figure.value, figure.chance < 0.8, figure.best
    (1.0, True, 1.0)
    """
    if len(mixings) < 2:
        raise ValueError(f"`mixings` must hold at least 2 matrices, got {len(mixings)}")
    values, chances = [], []
    for first, second in combinations(mixings, 2):
        matching = match_components(first, second, nonnegative)
        n_first, n_second = np.shape(first)[1], matching.n_true
        larger, smaller = max(n_first, n_second), min(n_first, n_second)
        values.append(matching.cosines.sum() / larger)
        n_features = np.shape(first)[0]
        level = chance_level(
            mean_cosine,
            n_features,
            smaller,
            larger,
            nonnegative,
            n_draws,
            random_state=random_state,
        )
        chances.append(level.mean)
    return Figure(float(np.mean(values)), float(np.mean(chances)), 1.0)
