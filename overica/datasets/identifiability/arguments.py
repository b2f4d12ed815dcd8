"""Can the true columns be found at all?  A verdict, its reason, and a counter-example if any."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from overica.datasets.identifiability.independence import independent_sources
from overica.datasets.identifiability.parallel import parallel_columns
from overica.datasets.identifiability.rays import fewest_rays
from overica.datasets.identifiability.strata import Stratum, find_strata
from overica.datasets.identifiability.supports import rich_supports
from overica.datasets.identifiability.truth import Truth, Verdict

Check = Callable[[Truth, Sequence[Stratum]], Verdict | None]
CHECKS: tuple[Check, ...] = (parallel_columns, independent_sources, fewest_rays, rich_supports)
"""Each decides or passes; the first that decides gives the verdict."""


def judge(truth: Truth) -> Verdict:
    """Verdict on the columns of a data set.

    Parameters
    ----------
    truth : Truth
        See `Mixture.truth`.

    Returns
    -------
    Verdict

    Examples
    --------
    >>> from overica.datasets import make_mixture
    >>> judge(make_mixture(1000, 2, 3, random_state=0).truth).identifiable
    True
    """
    heard = (truth.codes != 0).any(axis=0)
    if not heard.any():
        return Verdict(False, "no source is ever active in these samples")
    if not heard.all():
        others = judge(truth.without(~heard))
        return Verdict(
            others.identifiable and None,
            f"{(~heard).sum()} of {len(heard)} sources are never active in these samples, which "
            f"say nothing of them; of the others, {others.reason}",
        )
    strata = find_strata(truth.codes)
    for check in CHECKS:
        verdict = check(truth, strata)
        if verdict is not None:
            return verdict
    return Verdict(
        None, "the sources are dependent, and their supports do not single out the columns"
    )
