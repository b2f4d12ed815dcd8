"""What a separation returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Separation:
    """Sources of a mixture, in order of their loudness.

    Examples
    --------
    >>> import numpy as np
    >>> mixing = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> found = Separation(np.ones((8, 2)), mixing, 8000.0, "l1", 1.0, 1.0, {}, {})
    >>> found.n_sources, found.images.shape
    (2, (2, 8, 2))
    """

    sources: np.ndarray
    """Estimates, (n_frames, n_sources), in the unit and the floating type of the mixture."""
    mixing: np.ndarray
    """Unit columns, the entry of largest modulus positive, (n_channels, n_sources)."""
    sample_rate: float
    """Frames per second."""
    method: str
    """Name of the method."""
    fit_quality: float
    """Share of the coefficients filled by one source in which the channels differ by a real factor: near 1 for
    instantaneous mixtures, and low where there are delays or reverberation."""
    explained: float
    """Share of the coefficients filled by one source that lie within some degrees of a column of `mixing`."""
    evidence: Mapping[int, float]
    """Held-out log density of directions by number of sources, nats per coefficient; empty if `mixing` was given."""
    history: Mapping[str, list[float]]
    """Figures of the method's rounds, such as the log likelihood; of all chunks, one after the other."""

    @property
    def n_sources(self) -> int:
        """Number of sources."""
        return int(self.sources.shape[1])

    @property
    def images(self) -> np.ndarray:
        """What each source adds to each channel, (n_sources, n_frames, n_channels); they sum to nearly the mixture."""
        return np.asarray(self.sources.T[:, :, None] * self.mixing.T[:, None, :])
