"""Who is who: torchrun's variables, read when they are asked for. Nothing here imports torch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

_ALONE: ContextVar[bool] = ContextVar("alone", default=False)


def world() -> int:
    """How many processes work on one fit; 1 where torchrun has started none.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If the variables contradict each other.

    Examples
    --------
    >>> world()
    1
    """
    return 1 if _ALONE.get() else _place()[1]


def rank() -> int:
    """Which of them this is, from 0: the one that writes and prints.

    Returns
    -------
    int

    Examples
    --------
    >>> rank()
    0
    """
    return 0 if _ALONE.get() else _place()[0]


def local_rank() -> int:
    """Which of those on this machine it is, from 0: by it each has a GPU of its own."""
    return _number("LOCAL_RANK", rank()) if world() > 1 else 0


def local_world() -> int:
    """How many there are on this machine."""
    return _number("LOCAL_WORLD_SIZE", world()) if world() > 1 else 1


def share(rows: np.ndarray) -> np.ndarray:
    """What of the rows of a batch, which all ranks have drawn alike, is for this one: ``rows[rank::world]``.

    Parameters
    ----------
    rows : array (n_rows, ...)

    Returns
    -------
    array

    Examples
    --------
    >>> share(np.arange(4))
    array([0, 1, 2, 3])
    """
    return rows[rank() :: world()] if world() > 1 else rows


def check_divisible(n_rows: int, name: str) -> None:
    """Raise an error if some rank would have no row of a batch.

    Parameters
    ----------
    n_rows : int
        Of a batch.
    name : str
        What sets them.

    Raises
    ------
    ValueError
    """
    if n_rows < world():
        raise ValueError(
            f"{name} must give each of the {world()} ranks a row of every batch, got {n_rows}: start fewer ranks"
        )


@contextmanager
def alone() -> Iterator[None]:
    """Let this process fit by itself, whatever torchrun has started beside it.

    Yields
    ------
    None

    Examples
    --------
    >>> with alone():
    ...     rank(), world()
    (0, 1)
    """
    before = _ALONE.set(True)
    try:
        yield
    finally:
        _ALONE.reset(before)


def _place() -> tuple[int, int]:
    """Rank and number of ranks."""
    if not {"RANK", "WORLD_SIZE"} <= os.environ.keys():
        return 0, 1
    mine, all_of_them = _number("RANK", 0), _number("WORLD_SIZE", 1)
    if not 0 <= mine < all_of_them:
        raise ValueError(f"`RANK` must be from 0 to {all_of_them - 1}, got {mine}")
    return mine, all_of_them


def _number(name: str, otherwise: int) -> int:
    text = os.environ.get(name, str(otherwise))
    if not text.strip().isdecimal():
        raise ValueError(f"`{name}` must be a number, as torchrun sets it, got {text!r}")
    return int(text)
