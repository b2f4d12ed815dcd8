"""What every separation gives, whatever the mixture: sources, images, and what those leave."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from overica._validation import check_array
from overica.separation.quality import INSTANTANEOUS
from overica.separation.stft import Transform

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Separated(ABC):
    """Sources of a mixture, in order of their loudness."""

    sources: Any
    """Estimates, (n_frames, n_sources), in the unit and the floating type of the mixture."""
    mixing: Any
    """Unit columns, (n_channels, n_sources), where one says all of a source; else None."""
    sample_rate: float
    """Frames per second."""
    method: str
    """Name of the method."""
    fit_quality: float
    """Share of the coefficients filled by one source in which the channels differ by a real factor."""
    history: Mapping[str, list[float]]
    """Figures of the method's rounds, such as the log likelihood; of all chunks, one after the other."""
    transform: Transform | None
    """By which `masks` are given."""
    drawn: ClassVar[str]
    """What `draw` draws."""

    @property
    def n_sources(self) -> int:
        """Number of sources."""
        return int(self.sources.shape[1])

    @property
    def instantaneous(self) -> bool:
        """Whether every source may reach all channels at once: `fit_quality` does not say otherwise."""
        # It is NaN where no coefficient is filled by one source, which says nothing.
        return not self.fit_quality < INSTANTANEOUS

    @property
    @abstractmethod
    def n_channels(self) -> int:
        """Number of channels of the mixture."""

    @property
    @abstractmethod
    def peak(self) -> float:
        """No sample of an image is larger."""

    @property
    def images(self) -> np.ndarray:
        """What each source adds to each channel, (n_sources, n_frames, n_channels); see `residual`."""
        return self.images_of(0, len(self.sources))

    @abstractmethod
    def images_of(self, start: int, stop: int) -> np.ndarray:
        """`images` of the frames from `start` to before `stop`."""

    def residual(self, x: ArrayLike) -> np.ndarray:
        """What the images leave of the mixture x, (n_frames, n_channels): noise, offsets, clicks.

        Images and residual sum to x.
        """
        shape: dict[str, int | None] = {
            "n_frames": len(self.sources), "n_channels": self.n_channels
        }  # fmt: skip
        return np.asarray(check_array(x, "x", shape)) - self._total()

    @abstractmethod
    def _total(self) -> np.ndarray:
        """Sum of the images, (n_frames, n_channels)."""

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
        powers = self._powers(self.transform)
        total = powers.sum(axis=0)
        return np.asarray(powers / np.where(total > 0, total, 1))

    @abstractmethod
    def _powers(self, transform: Transform) -> np.ndarray:
        """Of the sources in all channels, (n_sources, n_frequencies, n_windows)."""

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """What ``mixing.json`` says of how sources reach the channels, and how well that fits."""

    @abstractmethod
    def said(self) -> list[str]:
        """The same for who reads along, in lines."""

    @abstractmethod
    def notes(self) -> list[str]:
        """Where each source is heard, in a word or none."""

    @abstractmethod
    def draw(self, ax: Axes, Z: np.ndarray) -> None:
        """Where the sources are heard; Z are coefficients of the mixture (n_channels, n_frequencies, n_columns)."""
