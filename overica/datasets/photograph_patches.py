"""Patches of natural images, prepared as in the sparse-coding literature."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from overica.datasets._checks import check_sizes
from overica.datasets.images import to_grey

# Cut-off of the whitening filter, cycles per pixel: 200 cycles in a picture of 512 pixels.
_CUTOFF = 0.4


def load_patches(
    n_patches: int = 20_000,
    patch_size: tuple[int, int] = (8, 8),
    *,
    images: Sequence[ArrayLike] | None = None,
    log_intensity: bool = False,
    whiten: bool = False,
    random_state: int | np.random.Generator | None = None,
) -> np.ndarray:
    """Random patches of photographs, each with its own mean removed.

    Pictures become grey (luminance of RGB), are optionally taken to log intensity and
    whitened (`whiten_image`), and are scaled to unit standard deviation.  Positions are uniform
    over all positions of all pictures, so a larger picture gives more patches.  Since every
    patch sums to zero the samples span ``height * width - 1`` dimensions.

    Parameters
    ----------
    n_patches : int
        Number of patches.
    patch_size : (int, int)
        Height and width in pixels.
    images : sequence of array-like, optional
        Pictures of shape (rows, columns) or (rows, columns, 3), each at least one patch large,
        with values >= 0 if `log_intensity`, for example those of a folder (`load_images`); the two
        photographs that scikit-learn brings, 427 x 640 pixels, if not given.
    log_intensity : bool
        Take ``log(1 + I)``, which makes the contrast of linear intensities independent of the
        illumination.  Ordinary picture files are compressed already (their gamma), and a
        logarithm on top mainly enlarges the noise of their shadows.
    whiten : bool
        Flatten the amplitude spectrum first.
    random_state : None, int or numpy.random.Generator
        Source of the positions.

    Returns
    -------
    ndarray of shape (n_patches, height * width), float64
        Patches in row-major order, in units of a picture's standard deviation.

    Raises
    ------
    ValueError
        If a size is below 1, or a picture is too small, not finite, constant, of another
        shape, or negative under `log_intensity`.

    References
    ----------
    Olshausen and Field (1996), "Emergence of simple-cell receptive field properties by
    learning a sparse code for natural images", Nature 381.

    Examples
    --------
    >>> X = load_patches(100, (8, 8), random_state=0)
    >>> X.shape
    (100, 64)
    >>> bool(abs(X.sum(axis=1)).max() < 1e-9)
    True
    """
    height, width = patch_size
    check_sizes(n_patches=n_patches, patch_height=height, patch_width=width)
    if images is None:
        from sklearn.datasets import load_sample_images

        images = load_sample_images().images
    pictures = [
        _prepare(f"images[{i}]", image, (height, width), log_intensity, whiten)
        for i, image in enumerate(images)
    ]
    if not pictures:
        raise ValueError("`images` must hold at least one picture, got none")

    X = draw_windows(pictures, n_patches, (height, width), np.random.default_rng(random_state))
    return X - X.mean(axis=1, keepdims=True)


def draw_windows(
    pictures: Sequence[np.ndarray], n_patches: int, shape: tuple[int, int], rng: np.random.Generator
) -> np.ndarray:
    """Random windows of pictures, (n_patches, height * width), at positions uniform over those of all pictures.

    Examples
    --------
    >>> ramp = np.arange(12.0).reshape(3, 4)
    >>> draw_windows([ramp], 5, (3, 4), np.random.default_rng(0))[0, :5]
    array([0., 1., 2., 3., 4.])
    """
    windows = [np.lib.stride_tricks.sliding_window_view(picture, shape) for picture in pictures]
    positions = np.array([w.shape[0] * w.shape[1] for w in windows])
    picture_of = rng.choice(len(windows), size=n_patches, p=positions / positions.sum())
    X = np.empty((n_patches, shape[0] * shape[1]))
    for i, view in enumerate(windows):
        chosen = np.flatnonzero(picture_of == i)
        rows, columns = (rng.integers(size, size=len(chosen)) for size in view.shape[:2])
        X[chosen] = view[rows, columns].reshape(len(chosen), X.shape[1])
    return X


def whiten_image(image: ArrayLike) -> np.ndarray:
    """Flatten the 1/f amplitude spectrum of a picture, without raising its finest noise.

    Multiplies the Fourier transform by ``|f| exp(-(|f| / f0)^4)``, f0 = 0.4 cycles per pixel:
    the ramp undoes the fall of natural spectra, the cut-off spares the corners of the
    frequency plane, where there is more noise and aliasing than picture.  The picture is
    mirrored at its borders, so that they make no edges.

    Parameters
    ----------
    image : array-like of shape (rows, columns)
        Grey picture.

    Returns
    -------
    ndarray of shape (rows, columns), float64
        Of zero mean under mirroring.

    Raises
    ------
    ValueError
        If `image` is not a finite matrix.

    References
    ----------
    Olshausen and Field (1997), "Sparse coding with an overcomplete basis set: a strategy
    employed by V1?", Vision Research 37.

    Examples
    --------
    >>> import numpy as np
    >>> flat = whiten_image(np.full((16, 16), 3.0))
    >>> bool(np.allclose(flat, 0.0))
    True
    """
    I = np.asarray(image, dtype=np.float64)  # noqa: E741
    if I.ndim != 2 or 0 in I.shape or not np.isfinite(I).all():
        raise ValueError(f"`image` must be a finite (rows, columns) array, got shape {I.shape}")
    rows, columns = I.shape
    mirrored = np.pad(I, ((0, rows), (0, columns)), mode="symmetric")
    frequency = np.hypot(np.fft.fftfreq(2 * rows)[:, None], np.fft.rfftfreq(2 * columns)[None, :])
    spectrum = np.fft.rfft2(mirrored) * frequency * np.exp(-((frequency / _CUTOFF) ** 4))
    return np.fft.irfft2(spectrum, s=mirrored.shape)[:rows, :columns]


def _prepare(
    name: str, image: ArrayLike, patch_size: tuple[int, int], log_intensity: bool, whiten: bool
) -> np.ndarray:
    picture = to_grey(image)
    if picture.ndim != 2 or picture.shape[0] < patch_size[0] or picture.shape[1] < patch_size[1]:
        raise ValueError(
            f"`{name}` must have shape (rows, columns) or (rows, columns, 3) with room for a "
            f"patch of {patch_size}, got {np.shape(image)}"
        )
    if not np.isfinite(picture).all():
        raise ValueError(f"`{name}` must be finite, got NaN or infinity")
    if log_intensity:
        if picture.min() < 0:
            raise ValueError(f"`{name}` must be >= 0 for log intensity, got {picture.min():.3g}")
        picture = np.log1p(picture)
    if np.ptp(picture) <= 1e-12 * np.abs(picture).max():
        raise ValueError(f"`{name}` must not be constant")
    if whiten:
        picture = whiten_image(picture)
    return picture / picture.std()
