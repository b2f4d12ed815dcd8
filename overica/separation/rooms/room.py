"""Mixtures of rooms: what is learned of them, and what their separation returns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from overica.separation.mixing_model import Learned, MixingModel, Outcome
from overica.separation.noise import Noise
from overica.separation.noise_learning import learn_noise, quiet_noise
from overica.separation.quality import one_source_vectors, share_real
from overica.separation.rooms.full_rank import Looks, look
from overica.separation.rooms.spatial_clusters import (
    SpatialClusters,
    above_noise,
    find_clusters,
    source_powers,
)
from overica.separation.separated import Separated
from overica.separation.stft import Transform

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FARTHEST = 0.01
"""Seconds: the largest delay between two channels that is looked for, of some three metres."""
_AGREED = 1.15
"""Least agreement of frequencies, in that of chance, which is not told."""
_FINER = 8
"""Delays between two frames."""


@dataclass(frozen=True, eq=False)
class RoomSeparation(Separated):
    """Sources of a room, in order of their loudness.

    Every frequency has a mixing of its own, and none of its columns can be told from its source: what a source is by
    itself cannot be known, but what the channels hear of it can. So the images are what is estimated, and `sources` are
    what the channel hears of each that hears it best.

    Examples
    --------
    >>> import numpy as np
    >>> heard = np.random.default_rng(0).standard_normal((800, 3, 2))
    >>> R = np.ones((3, 513, 2, 2)) + np.eye(2) + 0j
    >>> found = RoomSeparation(heard, R, 8000.0, "convolutive", 0.3, 0.5, {}, Transform(8000))
    >>> found.sources.shape, found.images.shape, found.delays.tolist()
    ((800, 3), (3, 800, 2), [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    """

    heard: np.ndarray
    """What every channel hears of every source, (n_frames, n_sources, n_channels), in the unit and the floating type of
    the mixture; see `images`."""
    covariances: np.ndarray
    """How a source is heard, (n_sources, n_frequencies, n_channels, n_channels): Hermitian, of trace n_channels, by
    `transform`. Of rank one is what comes from one direction alone."""
    sample_rate: float
    """Frames per second."""
    method: str
    """Name of the method."""
    fit_quality: float
    """That of an instantaneous model, see `Separation.fit_quality`."""
    agreement: float
    """Mean correlation over time of a source at one frequency with itself at all frequencies, by which sources are put
    together; some .1 is chance."""
    history: Mapping[str, list[float]]
    """Figures of the method's rounds, such as the log likelihood; of all chunks, one after the other."""
    transform: Transform
    """By which `covariances` and `masks` are given."""
    noise_variance: np.ndarray | None = None
    """Of every channel at the frequencies of `transform`, see `Separation.noise_variance`."""

    mixing: None = None
    """See `covariances`."""
    drawn: ClassVar[str] = (
        "Likeness of what the first two channels hear of every source, by the delay between them"
    )

    @cached_property
    def channels(self) -> np.ndarray:
        """Which channel hears each source best, (n_sources,)."""
        return np.asarray(np.einsum("ijc,ijc->jc", self.heard, self.heard).argmax(axis=1))

    @cached_property
    def sources(self) -> np.ndarray:
        """What that channel hears, (n_frames, n_sources)."""
        return np.asarray(self.heard[:, np.arange(len(self.channels)), self.channels])

    @property
    def n_channels(self) -> int:
        """See `Separated.n_channels`."""
        return int(self.heard.shape[2])

    @property
    def peak(self) -> float:
        """See `Separated.peak`."""
        return max(float(self.heard.max()), -float(self.heard.min()))

    def images_of(self, start: int, stop: int) -> np.ndarray:
        """`images` of the frames from `start` to before `stop`."""
        return self.heard[start:stop].transpose(1, 0, 2)

    def _total(self) -> np.ndarray:
        return np.asarray(self.heard.sum(axis=1))

    def _powers(self, transform: Transform) -> np.ndarray:
        images = (transform.forward(image) for image in self.images)
        return np.stack([(C.real**2 + C.imag**2).sum(axis=0) for C in images])

    def correlations(self, channel: int) -> tuple[np.ndarray, np.ndarray]:
        r"""How like a channel's sound of every source is to that of channel 0, by the delay between them.

        With the coherence :math:`c = R_{c0} / \sqrt{R_{cc} R_{00}}` the mean over frequencies of
        :math:`\mathrm{Re}(c \, e^{i \omega \tau})`: 1 for what comes at once from one direction, at its delay.

        Returns
        -------
        delays : ndarray of shape (n_delays,)
            Seconds by which the channel is later.
        values : ndarray of shape (n_sources, n_delays)
        """
        R = self.covariances
        power = np.sqrt(R[..., channel, channel].real * R[..., 0, 0].real)
        coherence = R[..., channel, 0] / np.where(power > 0, power, 1)
        # Of a real series e^{-i omega tau} is the transform of an impulse at tau.
        n = 2 * (R.shape[1] - 1) * _FINER
        values = np.fft.irfft(coherence, n) * n / (2 * R.shape[1] - 1)
        most = min(round(_FARTHEST * self.sample_rate * _FINER), n // 2 - 1)
        steps = np.arange(-most, most + 1)
        return steps / (_FINER * self.sample_rate), values[:, steps]

    @cached_property
    def delays(self) -> np.ndarray:
        """Seconds by which each source comes later to each channel than to channel 0, (n_sources, n_channels).

        Where `correlations` is largest; of much use only where microphones are near each other.
        """
        found = np.zeros((self.n_sources, self.n_channels))
        for c in range(1, self.n_channels):
            delays, values = self.correlations(c)
            # Of a silent channel nothing is known.
            found[:, c] = np.where(values.max(axis=1) > 0, delays[values.argmax(axis=1)], 0.0)
        return found

    def facts(self) -> dict[str, Any]:
        """See `Separated.facts`."""
        return {
            "mixing": None,
            "source_channels": (self.channels + 1).tolist(),
            "delays_ms": (1000 * self.delays).round(3).tolist(),
            "fit_quality": self.fit_quality,
            "agreement": self.agreement,
            "noise_variance": None
            if self.noise_variance is None
            else self.noise_variance.mean(axis=1).tolist(),
        }

    def said(self) -> list[str]:
        """See `Separated.said`."""
        channels = ", ".join(str(c + 1) for c in self.channels)
        delays = ", ".join(self.notes())
        return [
            f"source files are what the channels hear that hear them best: {channels}",
            f"channel 2 hears them later than channel 1 by {delays}",
        ]

    def notes(self) -> list[str]:
        """See `Separated.notes`: by how much channel 2 is later."""
        return [f"{1000 * delay:.2f} ms".replace("-", "−") for delay in self.delays[:, 1]]

    def draw(self, ax: Axes, Z: np.ndarray) -> None:
        """See `Separated.draw`."""
        from overica.separation.picture import draw_curves

        delays, values = self.correlations(1)
        labels = [f"source {j}: {note}" for j, note in enumerate(self.notes(), start=1)]
        of = f" of {self.n_channels}" if self.n_channels > 2 else ""
        draw_curves(ax, 1000 * delays, values, labels)
        ax.set_xlabel("milliseconds by which channel 2 is later", fontsize=9)
        ax.set_title(f"likeness of what channels 1 and 2{of} hear", loc="left", fontsize=9, pad=3)


@dataclass(frozen=True)
class LearnedRoom(Learned):
    """Spatial covariances, but for their size."""

    mixing: np.ndarray
    """(n_sources, n_frequencies, n_channels, n_channels)."""
    agreement: float
    fit_quality: float
    noise: Noise
    history: dict[str, list[float]] = field(default_factory=dict)
    """Of the learning of the noise."""
    doubts: tuple[str, ...] = ()

    def result(self, outcome: Outcome, order: np.ndarray) -> RoomSeparation:
        """See `Learned.result`."""
        return RoomSeparation(
            outcome.estimates, self.mixing[order], outcome.transform.sample_rate, outcome.method, self.fit_quality,
            self.agreement, outcome.history | self.history, outcome.transform,
            outcome.power * self.noise.variances(outcome.transform.n_frequencies),
        )  # fmt: skip


class Room(MixingModel):
    """Every source reaches every channel through a filter: at every frequency with a covariance of its own."""

    columns = False

    def check(self, n_sources: int | None, mixing: Any, n_channels: int) -> None:
        """See `MixingModel.check`."""
        if n_sources is None:
            raise ValueError(
                "`n_sources` must be a number with method 'convolutive', got 'auto': how many sources a room has is "
                "not found"
            )
        if mixing is not None:
            raise ValueError(
                "`mixing` must not be given with method 'convolutive', in which every frequency has a mixing of its own"
            )

    def learn(
        self,
        Z: np.ndarray,
        n_sources: int | None,
        given: np.ndarray | None,
        rng: np.random.Generator,
    ) -> LearnedRoom:
        """See `MixingModel.learn`."""
        assert n_sources is not None, "checked before"
        quality = share_real(one_source_vectors(Z, rng))
        best = max(_starts(Z, n_sources, rng), key=lambda start: start.log_likelihood)
        clusters = best.clusters
        doubts: tuple[str, ...] = ()
        if clusters.agreement < _AGREED * clusters.chance:
            doubts = (
                "what is heard at different frequencies hardly comes and goes together (correlation "
                f"{clusters.agreement:.2f}, by chance {clusters.chance:.2f}): sources may be put together wrongly",
            )
        return LearnedRoom(
            clusters.shapes, clusters.agreement, quality, best.noise, best.history, doubts
        )


@dataclass(frozen=True)
class _Start:
    """Clusters, and the noise beside sources that are heard as they say."""

    clusters: SpatialClusters
    noise: Noise
    history: dict[str, list[float]]

    @property
    def log_likelihood(self) -> float:
        """With the noise that was learned, and sources of few spectra."""
        return self.history["noise_log_likelihood"][-1]


def _starts(Z: np.ndarray, n_sources: int, rng: np.random.Generator) -> Iterator[_Start]:
    """Clusters of all coefficients alike, and of those that are above the quietest windows.

    Where there is noise, the quiet windows hold nothing else, and clusters that take it for sources are worth little;
    where there is none, they hold the end of one source alone, which tells it from the others. Likelihood knows which.
    """
    # The unit of `learn_noise`.
    Z = Z / np.sqrt(np.mean(Z.real**2 + Z.imag**2))
    for quiet in (np.zeros((len(Z), 1, 1)), quiet_noise(Z).variances(Z.shape[1])[:, :, None]):
        clusters = find_clusters(Z, n_sources, above_noise(Z, quiet), rng)
        history: dict[str, list[float]] = {}
        shapes = clusters.shapes

        def powers(Z: np.ndarray, R: np.ndarray = shapes, quiet: np.ndarray = quiet) -> np.ndarray:
            return source_powers(Z, R, quiet)

        def terms(
            Z: np.ndarray, V: np.ndarray, noise_variance: np.ndarray, R: np.ndarray = shapes
        ) -> Looks:
            return look(Z, R, V, noise_variance)

        yield _Start(clusters, learn_noise(Z, powers, terms, rng, history), history)
