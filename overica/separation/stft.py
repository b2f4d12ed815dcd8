"""Short-time Fourier transform: frames of sound to time-frequency coefficients and back, without loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.fft import next_fast_len
from scipy.signal import ShortTimeFFT, get_window

from overica._validation import check_scalar

_SECONDS = 0.128
"""Length of the window: speech is sparsest there, 1024 frames at 8 kHz."""
_OVERLAP = 4
"""Windows over one frame."""
_FEWEST = 8
"""Frames of a window: fewer tell no frequencies apart."""


@dataclass(frozen=True)
class Transform:
    """A window moved by a part of its length; the same in seconds whatever the sample rate.

    With its canonical dual window the inverse is exact, and of all sounds it returns the one whose transform
    is nearest in least squares.

    Parameters
    ----------
    sample_rate : float
        Frames per second.
    seconds : float
        Length of the window; rounded to a length whose Fourier transform is fast.
    overlap : int
        Windows over one frame: each is moved by its length divided by this.
    shape : str
        Of the window, a name that `scipy.signal.get_window` knows.

    Raises
    ------
    ValueError
        If a value is out of range or no window of that shape can be inverted with that overlap.

    Examples
    --------
    >>> import numpy as np
    >>> transform = Transform(8000)
    >>> transform.window_length, transform.hop
    (1024, 256)
    >>> x = np.random.default_rng(0).standard_normal((5000, 2))
    >>> Z = transform.forward(x)
    >>> Z.shape
    (2, 513, 23)
    >>> bool(np.allclose(transform.inverse(Z, 5000), x))
    True
    """

    sample_rate: float
    seconds: float = _SECONDS

    overlap: int = _OVERLAP
    shape: str = "hann"

    def __post_init__(self) -> None:
        check_scalar(self.sample_rate, "sample_rate", strict=True)
        check_scalar(self.seconds, "seconds", strict=True)
        check_scalar(self.overlap, "overlap", minimum=2, integer=True)
        if self.seconds * self.sample_rate < _FEWEST:
            raise ValueError(
                f"`seconds` must make a window of {_FEWEST} frames at least, got {self.seconds:g} s at "
                f"{self.sample_rate:g} frames per second"
            )
        try:
            # The dual window exists or not: a short transform tries.
            self._stft(np.dtype(np.float64)).dual_win  # noqa: B018
        except ValueError as error:
            raise ValueError(
                f"`shape` must name a window that can be inverted with overlap {self.overlap}, got {self.shape!r}: "
                f"{error}"
            ) from None

    @property
    def hop(self) -> int:
        """Frames between windows."""
        wanted = max(2, round(self.seconds * self.sample_rate / self.overlap))
        return int(next_fast_len(wanted, real=True))

    @property
    def window_length(self) -> int:
        """Frames of a window."""
        return self.overlap * self.hop

    @property
    def n_frequencies(self) -> int:
        """Frequencies from zero to half the sample rate."""
        return self.window_length // 2 + 1

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Coefficients (n_channels, n_frequencies, n_windows) of a sound (n_frames, n_channels).

        complex64 for float32, complex128 for float64.
        """
        Z = self._stft(x.dtype).stft(np.ascontiguousarray(x.T))
        return np.asarray(Z, dtype=np.result_type(x.dtype, np.complex64))

    def inverse(self, Z: np.ndarray, n_frames: int) -> np.ndarray:
        """The sound (n_frames, n_channels) of coefficients (n_channels, n_frequencies, n_windows)."""
        dtype = Z.real.dtype
        x = self._stft(dtype).istft(Z, k1=n_frames)
        return np.asarray(x.T, dtype=dtype)

    def _stft(self, dtype: np.dtype) -> ShortTimeFFT:
        window = get_window(self.shape, self.window_length).astype(dtype)
        return ShortTimeFFT(window, self.hop, self.sample_rate)
