"""What a separation returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from overica._validation import check_array
from overica.separation.counting import SURE, in_words
from overica.separation.quality import INSTANTANEOUS
from overica.separation.stft import Transform


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
    """Log density of one-source directions by number of sources, nats above uniform ones per direction; empty if
    `mixing` was given."""
    history: Mapping[str, list[float]]
    """Figures of the method's rounds, such as the log likelihood; of all chunks, one after the other."""
    transform: Transform | None = None
    """By which directions were found and `masks` are given."""
    n_sources_probabilities: Mapping[int, float] = field(default_factory=dict)
    """Of the numbers of sources, by what each adds to `evidence`; empty if `mixing` was given."""

    @property
    def n_sources(self) -> int:
        """Number of sources."""
        return int(self.sources.shape[1])

    @property
    def sure(self) -> bool:
        """Whether one number of sources is as probable as nine of ten, in a mixture that is instantaneous."""
        likeliest = max(self.n_sources_probabilities.values(), default=0.0)
        return likeliest >= SURE and self.fit_quality >= INSTANTANEOUS

    def count_in_words(self) -> str:
        """The most probable number of sources and, where it is not sure, the next.

        >>> found = Separation(np.ones((8, 2)), np.eye(2), 8000.0, "l1", 1.0, 1.0, {}, {})
        >>> object.__setattr__(found, "n_sources_probabilities", {2: 0.75, 3: 0.25})
        >>> found.count_in_words(), found.sure
        ('2, perhaps 3 (75 % and 25 %)', False)
        """
        return in_words(self.n_sources_probabilities) if self.n_sources_probabilities else ""

    def __post_init__(self) -> None:
        if self.transform is None:
            object.__setattr__(self, "transform", Transform(self.sample_rate))

    @property
    def images(self) -> np.ndarray:
        """What each source adds to each channel, (n_sources, n_frames, n_channels); see `residual`."""
        return self.images_of(0, len(self.sources))

    def images_of(self, start: int, stop: int) -> np.ndarray:
        """`images` of the frames from `start` to before `stop`."""
        return np.asarray(self.sources.T[:, start:stop, None] * self.mixing.T[:, None, :])

    def residual(self, x: ArrayLike) -> np.ndarray:
        """What the images leave of the mixture x, (n_frames, n_channels): noise, offsets, clicks.

        Images and residual sum to x.
        """
        shape: dict[str, int | None] = {
            "n_frames": len(self.sources), "n_channels": len(self.mixing)
        }  # fmt: skip
        return np.asarray(check_array(x, "x", shape)) - self.sources @ self.mixing.T

    def masks(self) -> np.ndarray:
        """Shares of the sources in the power of every coefficient.

        Of shape (n_sources, n_frequencies, n_windows), by `transform`:
        ``|S_j|^2 / sum_k |S_k|^2``, from 0 to 1; they sum to 1 wherever a source sounds, and are 0 elsewhere. Of a
        mixture they make images whose channels differ as the mixture's do:

        >>> import numpy as np
        >>> from overica.datasets import make_talkers
        >>> from overica.separation import separate
        >>> data = make_talkers(2, n_seconds=1.0)
        >>> found = separate(
        ...     data.x, data.sample_rate, 2, method="binary", random_state=0, window=0.064
        ... )
        >>> Z = found.transform.forward(data.x)
        >>> masks = found.masks()
        >>> masks.shape == (2, *Z.shape[1:])
        True
        >>> images = [found.transform.inverse(mask * Z, len(data.x)) for mask in masks]
        >>> bool(np.allclose(sum(images), data.x, atol=1e-3))
        True
        """
        assert self.transform is not None
        S = self.transform.forward(self.sources)
        powers = S.real**2 + S.imag**2
        total = powers.sum(axis=0)
        return np.asarray(powers / np.where(total > 0, total, 1))
