"""Gabor functions fitted to the columns of a basis, all columns and starts at once."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike

from overica._validation import check_array, check_scalar

WELL_FITTED = 0.8
"""Share of a column's variance from which on it counts as a Gabor function."""
_ITERATIONS = 60
_PADDING = 4
_NARROWEST = 0.4
"""Pixels; narrower envelopes hold one pixel alone."""
_HIGHEST = 0.71
"""Cycles per pixel, the corner of the frequency plane."""
_DIFFERENCE = 1e-5
_SHAPES = ((0.18, 0.18), (0.35, 0.25), (0.15, 0.35))
"""Widths of the envelopes that are tried, across and along the stripes, over the side of a patch."""


@dataclass(frozen=True)
class GaborFits:
    """The best Gabor function of every column; every field has shape (n_components,).

    ``g(r, c) = amplitude exp(-u^2 / 2 width_across^2 - v^2 / 2 width_along^2) cos(2 pi frequency u + phase)`` with
    ``u = (c - column) cos(orientation) + (r - row) sin(orientation)``, across the stripes, and v along them.
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
    well fitted columns beside those of random columns (`study_photographs` reports both). Envelopes are kept
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
    starts = _starts(targets.reshape(-1, height, width), n_peaks)
    n_starts = starts.shape[1]
    problem = _Problem(np.repeat(targets, n_starts, axis=0), (height, width))
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


class _Problem:
    """Many small least-squares problems side by side: parameters (row, column, wave r, wave c, log widths)."""

    def __init__(self, targets: np.ndarray, shape: tuple[int, int]) -> None:
        self.targets = targets
        rows, columns = np.mgrid[: shape[0], : shape[1]]
        self.rows, self.columns = rows.ravel().astype(float), columns.ravel().astype(float)
        side = max(shape)
        reach = np.array(shape) / 2
        wide = np.log(2.0 * side)
        narrow = np.log(_NARROWEST)
        self.low = np.array([-reach[0], -reach[1], -_HIGHEST, -_HIGHEST, narrow, narrow])
        self.high = np.array(
            [shape[0] - 1 + reach[0], shape[1] - 1 + reach[1], _HIGHEST, _HIGHEST, wide, wide]
        )

    def waves(self, p: np.ndarray) -> np.ndarray:
        """The even and the odd function, (n, 2, n_pixels)."""
        r, c = self.rows - p[:, :1], self.columns - p[:, 1:2]
        f = np.maximum(np.hypot(p[:, 2], p[:, 3]), 1e-9)[:, None]
        sine, cosine = p[:, 2:3] / f, p[:, 3:4] / f
        u, v = c * cosine + r * sine, r * cosine - c * sine
        envelope = np.exp(-0.5 * ((u * np.exp(-p[:, 4:5])) ** 2 + (v * np.exp(-p[:, 5:])) ** 2))
        angle = 2 * np.pi * f * u
        return np.stack([envelope * np.cos(angle), envelope * np.sin(angle)], axis=1)

    def weights(self, p: np.ndarray) -> np.ndarray:
        """Coefficients of the two functions of least squares, (n, 2)."""
        return self._project(self.waves(p), self.targets)

    @staticmethod
    def _project(waves: np.ndarray, targets: np.ndarray) -> np.ndarray:
        gram = waves @ waves.transpose(0, 2, 1)
        # At frequency zero the odd function vanishes.
        gram += 1e-9 * (1.0 + np.trace(gram, axis1=1, axis2=2))[:, None, None] * np.eye(2)
        right = np.einsum("nkp,np->nk", waves, targets)
        return np.asarray(np.linalg.solve(gram, right[:, :, None])[:, :, 0])

    def residuals(self, p: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """What is left of the targets of those rows, (n, n_pixels)."""
        targets, waves = self.targets[rows], self.waves(p)
        weights = self._project(waves, targets)
        return np.asarray(targets - np.einsum("nk,nkp->np", weights, waves))

    def minimise(self, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ends and squared norms of the residuals."""
        p = np.clip(p, self.low, self.high)
        everything = np.arange(len(p))
        r = self.residuals(p, everything)
        loss = (r**2).sum(axis=1)
        damping = np.full(len(p), 1e-2)
        live = everything
        for _ in range(_ITERATIONS):
            here, residual = p[live], r[live]
            jacobian = np.empty((len(live), residual.shape[1], 6))
            for k in range(6):
                moved = here.copy()
                moved[:, k] += _DIFFERENCE
                jacobian[:, :, k] = (self.residuals(moved, live) - residual) / _DIFFERENCE
            hessian = jacobian.transpose(0, 2, 1) @ jacobian
            slope = np.einsum("npk,np->nk", jacobian, residual)
            diagonal = np.einsum("nkk->nk", hessian) + 1e-9
            damped = hessian + (damping[live, None] * diagonal)[:, :, None] * np.eye(6)
            step = -np.linalg.solve(damped, slope[:, :, None])[:, :, 0]
            trial = np.clip(here + step, self.low, self.high)
            new = self.residuals(trial, live)
            new_loss = (new**2).sum(axis=1)
            better = new_loss < loss[live]
            gain = loss[live] - new_loss
            rows = live[better]
            p[rows], r[rows], loss[rows] = trial[better], new[better], new_loss[better]
            damping[live] = np.where(better, damping[live] * 0.3, damping[live] * 5.0)
            settled = np.where(better, gain < 1e-10, damping[live] > 1e6)
            live = live[~settled]
            if not live.size:
                break
        return p, loss


def _starts(patches: np.ndarray, n_peaks: int) -> np.ndarray:
    """Starting parameters, (n_patches, n_starts, 6)."""
    n, height, width = patches.shape
    size = (_PADDING * height, _PADDING * width)
    spectrum = np.abs(np.fft.rfft2(patches, s=size))
    frequency_r = np.fft.fftfreq(size[0])
    frequency_c = np.fft.rfftfreq(size[1])
    power = patches**2
    total = power.sum(axis=(1, 2))
    rows = (power.sum(axis=2) * np.arange(height)).sum(axis=1) / total
    columns = (power.sum(axis=1) * np.arange(width)).sum(axis=1) / total
    starts = np.empty((n, n_peaks * len(_SHAPES), 6))
    starts[:, :, 0], starts[:, :, 1] = rows[:, None], columns[:, None]
    for peak in range(n_peaks):
        at = spectrum.reshape(n, -1).argmax(axis=1)
        i, j = np.unravel_index(at, spectrum.shape[1:])
        part = slice(peak * len(_SHAPES), (peak + 1) * len(_SHAPES))
        starts[:, part, 2] = frequency_r[i][:, None]
        starts[:, part, 3] = frequency_c[j][:, None]
        # The next peak is sought outside the main lobe of this one.
        apart_r = np.abs(
            (np.arange(size[0])[None, :] - i[:, None] + size[0] // 2) % size[0] - size[0] // 2
        )
        apart_c = np.abs(np.arange(spectrum.shape[2])[None, :] - j[:, None])
        near = (apart_r[:, :, None] <= _PADDING) & (apart_c[:, None, :] <= _PADDING)
        spectrum = np.where(near, -1.0, spectrum)
        for k, (across, along) in enumerate(_SHAPES):
            starts[:, part.start + k, 4] = np.log(across * max(height, width))
            starts[:, part.start + k, 5] = np.log(along * max(height, width))
    return starts


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
