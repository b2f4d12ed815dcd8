"""Which component needs which."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["parents_of"]

_HARDLY_WITHOUT = 0.8
_FEWEST = 10.0


def parents_of(together: NDArray, n_samples: float) -> NDArray[np.int64]:
    """For every component the rarest one that it hardly comes without, -1 if there is none, (n_components,).

    Component j needs i if i is the more frequent of the two, is present in at least .8 of the samples in which j is,
    and would be in no more than half as many by chance.

    Parameters
    ----------
    together : array (n_components, n_components)
        In how many of `n_samples` two are present; on the diagonal, each.
    n_samples : float

    Examples
    --------
    The last needs the second, which needs the first; all three are rarer than what they need.

    >>> together = np.array([[400, 200, 50.0], [200, 200, 50], [50, 50, 50]])
    >>> parents_of(together, 2000)
    array([-1,  0,  1])
    """
    counts = np.diag(together)
    presence = counts / n_samples
    share = together / np.maximum(counts, _FEWEST)
    needed = (share >= _HARDLY_WITHOUT) & (share >= 2 * presence[:, None])
    needed &= counts[:, None] > counts
    rarity = np.where(needed, presence[:, None], np.inf)
    return np.where(needed.any(axis=0), rarity.argmin(axis=0), -1)
