"""Columns along one line: how a sum splits between them is arbitrary."""

from collections.abc import Sequence

import numpy as np

from overica.datasets.identifiability.strata import Stratum
from overica.datasets.identifiability.truth import Truth, Verdict

_PARALLEL = 1 - 1e-9
"""``|cos|`` above which two columns lie on one line."""


def parallel_columns(truth: Truth, strata: Sequence[Stratum]) -> Verdict | None:
    """Refuted by two columns of one direction, or of two opposite ones where sources have both signs."""
    cosines = truth.cosines
    same = np.triu((cosines if truth.nonnegative else np.abs(cosines)) > _PARALLEL, 1)
    if not same.any():
        return None
    i, j = np.argwhere(same)[0]
    return Verdict(
        False, f"columns {i} and {j} are parallel: how a sum splits between them is arbitrary"
    )
