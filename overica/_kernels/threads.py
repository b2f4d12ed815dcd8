"""How many threads a call may take."""

from __future__ import annotations

import os

from overica._validation import check_scalar

__all__ = ["get_num_threads", "set_num_threads"]

_VARIABLES = ("OVERICA_NUM_THREADS", "OMP_NUM_THREADS")


def _default() -> int:
    """What the environment says, as of other numerical libraries; else the processors this process may use."""
    for name in _VARIABLES:
        value = os.environ.get(name, "")
        if value.isdigit() and int(value) > 0:
            return int(value)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_allowed: int | None = None


def get_num_threads() -> int:
    """Threads that a call of the compiled kernels may take; small batches take fewer.

    Returns
    -------
    int

    Examples
    --------
    >>> set_num_threads(1)
    >>> get_num_threads()
    1
    """
    return _default() if _allowed is None else _allowed


def set_num_threads(n_threads: int | None) -> None:
    """Set how many threads the compiled kernels may take; None goes back to what the environment says.

    Parameters
    ----------
    n_threads : int or None
        At least 1. The environment's ``OVERICA_NUM_THREADS``, else ``OMP_NUM_THREADS``, is the default; without them
        every processor that this process may use. Results do not depend on it.

    Raises
    ------
    ValueError
        If it is not a positive integer.

    Examples
    --------
    >>> set_num_threads(2)
    >>> get_num_threads()
    2
    >>> set_num_threads(None)
    """
    global _allowed
    if n_threads is not None:
        n_threads = check_scalar(n_threads, "n_threads", minimum=1, integer=True)
    _allowed = n_threads
