"""Many Gabor functions fitted side by side: Levenberg-Marquardt with variable projection, and where it starts."""

from __future__ import annotations

import numpy as np

_ITERATIONS = 60
_PADDING = 4
_NARROWEST = 0.4
"""Pixels; narrower envelopes hold one pixel alone."""
_HIGHEST = 0.71
"""Cycles per pixel, the corner of the frequency plane."""
_DIFFERENCE = 1e-5
_SHAPES = ((0.18, 0.18), (0.35, 0.25), (0.15, 0.35))
"""Widths of the envelopes that are tried, across and along the stripes, over the side of a patch."""


class GaborProblem:
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


def gabor_starts(patches: np.ndarray, n_peaks: int) -> np.ndarray:
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
