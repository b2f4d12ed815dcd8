"""Patches of photographs for learning, choosing and judging, from regions that do not overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from sklearn.datasets import load_sample_images

from overica._validation import check_scalar
from overica.datasets.images import to_grey
from overica.datasets.photograph_patches import draw_windows

_MANY = 10
"""From this many photographs on, whole ones are held out."""
_FEWEST_REGIONS = 20
_REGION_SIDES = (8, 6, 4, 3, 2)
"""Sides of a region, in patches, the largest that gives enough of them."""
_SHARES = {"fit": 0.7, "choose": 0.1, "judge": 0.2}


@dataclass(frozen=True)
class Patches:
    """Patches of one set of regions, (n_patches, side^2), rows of a patch one after the other.

    Examples
    --------
    >>> data = split_photographs(side=4, n_patches=(500, 100, 100), random_state=0)
    >>> data.judge.grey.shape, data.judge.white.shape
    ((100, 16), (100, 16))
    """

    grey: np.ndarray
    """Grey levels as they are."""
    cells: np.ndarray
    """Rounded to the precision, and then uniform within their cell: see `Photographs`."""
    white: np.ndarray
    """The latter, centred and whitened."""


@dataclass(frozen=True)
class Photographs:
    """Patches in three sets, and the affine map from grey levels to white coordinates.

    The pixels are rounded to multiples of the precision D and a uniform number from (-D/2, D/2) is added. For any
    density p, ``-log2 p(x) - log2(D)`` per pixel, averaged over that noise, is at least the ideal code length of
    the rounded pixels under the probabilities of the cells (Jensen's inequality), so that no density gains by
    fitting the grid that the pixels lie on. White coordinates are ``z = (x - mean) W``, W the inverse root of the
    covariance of the patches that are learned from; ``log p(x) = log p(z) + log det W``.

    Examples
    --------
    >>> data = split_photographs(side=4, n_patches=(500, 100, 100), random_state=0)
    >>> bool(np.allclose((data.fit.cells - data.mean) @ data.whitener, data.fit.white))
    True
    """

    fit: Patches
    choose: Patches
    judge: Patches
    side: int
    """Pixels."""
    precision: float
    """D, grey levels."""
    mean: np.ndarray
    whitener: np.ndarray
    """W, symmetric."""
    dewhitener: np.ndarray
    """Its inverse: columns of a basis in white coordinates times this are pixels."""
    variances: np.ndarray
    """Of the principal components of grey levels, descending."""
    n_regions: dict[str, int]
    """By set."""

    @property
    def log_det(self) -> float:
        """log det W."""
        return float(-0.5 * np.log(self.variances).sum())

    @property
    def noise_share(self) -> float:
        """Mean variance, in white coordinates, of the error of rounding: of independent errors of D^2 / 12 a pixel."""
        return float(self.precision**2 / 12 * (1 / self.variances).mean())


def split_photographs(
    images: Sequence[ArrayLike] | None = None,
    *,
    side: int = 8,
    precision: float = 4.0,
    n_patches: tuple[int, int, int] = (20_000, 1_000, 3_000),
    random_state: int | np.random.Generator | None = None,
) -> Photographs:
    """Patches for learning, choosing and judging, at a precision.

    Every photograph is cut into square regions, as many patches wide as leaves at least twenty of them (at most
    eight), of which a random 70 % go to learning, 10 % to choosing and 20 % to judging; of ten photographs or
    more, whole ones go. Patches lie within a region, at positions uniform over those of a set.

    Parameters
    ----------
    images : sequence of array-like, optional
        Pictures of shape (rows, columns) or (rows, columns, 3) in grey levels; scikit-learn's two if not given.
    side : int
        Of a patch, in pixels, at least 2.
    precision : float
        Grey levels; positive.
    n_patches : (int, int, int)
        Patches to learn from, to choose by, and to judge by.
    random_state : int, numpy.random.Generator or None

    Returns
    -------
    Photographs

    Raises
    ------
    ValueError
        If a picture is malformed or smaller than a patch, all together are too small to be split, or an
        argument is malformed.

    Examples
    --------
    >>> data = split_photographs(side=4, n_patches=(500, 100, 100), random_state=0)
    >>> data.fit.white.shape, data.n_regions["judge"] > 10
    ((500, 16), True)
    >>> bool(np.allclose(data.judge.white @ data.dewhitener + data.mean, data.judge.cells))
    True
    """
    side = check_scalar(side, "side", minimum=2, integer=True)
    precision = check_scalar(precision, "precision", strict=True)
    sizes = [check_scalar(n, "n_patches", minimum=1, integer=True) for n in n_patches]
    if images is None:
        images = load_sample_images().images
    pictures = [_checked(f"images[{i}]", image, side) for i, image in enumerate(images)]
    if not pictures:
        raise ValueError("`images` must hold at least one picture, got none")
    rng = np.random.default_rng(random_state)
    sets = _assign(_regions(pictures, side), rng)
    grey = [
        draw_windows(sets[name], n, (side, side), rng)
        for name, n in zip(_SHARES, sizes, strict=True)
    ]
    cells = [
        np.round(x / precision) * precision + rng.uniform(-0.5, 0.5, x.shape) * precision
        for x in grey
    ]
    mean = cells[0].mean(axis=0)
    variances, axes = np.linalg.eigh(np.cov(cells[0], rowvar=False))
    variances, axes = variances[::-1], axes[:, ::-1]
    if not variances[-1] > 1e-9 * precision**2:
        raise ValueError(
            f"`n_patches` must be large enough for a covariance of {side**2} pixels, got {sizes[0]} to learn from"
        )
    whitener, dewhitener = ((axes * root) @ axes.T for root in (variances**-0.5, variances**0.5))
    fit, choose, judge = (
        Patches(x, c, (c - mean) @ whitener) for x, c in zip(grey, cells, strict=True)
    )
    counts = {name: len(regions) for name, regions in sets.items()}
    return Photographs(
        fit, choose, judge, side, precision, mean, whitener, dewhitener, variances, counts
    )


def _checked(name: str, image: ArrayLike, side: int) -> np.ndarray:
    picture = to_grey(image)
    if picture.ndim != 2 or min(picture.shape) < side:
        raise ValueError(
            f"`{name}` must have shape (rows, columns) or (rows, columns, 3) with room for a patch of "
            f"{side} x {side} pixels, got {np.shape(image)}"
        )
    if not np.isfinite(picture).all():
        raise ValueError(f"`{name}` must be finite, got NaN or infinity")
    return picture


def _regions(pictures: list[np.ndarray], side: int) -> list[np.ndarray]:
    if len(pictures) >= _MANY:
        return pictures
    for multiple in _REGION_SIDES:
        size = multiple * side
        regions = [
            picture[row : row + size, column : column + size]
            for picture in pictures
            for row in range(0, picture.shape[0], size)
            for column in range(0, picture.shape[1], size)
        ]
        # What is left over at the borders may be too narrow for a patch.
        regions = [region for region in regions if min(region.shape) >= side]
        if len(regions) >= _FEWEST_REGIONS:
            return regions
    raise ValueError(
        f"`images` must have room for {_FEWEST_REGIONS} regions of {size} x {size} pixels, so that some can be held "
        f"out, got {len(pictures)} of shapes {[p.shape for p in pictures]}"
    )


def _assign(regions: list[np.ndarray], rng: np.random.Generator) -> dict[str, list[np.ndarray]]:
    order = rng.permutation(len(regions))
    ends = np.round(np.cumsum(list(_SHARES.values())) * len(regions)).astype(int)
    starts = [0, *ends[:-1]]
    return {
        name: [regions[i] for i in order[start:end]]
        for name, start, end in zip(_SHARES, starts, ends, strict=True)
    }
