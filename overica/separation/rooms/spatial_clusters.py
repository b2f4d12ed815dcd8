r"""Clusters of a room's coefficients, frequency by frequency: who is heard where, before anything is known.

Where one source is far above the others the coefficients of all microphones are multiples of one complex vector, which
differs from frequency to frequency. Whatever their size, unit vectors :math:`z = x / |x|` of a source of covariance B
have the angular central Gaussian density

.. math:: p(z | B) \propto \frac{1}{\det B \, (z^H B^{-1} z)^m},

and expectation-maximisation finds the clusters of each frequency (Ito, Araki and Nakatani 2016, "Complex angular
central Gaussian mixture model for directional statistics in mask-based microphone array signal processing", EUSIPCO).
They come in an order of their own at every frequency; `source_order` brings them into one. Then a source's prior is
how much it is heard in a window at all frequencies together, and what a frequency cannot tell apart by itself it can
(Ito, Araki and Nakatani 2013, "Permutation-free convolutive blind source separation via full-band clustering based on
frequency-independent source presence priors", ICASSP).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from overica.separation.rooms.source_order import chance_agreement, in_one_order

_ROUNDS = 30
_JOINT_ROUNDS = 10
_LEAST = 1e-3
"""Added to the eigenvalues of a shape, whose mean is one: no cluster is thinner."""
_RARE = 1e-6
"""Added to priors."""
_HEARD = 1e-8
"""Power of a frequency, in that of the loudest, from which it says anything."""
_BLOCK = 2**16
"""Coefficients at a time."""


@dataclass(frozen=True)
class SpatialClusters:
    """What is learned of a room."""

    shapes: np.ndarray
    """B, of trace n_channels, (n_sources, n_frequencies, n_channels, n_channels)."""
    agreement: float
    """Mean correlation of a frequency's clusters over time with those of all frequencies."""
    chance: float
    """The same where the frequencies have nothing to do with one another."""


def find_clusters(
    Z: np.ndarray, n_sources: int, above: np.ndarray, rng: np.random.Generator
) -> SpatialClusters:
    """Clusters of coefficients in one order at all frequencies.

    Parameters
    ----------
    Z : array (n_channels, n_frequencies, n_windows)
    n_sources : int
    above : array (n_frequencies, n_windows)
        Share of the power of each coefficient that is not noise, by which it counts, see `above_noise`.
    rng : numpy.random.Generator
    """
    m, n_frequencies, n_windows = Z.shape
    shares = np.empty((n_frequencies, n_sources, n_windows), np.float32)
    for rows, z in _unit_vectors(Z):
        first = rng.dirichlet(np.ones(n_sources), size=(len(z), n_windows))
        shares[rows] = _clustered(z, first.transpose(0, 2, 1).astype(np.float32), above[rows])
    heard = _heard(Z)
    order = np.tile(np.arange(n_sources), (n_frequencies, 1))
    order[heard], agreement = in_one_order(shares[heard], rng)
    chance = chance_agreement(shares[heard])
    shares = np.take_along_axis(shares, order[:, :, None], axis=1)
    shapes = np.tile(np.eye(m, dtype=np.complex64), (n_frequencies, n_sources, 1, 1))
    for _ in range(_JOINT_ROUNDS):
        prior = _prior(shares[heard])
        for rows, z in _unit_vectors(Z):
            shapes[rows] = _shapes(z, shares[rows], shapes[rows])
            shares[rows] = _posterior(z, shapes[rows], prior) * above[rows, None]
    return SpatialClusters(shapes.transpose(1, 0, 2, 3), agreement, chance)


def source_powers(
    Z: np.ndarray, shapes: np.ndarray, noise_variance: np.ndarray | float
) -> np.ndarray:
    """What is above the noise, by the probabilities of the sources in every coefficient, given their shapes.

    Of shape (n_sources, n_frequencies, n_windows), mean over the channels.
    """
    above = above_noise(Z, noise_variance)
    n_sources, n_frequencies = shapes.shape[:2]
    B = shapes.transpose(1, 0, 2, 3)
    shares = np.empty((n_frequencies, n_sources, Z.shape[2]), np.float32)
    prior = np.full((n_sources, Z.shape[2]), 1 / n_sources, np.float32)
    heard = _heard(Z)
    for _ in range(_JOINT_ROUNDS):
        for rows, z in _unit_vectors(Z):
            shares[rows] = _posterior(z, B[rows], prior) * above[rows, None]
        prior = _prior(shares[heard])
    return shares.transpose(1, 0, 2) * np.mean(Z.real**2 + Z.imag**2, axis=0)


