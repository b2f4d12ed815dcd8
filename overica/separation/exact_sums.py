r"""Images and a residual whose samples, once they are in a file, sum to the mixture's exactly.

In steps of an integer format the images are rounded, each for itself, and the residual is what the mixture's integers
less theirs leave: the sum holds in every frame. Images beyond the range of the format are cut to it, and the residual
takes what is cut off; where that would take the residual beyond the range, the images take it back.

Floating-point images are rounded to multiples of :math:`2^{-36}` of their peak, 217 dB below it, so that their sum is
exact in double precision whatever its order; the residual, in double precision, is the mixture less that sum, and added
last gives it exactly. It has no bits for a mixture in single precision that is some :math:`2^{-30}` of the peak: there
it goes to the largest image, and the mixture itself is what is left.
"""

from __future__ import annotations

import numpy as np

_GRID_BITS = 36
_FAINT_BITS = 29
"""Of double precision less those of single: what a residual as large as the peak has left."""
_SINGLE_BITS = 23


def integer_shares(
    mixture: np.ndarray, images: np.ndarray, bits: int
) -> tuple[np.ndarray, np.ndarray]:
    """Images and residual as integers of so many bits that sum to the mixture's.

    Parameters
    ----------
    mixture : array of int, shape (n_frames, n_channels)
        Within the range of the format.
    images : array of float, shape (n_sources, n_frames, n_channels)
        Full scale is one.
    bits : int

    Returns
    -------
    images : array of int64, shape (n_sources, n_frames, n_channels)
    residual : array of int64, shape (n_frames, n_channels)

    Examples
    --------
    >>> images, residual = integer_shares(np.array([[10]]), np.array([[[0.04]], [[0.06]]]), 8)
    >>> images.ravel().tolist(), residual.tolist()
    ([5, 8], [[-3]])
    """
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    shares = np.clip(np.rint(images * 2.0 ** (bits - 1)), low, high).astype(np.int64)
    rest = mixture.astype(np.int64) - shares.sum(axis=0)
    too_much = rest - np.clip(rest, low, high)
    if too_much.any():
        for share in shares:
            taken = np.clip(share + too_much, low, high) - share
            share += taken
            too_much -= taken
    return shares, mixture - shares.sum(axis=0)


def floating_shares(
    mixture: np.ndarray, images: np.ndarray, peak: float
) -> tuple[np.ndarray, np.ndarray]:
    """Images and residual in double precision that sum to the mixture's samples.

    Parameters
    ----------
    mixture : array of float64, shape (n_frames, n_channels)
    images : array of float, shape (n_sources, n_frames, n_channels)
        In single precision, as they can be written.
    peak : float
        No sample of an image is larger.

    Returns
    -------
    images : array of float64, shape (n_sources, n_frames, n_channels)
        What single precision holds.
    residual : array of float64, shape (n_frames, n_channels)

    Examples
    --------
    >>> mixture = np.float64(np.float32([[0.1]]))
    >>> images, residual = floating_shares(mixture, np.float32([[[0.3]], [[-0.2]]]), 0.3)
    >>> (images.sum(axis=0) + residual == mixture).all()
    np.True_
    """
    step = 2.0 ** (np.ceil(np.log2(peak)) - _GRID_BITS) if peak > 0 else 1.0
    # A multiple of a power of two that has fewer bits than single precision stays one.
    shares = np.rint(images.astype(np.float32).astype(np.float64) / step) * step
    faint = (mixture != 0) & (np.abs(mixture) < len(images) * peak * 2.0**-_FAINT_BITS)
    if faint.any():
        shares[:, faint] = _cancelled(shares[:, faint])
    return shares, mixture - shares.sum(axis=0)


def _cancelled(samples: np.ndarray) -> np.ndarray:
    """Samples (n_sources, n) of single precision that sum to nothing; all but the largest of each n are kept."""
    size = np.abs(samples).sum(axis=0)
    step = 2.0 ** (np.ceil(np.log2(np.where(size > 0, size, 1.0))) - _SINGLE_BITS)
    samples = np.rint(samples / step) * step
    largest = np.abs(samples).argmax(axis=0), np.arange(samples.shape[1])
    samples[largest] -= samples.sum(axis=0)
    return samples
