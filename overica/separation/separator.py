"""What a method of separation is: a way to the sources of a piece of sound once the mixing is known."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from overica.separation.gaussian import ROUNDING
from overica.separation.instantaneous import Instantaneous
from overica.separation.mixing_model import MixingModel
from overica.separation.noise import Noise
from overica.separation.stft import Transform


@dataclass
class Piece:
    """A stretch of sound to be separated."""

    x: np.ndarray
    """Single precision, unit mean power, (n_frames, n_channels)."""
    mixing: np.ndarray
    """Unit columns, (n_channels, n_sources); or what the method's own model learns instead."""
    transform: Transform
    rng: np.random.Generator
    window_chosen: bool = False
    """Whether the transform is what the user wants, and not merely what directions are found by."""
    n_coefficients: float = 0.0
    """Of a channel of the whole sound that the stretch is of: a method may do less for each of many."""
    history: dict[str, list[float]] = field(default_factory=dict)
    """Where a method writes the figures of its rounds."""
    noise: Noise | None = None
    """Of the channels, if the method's model has learned it."""
    tell: Callable[[float], object] = lambda share: None
    """Called with the share of the work that is done."""

    def coefficients(self, transform: Transform) -> tuple[np.ndarray, np.float32]:
        """Coefficients of mean power one (n_channels, n_frequencies, n_windows), and what they were divided by."""
        Z = transform.forward(self.x)
        unit = np.float32(np.sqrt(np.mean(np.abs(Z) ** 2))) or np.float32(1)
        Z /= unit
        return Z, unit

    def noise_within(self, transform: Transform) -> float | np.ndarray:
        """Variances of the noise in the unit of methods, in which coefficients of the stretch have mean power one."""
        if self.noise is None:
            return ROUNDING
        return self.noise.within(transform.n_frequencies, float(np.mean(self.x**2)))


class Method(ABC):
    """One way."""

    name: str
    label: str
    """In tables."""
    model: MixingModel = Instantaneous()
    """The mixtures that it is for."""

    @abstractmethod
    def sources(self, piece: Piece) -> np.ndarray:
        """Estimates (n_frames, n_sources), in units of the mixture; what else the model calls one may follow."""

    def burden(self, mixing: np.ndarray) -> float:
        """Memory that a coefficient takes, in that of sources with one column each."""
        return 1.0
