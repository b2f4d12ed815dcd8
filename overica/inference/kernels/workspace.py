"""Scratch memory of one worker, allocated once per call and carved into named arrays."""

from typing import NamedTuple

import numpy as np
from numba import njit

from overica.inference.kernels.bordered import FAST, LANES, wider

__all__ = ["SHORT", "START", "WIDE", "Workspace", "scratch", "workspace"]

START = 16  # first leading dimension of the inverse: two vectors of LANES
SHORT = 64  # candidates that a short list takes up besides the support
WIDE = 512  # dictionaries up to this size are searched whole


@njit(**FAST)
def carve(buffer, start, size):
    """``buffer[start : start + size]``, and where it ends, rounded up to a multiple of eight."""
    return buffer[start : start + size], start + (size + 7) // 8 * 8


class Workspace(NamedTuple):
    """Arrays of one sample's solve. Of the support's, the first ``k`` entries are valid."""

    atoms: np.ndarray
    """Indices of the active atoms."""
    slots: np.ndarray
    """Their rows in `gathered`."""
    places: np.ndarray
    """Their positions in the list of candidates."""
    signs: np.ndarray
    values: np.ndarray
    """Their codes."""
    inverse: np.ndarray
    """Flat inverse Gram matrix of the support."""
    step: np.ndarray
    u: np.ndarray
    g: np.ndarray
    moved: np.ndarray
    state: np.ndarray
    """Per candidate, see `overica.inference.kernels.pivot`."""
    r: np.ndarray
    """Correlations of all atoms with the residual."""
    bits: np.ndarray
    """`r` seen as integers."""
    columns: np.ndarray
    """Candidates of a short list."""
    local: np.ndarray
    """Their correlations."""
    local_bits: np.ndarray
    gathered: np.ndarray
    """Flat: products of active atoms and candidates of a short list."""


@njit(**FAST)
def leading(capacity):
    """Largest leading dimension that the inverse of ``capacity`` atoms grows to."""
    most = START
    while most < capacity + LANES:
        most = wider(most)
    return most


@njit(cache=True)
def scratch(workers, n, capacity, like):
    """Memory for ``workers``, one row each: float64, int32, uint8, and the type of ``like``.
    Contents do not matter.
    """
    most = leading(capacity)
    wide = most + SHORT + LANES
    gathered = wide * (most + wide) if n > WIDE else 0
    return (
        np.empty((workers, most * (most + 6) + 64)),
        np.empty((workers, 5 * most + n + 2 * SHORT + 64), np.int32),
        np.empty((workers, n + most + SHORT), np.uint8),
        np.empty((workers, n + wide + gathered + 64), like.dtype),
    )


@njit(**FAST)
def workspace(n, capacity, word, reals, integers, flags, samples):
    """Carve one worker's memory for ``n`` atoms and supports up to ``capacity``; ``word`` is an
    integer as wide as a sample.
    """
    most = leading(capacity)
    atoms, end = carve(integers, 0, most)
    places, end = carve(integers, end, most)
    slots, end = carve(integers, end, 2 * most + SHORT)
    columns, end = carve(integers, end, n + most + SHORT)
    signs, end = carve(reals, 0, most)
    values, end = carve(reals, end, most)
    step, end = carve(reals, end, most)
    u, end = carve(reals, end, most)
    g, end = carve(reals, end, most)
    moved, end = carve(reals, end, most)
    inverse, end = carve(reals, end, most * most)
    r, end = carve(samples, 0, n)
    local, end = carve(samples, end, most + SHORT + LANES)
    gathered, end = carve(samples, end, samples.size - end)
    return Workspace(
        atoms, slots, places, signs, values, inverse, step, u, g, moved, flags,
        r, r.view(word.dtype), columns, local, local.view(word.dtype), gathered,
    )  # fmt: skip
