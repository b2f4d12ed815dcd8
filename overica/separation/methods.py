"""Ways to the sources of a piece of sound once the mixing matrix is known. Every entry of `METHODS` is one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np

from overica.separation.codes import complex_l1
from overica.separation.stft import Transform

NOISE = 1e-7
"""Variance of the noise in a method's own unit, the mean power of the coefficients: rounding, not sound."""


@dataclass
class Piece:
    """A stretch of sound to be separated."""

    x: np.ndarray
    """Single precision, unit mean power, (n_frames, n_channels)."""
    mixing: np.ndarray
    """Unit columns, (n_channels, n_sources)."""
    transform: Transform
    rng: np.random.Generator
    history: dict[str, list[float]] = field(default_factory=dict)
    """Where a method writes the figures of its rounds."""


class Method(ABC):
    """One way."""

    name: str

    @abstractmethod
    def sources(self, piece: Piece) -> np.ndarray:
        """Estimates (n_frames, n_sources), in units of the mixture."""


class Codes(Method):
    """The smallest sum of moduli, see `complex_l1`."""

    name = "l1"

    def sources(self, piece: Piece) -> np.ndarray:
        """See `Method.sources`."""
        Z = piece.transform.forward(piece.x)
        unit = float(np.sqrt(np.mean(np.abs(Z) ** 2))) or 1.0
        S = complex_l1(Z / np.float32(unit), piece.mixing, NOISE) * np.float32(unit)
        return piece.transform.inverse(S, len(piece.x))


class Binary(Method):
    """Every coefficient goes to the source whose column is nearest to it."""

    name = "binary"

    def sources(self, piece: Piece) -> np.ndarray:
        """See `Method.sources`."""
        Z = piece.transform.forward(piece.x)
        along = np.tensordot(piece.mixing.T.astype(np.float32), Z, 1)
        nearest = np.abs(along).argmax(axis=0)
        S = np.where(np.arange(len(along))[:, None, None] == nearest, along, np.complex64(0))
        return piece.transform.inverse(S, len(piece.x))


METHODS: dict[str, Method] = {method.name: method for method in (Codes(), Binary())}
