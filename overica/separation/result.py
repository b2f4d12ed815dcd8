"""What the separation of an instantaneous mixture returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from overica.separation.counting import SURE, in_words
from overica.separation.directions import direction_degrees
from overica.separation.quality import INSTANTANEOUS
from overica.separation.separated import Separated
from overica.separation.stft import Transform

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False)
class Separation(Separated):
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
    """Share of the coefficients filled by one source in which the channels differ by a real factor, in the higher half
    of their frequencies: near 1 for instantaneous mixtures, and low where there are delays or reverberation."""
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
    noise_variance: np.ndarray | None = None
    """Of every channel at the frequencies of `transform`, (n_channels, n_frequencies), in squared units of the mixture:
    the mean over frequencies is the variance of the noise in a frame. None if the method asks for none."""

    drawn: ClassVar[str] = "Coefficients of the whole mixture with the directions that were found"

    def __post_init__(self) -> None:
        if self.transform is None:
            object.__setattr__(self, "transform", Transform(self.sample_rate))

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
        >>> object.__setattr__(found, "fit_quality", 0.4)
        >>> found.count_in_words()
        'not known: the mixture is not instantaneous'
        """
        if not self.n_sources_probabilities:
            return ""
        if not self.instantaneous:
            return "not known: the mixture is not instantaneous"
        return in_words(self.n_sources_probabilities)

    @property
    def n_channels(self) -> int:
        """See `Separated.n_channels`."""
        return len(self.mixing)

    @property
    def peak(self) -> float:
        """See `Separated.peak`: columns are of unit length."""
        return max(float(np.abs(source).max()) for source in self.sources.T)

    def images_of(self, start: int, stop: int) -> np.ndarray:
        """`images` of the frames from `start` to before `stop`."""
        return np.asarray(self.sources.T[:, start:stop, None] * self.mixing.T[:, None, :])

    def _total(self) -> np.ndarray:
        return np.asarray(self.sources @ self.mixing.T)

    def _powers(self, transform: Transform) -> np.ndarray:
        S = transform.forward(self.sources)
        return np.asarray(S.real**2 + S.imag**2)

    def _degrees(self) -> np.ndarray | None:
        return direction_degrees(self.mixing) if self.n_channels == 2 else None

    def facts(self) -> dict[str, Any]:
        """See `Separated.facts`."""
        degrees = self._degrees()
        return {
            "mixing": self.mixing.tolist(),
            **({} if degrees is None else {"directions_degrees": degrees.tolist()}),
            "fit_quality": self.fit_quality,
            "explained": self.explained,
            "evidence": {str(n): value for n, value in self.evidence.items()},
            "n_sources_probabilities": {
                str(n): value for n, value in self.n_sources_probabilities.items()
            },
            "n_sources_sure": self.sure,
            "noise_variance": None
            if self.noise_variance is None
            else self.noise_variance.mean(axis=1).tolist(),
        }

    def said(self) -> list[str]:
        """See `Separated.said`."""
        lines = []
        if self.n_sources_probabilities:
            evidence = ", ".join(f"{n}: {nats:.2f}" for n, nats in self.evidence.items())
            lines.append(
                f"how many are heard: {self.count_in_words()}; evidence, nats a direction: {evidence}"
            )
        degrees = self._degrees()
        if degrees is not None:
            angles = ", ".join(f"{angle:.1f}" for angle in degrees)
            lines.append(
                f"directions (degrees; 0 is the first channel alone, 90 the second): {angles}"
            )
        return lines

    def notes(self) -> list[str]:
        """See `Separated.notes`."""
        degrees = self._degrees()
        if degrees is None:
            return [""] * self.n_sources
        return [f"{angle:.1f}°".replace("-", "−") for angle in degrees]

    def draw(self, ax: Axes, Z: np.ndarray) -> None:
        """See `Separated.draw`."""
        from overica.separation.picture import draw_directions

        draw_directions(ax, Z, self.mixing)
