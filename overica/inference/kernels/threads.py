"""How many threads a batch is worth."""

from collections.abc import Iterator
from contextlib import contextmanager

import numba

__all__ = ["threads_for"]

WORK_PER_THREAD = 4_000_000
"""Multiplications of ``X A`` that a thread must have to do, some milliseconds of the whole.

On a machine that is busy with other things the threads wait for the slowest one until that is scheduled again, which
takes longer than a small batch: steps with less work than this were measured to take ten times as long in two
threads as in one.
"""


@contextmanager
def threads_for(n_samples: int, n_features: int, n_components: int) -> Iterator[int]:
    """As many threads as the batch is worth, and at most as many as are allowed, while the context lasts."""
    allowed = numba.get_num_threads()
    worth = n_samples * n_features * n_components // WORK_PER_THREAD
    used = min(allowed, max(1, worth))
    if used == allowed:
        yield used
        return
    numba.set_num_threads(used)
    try:
        yield used
    finally:
        numba.set_num_threads(allowed)
