"""What a model of mixtures is: how sources reach the channels, what can be learned of that, and what results."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from overica.separation.noise import Noise
from overica.separation.separated import Separated
from overica.separation.stft import Transform


@dataclass(frozen=True)
class Outcome:
    """What the sources of a sound came out as, and how."""

    estimates: np.ndarray
    """(n_frames, n_sources, ...), in the order of what was learned."""
    method: str
    history: dict[str, list[float]]
    transform: Transform
    power: float = 1.0
    """Mean square of the mixture."""


class Learned(ABC):
    """How the sources of one sound reach its channels."""

    mixing: np.ndarray
    """What a method is given with every piece, see `Piece.mixing`."""
    noise: Noise | None = None
    """Of the channels, where it is learned."""
    doubts: tuple[str, ...] = ()
    """What to warn of."""
    given: bool = False
    """Whether the user gave it: then its order is the user's, and not that of loudness."""

    @abstractmethod
    def result(self, outcome: Outcome, order: np.ndarray) -> Separated:
        """The separation, sources in the order given, in which the estimates already are."""


class MixingModel(ABC):
    """How sources reach the channels."""

    columns: bool
    """Whether one real column says all of a source, so that columns can be given."""

    @abstractmethod
    def check(self, n_sources: int | None, mixing: Any, n_channels: int) -> np.ndarray | None:
        """Refuse, before any work, what the model cannot do; the mixing as it was given, if it was.

        Raises
        ------
        ValueError
            Naming the argument.
        """

    @abstractmethod
    def learn(
        self,
        Z: np.ndarray,
        n_sources: int | None,
        given: np.ndarray | None,
        rng: np.random.Generator,
    ) -> Learned:
        """The mixing of coefficients Z (n_channels, n_frequencies, n_windows), unless it was given."""
