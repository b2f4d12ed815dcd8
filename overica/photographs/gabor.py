"""Gabor functions fitted to the columns of a basis, all columns and starts at once."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike

from overica._validation import check_array, check_scalar
from overica.photographs._gabor_search import GaborProblem, gabor_starts

WELL_FITTED = 0.8
"""Share of a column's variance from which on it counts as a Gabor function."""


@dataclass(frozen=True)
class GaborFits:
    """The best Gabor function of every column; every field has shape (n_components,).

    ``g(r, c) = amplitude exp(-u^2 / 2 width_across^2 - v^2 / 2 width_along^2) cos(2 pi frequency u + phase)`` with
    ``u = (c - column) cos(orientation) + (r - row) sin(orientation)``, across the stripes, and v along them.

    Examples
    --------
    >>> fits = fit_gabors(np.random.default_rng(0).standard_normal((36, 2)), (6, 6))
    >>> fits.frequency.shape, bool((fits.r2 <= 1).all())
    ((2,), True)
    """

    amplitude: np.ndarray
    """Positive, in units of the column."""
    row: np.ndarray
    """Of the centre, pixels from the middle of the first."""
    column: np.ndarray
    """Of the centre."""
    orientation: np.ndarray
    """Of the wave vector, radians in [0, pi) from the direction of growing columns towards growing rows."""
    frequency: np.ndarray
    """Cycles per pixel, at least 0."""
    phase: np.ndarray
    """Radians in (-pi, pi], at the centre: 0 is even, +-pi/2 odd."""
    width_across: np.ndarray
    """Standard deviation of the envelope along the wave vector, pixels."""
    width_along: np.ndarray
    """Standard deviation along the stripes, pixels."""
    r2: np.ndarray
    """Share of the column's sum of squares that the function accounts for, at most 1."""

    @property
    def well_fitted(self) -> np.ndarray:
        """Which columns have ``r2 > .8``, boolean."""
        return np.asarray(self.r2 > WELL_FITTED)


def fit_gabors(mixing: ArrayLike, patch_shape: tuple[int, int], *, n_peaks: int = 2) -> GaborFits:
    """Gabor function of least squares for every column of a basis.

    Position, wave vector and the two widths are found by Levenberg-Marquardt; amplitude and phase, in which the
    function is linear, are eliminated (variable projection): for every trial of the six others the
    column is projected on the even and the odd function. Starts are the highest peaks of the column's Fourier
    transform, each with three shapes of the envelope, centred where the column has its power; the
    best end counts.

    Parameters
    ----------
    mixing : array-like (height * width, n_components)
        Columns are patches in row-major order.
    patch_shape : (int, int)
        Height and width.
    n_peaks : int
        Peaks to start from.

    Returns
    -------
    GaborFits

    Raises
    ------
    ValueError
        If `mixing` is not finite or does not fit `patch_shape`, or a column is zero.

    Notes
    -----
    A Gabor function has eight parameters, so that it fits any column of a small patch in part: read shares of
    well fitted columns beside those of random columns (`PhotographStudy` reports both). Envelopes are kept
    between .4 pixels and twice the patch, centres within half a patch of it.

    References
    ----------
    Golub and Pereyra (2003), "Separable nonlinear least squares", Inverse Problems 19. Ringach (2002), "Spatial
    structure and symmetry of simple-cell receptive fields in macaque primary visual cortex", Journal of
    Neurophysiology 88.

    Examples
    --------
    >>> r, c = np.mgrid[:8, :8]
    >>> column = np.exp(-((r - 3) ** 2 + (c - 4) ** 2) / 8) * np.cos(2 * np.pi * 0.25 * (c - 4))
    >>> fits = fit_gabors(column.reshape(64, 1), (8, 8))
    >>> (
    ...     round(float(fits.r2[0]), 6),
    ...     round(float(fits.frequency[0]), 4),
    ...     round(float(fits.column[0]), 3),
    ... )
    (1.0, 0.25, 4.0)
    """
    height, width = patch_shape
    A = np.asarray(
        check_array(mixing, "mixing", {"height * width": height * width, "n_components": None}),
        float,
    )
    n_peaks = check_scalar(n_peaks, "n_peaks", minimum=1, integer=True)
    power = (A**2).sum(axis=0)
    if not power.all():
        raise ValueError(f"`mixing` must have no column of zeros, got {int((power == 0).sum())}")
    targets = (A / np.sqrt(power)).T
    starts = gabor_starts(targets.reshape(-1, height, width), n_peaks)
    n_starts = starts.shape[1]
    problem = GaborProblem(np.repeat(targets, n_starts, axis=0), (height, width))
    ends, losses = problem.minimise(starts.reshape(-1, 6))
    losses = losses.reshape(-1, n_starts)
    best = losses.argmin(axis=1)
    chosen = np.arange(len(targets)) * n_starts + best
    return _described(
        ends[chosen],
        problem.weights(ends)[chosen],
        losses[np.arange(len(targets)), best],
        np.sqrt(power),
    )


def _described(
    p: np.ndarray, weights: np.ndarray, losses: np.ndarray, norms: np.ndarray
) -> GaborFits:
    """Parameters as people state them: orientation in [0, pi), a positive amplitude."""
    orientation = np.arctan2(p[:, 2], p[:, 3])
    # The wave vector turned round is the same wave with the odd part's sign turned.
    turned = (orientation < 0) | (orientation >= np.pi)
    even, odd = weights[:, 0], np.where(turned, -weights[:, 1], weights[:, 1])
    return GaborFits(
        amplitude=np.hypot(even, odd) * norms,
        row=p[:, 0],
        column=p[:, 1],
        orientation=orientation % np.pi,
        frequency=np.hypot(p[:, 2], p[:, 3]),
        phase=np.arctan2(-odd, even),
        width_across=np.exp(p[:, 4]),
        width_along=np.exp(p[:, 5]),
        r2=1.0 - losses,
    )


def gabor_columns(fits: GaborFits, patch_shape: tuple[int, int]) -> np.ndarray:
    """The functions themselves on the pixels of a patch, (height * width, n_components).

    Parameters
    ----------
    fits : GaborFits
    patch_shape : (int, int)
        Height and width, pixels.

    Returns
    -------
    array (height * width, n_components)

    Examples
    --------
    >>> A = np.random.default_rng(0).standard_normal((36, 2))
    >>> gabor_columns(fit_gabors(A, (6, 6)), (6, 6)).shape
    (36, 2)
    """
    rows, columns = np.mgrid[: patch_shape[0], : patch_shape[1]]
    values = {field.name: getattr(fits, field.name) for field in fields(fits)}
    r, c = (
        grid.ravel()[:, None] - values[name] for grid, name in ((rows, "row"), (columns, "column"))
    )
    sine, cosine = np.sin(fits.orientation), np.cos(fits.orientation)
    u, v = c * cosine + r * sine, r * cosine - c * sine
    envelope = np.exp(-0.5 * ((u / fits.width_across) ** 2 + (v / fits.width_along) ** 2))
    return np.asarray(
        fits.amplitude * envelope * np.cos(2 * np.pi * fits.frequency * u + fits.phase)
    )