def above_noise(Z: np.ndarray, noise_variance: np.ndarray | float) -> np.ndarray:
    """Share of the power of coefficients that is more than the noise's, (n_frequencies, n_windows)."""
    power = (Z.real**2 + Z.imag**2).sum(axis=0)
    noise = np.broadcast_to(noise_variance, (len(Z), Z.shape[1], 1)).sum(axis=0)
    return np.asarray(np.maximum(1 - noise / np.where(power > 0, power, 1), 0), np.float32)


def _prior(shares: np.ndarray) -> np.ndarray:
    """How much each source is heard at all frequencies together."""
    total = shares.sum(axis=0)
    return total / (total.sum(axis=0) + np.float32(_RARE))


def _heard(Z: np.ndarray) -> np.ndarray:
    """Frequencies that are there at all: of a sound of a lower sample rate the upper ones are rounding."""
    power = (Z.real**2 + Z.imag**2).sum(axis=(0, 2))
    return np.asarray(power > _HEARD * power.max())


def _unit_vectors(Z: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Some frequencies at a time: z, (n_frequencies, n_channels, n_windows)."""
    size = max(1, _BLOCK // Z.shape[2])
    for start in range(0, Z.shape[1], size):
        rows = slice(start, start + size)
        x = Z[:, rows].transpose(1, 0, 2).astype(np.complex64)
        length = np.sqrt((x.real**2 + x.imag**2).sum(axis=1, keepdims=True))
        yield rows, x / np.where(length > 0, length, 1)


def _clustered(z: np.ndarray, shares: np.ndarray, above: np.ndarray) -> np.ndarray:
    """Shares (n_frequencies, n_sources, n_windows) after all rounds, with priors for each frequency alone."""
    shares = shares * above[:, None]
    B = np.tile(np.eye(z.shape[1], dtype=np.complex64), (*shares.shape[:2], 1, 1))
    for _ in range(_ROUNDS):
        B = _shapes(z, shares, B)
        prior = shares.sum(axis=2, keepdims=True) / (
            above.sum(axis=1)[:, None, None] + np.float32(_RARE)
        )
        shares = _posterior(z, B, prior) * above[:, None]
    return shares


def _shapes(z: np.ndarray, shares: np.ndarray, before: np.ndarray) -> np.ndarray:
    """B = m sum_t p z z^H / (z^H B^-1 z), but for its length, which the density does not depend on."""
    m = z.shape[1]
    weighted = (shares / _quadratic(z, before))[:, :, None] * z[:, None]
    B = weighted @ z[:, None].conj().swapaxes(-1, -2)
    trace = np.trace(B, axis1=-2, axis2=-1).real
    B = B * (m / np.where(trace > 0, trace, 1))[..., None, None]
    return np.asarray((B + _LEAST * np.eye(m)) / (1 + _LEAST), np.complex64)


def _quadratic(z: np.ndarray, B: np.ndarray) -> np.ndarray:
    """z^H B^-1 z, (n_frequencies, n_sources, n_windows)."""
    y = np.linalg.inv(B) @ z[:, None]
    found = (z.real[:, None] * y.real + z.imag[:, None] * y.imag).sum(axis=2)
    return np.maximum(found, np.float32(_RARE))


def _posterior(z: np.ndarray, B: np.ndarray, prior: np.ndarray) -> np.ndarray:
    m = z.shape[1]
    logs = np.log(prior + np.float32(_RARE)) - m * np.log(_quadratic(z, B))
    logs -= np.linalg.slogdet(B)[1][..., None]
    logs -= logs.max(axis=1, keepdims=True)
    shares = np.exp(logs)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True), np.float32)
