"""One generator for every draw, from whatever users give as `random_state`."""

from __future__ import annotations

from typing import Any

import numpy as np


def generator(random_state: Any) -> np.random.Generator:
    """A generator from whatever scikit-learn accepts as `random_state`, or the generator given.

    A data set of `overica.datasets` is named by its seed, and drawn from ``numpy.random.default_rng(seed)``. What is
    done with data draws from here, where the same seed gives another stream: nothing learned, and no level of
    chance, meets the numbers again that the truth was made of.

    Parameters
    ----------
    random_state : None, int, numpy.random.RandomState or numpy.random.Generator
        None takes NumPy's global state, as everywhere in scikit-learn.

    Raises
    ------
    ValueError
        If it is none of these.

    Examples
    --------
    >>> draw = generator(0).standard_normal()
    >>> draw == generator(0).standard_normal(), draw == np.random.default_rng(0).standard_normal()
    (True, False)
    """
    if isinstance(random_state, np.random.Generator):
        return random_state
    from sklearn.utils import check_random_state

    state = check_random_state(random_state)
    return np.random.default_rng(state.randint(0, 2**32, size=4, dtype=np.uint64))
