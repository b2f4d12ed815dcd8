"""The evidence of samples in the plane, exactly, and the mixing matrix that maximises it.

The characteristic function of ``x = A s + e`` is a product over the sources, whatever their number,

    E exp(i w'x) = exp(-sigma^2 |w|^2 / 2) prod_j phi(A_j'w),

so that for two features one fast Fourier transform gives the density on a grid, and its derivative. This is maximum
likelihood with the sources integrated out: where sources are dense, several of them active in every sample, codes
say little about the columns and the approximate evidence misleads; this does not. A source is taken to be
present with a probability rho, learned along with A:

    phi(t) = (1 - rho) + rho phi_prior(t),

which includes the prior itself, rho = 1, and sources that are mostly absent. The noise is learned as well, down to what
the grid resolves.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from scipy import fft
from scipy.optimize import minimize

from overica.priors import Prior

_GRIDS = (256, 512)
_RESOLUTION = 0.15
"""Coarsest grid step, in units of the data's standard deviation, that resolves a density."""
_MARGIN = 1.3
"""Period of the grid, in units of the range of the data."""
_ROOM = 10.0
"""The least period, in units of the data's standard deviation."""
_FLOOR = 1e-12
_CLOUD = 1 / 6
"""Variance that cloud-in-cell binning adds per axis, in squared grid steps."""
_LONGEST = 10.0
"""Largest entry of A, in units of the data: a column of a source that is hardly ever there must not run away."""
_UNRESOLVED = 0.1
"""Standard deviation taken for noise below the grid's resolution, in grid steps."""
_WIDTH = 1e-5
"""Of the differences that give the slope of a characteristic function, relative to ``1 + |t|``."""


@dataclass(frozen=True)
class PlanarFit:
    """A mixing matrix of highest exact evidence.

    Examples
    --------
    >>> fit = PlanarFit(np.eye(2), presence=0.3, noise_variance=0.01, log_evidence=-2.1)
    >>> fit.mixing.shape, fit.presence
    ((2, 2), 0.3)
    """

    mixing: np.ndarray
    """(2, n_components), for sources of scale one when present."""
    presence: float
    """rho, the probability that a source is present."""
    noise_variance: float
    """sigma^2, in squared units of the samples; where the grid does not resolve it, a hundredth of its step squared."""
    log_evidence: float
    """Mean log density of the samples on the grid, nats per sample."""


class PlanarEvidence:
    """Exact evidence of samples with two features, for priors with a characteristic function.

    The noise of the model is at least one grid step, which keeps the density within the band of the grid. The samples
    get the same noise before they are distributed over their four nearest grid points (cloud in cell), so that
    the model is right about them.

    Parameters
    ----------
    X : array (n_samples, 2)
        Samples of unit variance.
    prior : Prior
        With scale 1; must have a `characteristic_function`.
    rng : numpy.random.Generator
        Draws the added noise.

    Examples
    --------
    The exact evidence of the true columns is above that of others:

    >>> from overica.priors import Laplace
    >>> rng = np.random.default_rng(0)
    >>> A = np.eye(2) / np.sqrt(2)
    >>> exact = PlanarEvidence(rng.laplace(size=(2000, 2)) @ A.T, Laplace(), rng)
    >>> turned = A @ np.array([[1.0, 1.0], [-1.0, 1.0]]) / np.sqrt(2)
    >>> exact(A, 1.0, 0.01) > exact(turned, 1.0, 0.01)
    True
    """

    def __init__(self, X: np.ndarray, prior: Prior, rng: np.random.Generator) -> None:
        size = grid_size(X)
        if size is None:
            raise ValueError("`X` has tails too heavy for a grid to resolve its middle")
        low, high = X.min(axis=0), X.max(axis=0)
        period = _period(X)
        self._size, self._step = size, period / size
        self._characteristic_function: Any = prior.characteristic_function
        self._origin = (low + high - period) / 2
        blur = self._step * np.sqrt(1 - _CLOUD)
        self._cells, self._weights = self._bin(X + blur * rng.standard_normal(X.shape))
        w0 = 2 * np.pi * fft.fftfreq(size, self._step)[:, None]
        w1 = 2 * np.pi * fft.rfftfreq(size, self._step)
        self._frequencies = np.stack(np.broadcast_arrays(w0, w1))
        self._square = w0**2 + w1**2
        phase = w0 * self._origin[0] + w1 * self._origin[1]
        self._kernel = np.exp(-0.5 * self._step**2 * self._square + 1j * phase)

    def __call__(self, A: np.ndarray, presence: float, noise_variance: float) -> float:
        """Mean log density of the samples, nats.

        The noise of the model is `noise_variance` on top of one squared grid step.
        """
        product: np.ndarray | float = 1.0
        for t in self._along(A):
            product = product * (1 + presence * (self._characteristic_function(t) - 1))
        return self._value(self._spectrum(product, noise_variance))[0]

    def gradient(
        self, A: np.ndarray, presence: float, noise_variance: float
    ) -> tuple[float, np.ndarray, float, float]:
        """The value, and its derivatives by A, (2, n_components), by presence, and by noise variance.

        The density p is the transform of a spectrum Y, and the value ``L = sum_c weight_c log p_c`` over cells c, so

            dL = Re sum_w M_w dY_w,    M = conj(F g) / n_cells,    g_c = weight_c / p_c,

        with the transform F of real data, whose half plane counts twice but for its edges.
        """
        T = self._along(A)
        characteristic = [self._characteristic_function(t) for t in T]
        phi = [1 + presence * (c - 1) for c in characteristic]
        before = [np.ones(()), *accumulate(phi, np.multiply)]
        spectrum = self._spectrum(before.pop(), noise_variance)
        value, weights = self._value(spectrum)
        twice = np.full(spectrum.shape[1], 2.0)
        twice[[0, -1]] = 1.0
        back = twice / self._size**2 * np.conj(fft.rfft2(weights))
        by_noise = -0.5 * float((self._square * (back * spectrum).real).sum())
        # Of the product, and from the last factor to the first of what stands before it.
        by_before = np.conj(back * self._spectrum(1.0, noise_variance))
        by_presence, by_A = 0.0, np.empty(A.shape)
        for j in reversed(range(len(phi))):
            by_phi = by_before * before[j]
            by_presence += float((by_phi * (characteristic[j] - 1)).real.sum())
            width = _WIDTH * (1 + np.abs(T[j]))
            rise = self._characteristic_function(T[j] + width)
            slope = (rise - self._characteristic_function(T[j] - width)) / (2 * width)
            by_A[:, j] = np.tensordot(self._frequencies, presence * (by_phi * slope).real, 2)
            by_before *= phi[j]
        return value, by_A, by_presence, by_noise

    def _along(self, A: np.ndarray) -> np.ndarray:
        """``A_j'w``, ``(n_components, *grid)``."""
        return np.tensordot(A.T, self._frequencies, 1)

    def _spectrum(self, product: np.ndarray | float, noise_variance: float) -> np.ndarray:
        """Of the density: E exp(+i w'x) of the sources, conjugate for the transform's exp(-i w'x), with the noise."""
        noise = np.exp(-0.5 * noise_variance * self._square)
        return np.conj(product) * self._kernel * noise

    def _value(self, spectrum: np.ndarray) -> tuple[float, np.ndarray]:
        """Mean log density, and its derivative by the transform of the spectrum."""
        area = self._step**2
        density = fft.irfft2(spectrum, s=(self._size, self._size)).reshape(-1)[self._cells] / area
        seen = np.maximum(density, _FLOOR)
        weights = np.zeros((self._size, self._size))
        np.put(weights, self._cells, np.where(density > _FLOOR, self._weights / seen, 0.0) / area)
        return float(self._weights @ np.log(seen)), weights

    def maximise(
        self, start: np.ndarray, max_iter: int = 150, *, turn: bool = True, noisy: bool = True
    ) -> PlanarFit:
        """Quasi-Newton (L-BFGS) ascent in A and the log odds of presence, then in the log of the noise too.

        The noise is let go last: from far away, more of it explains everything a little.

        Parameters
        ----------
        start : array (2, n_components)
            Columns to start from; a few common factors of their lengths are tried.
        max_iter : int
            Steps of each of the two ascents.
        turn : bool
            Whether columns may turn. If not, lengths, presence and noise alone are fitted: what is maximised is the
            evidence of the given directions.
        noisy : bool
            Whether there may be more noise than the grid resolves.

        Examples
        --------
        Two sources with independent signs, on the axes and on the diagonals:

        >>> from overica.priors import Laplace
        >>> rng = np.random.default_rng(0)
        >>> evidence = PlanarEvidence(rng.laplace(size=(5000, 2)), Laplace(), rng)
        >>> axes, diagonals = np.eye(2), np.array([[1.0, 1.0], [-1.0, 1.0]]) / np.sqrt(2)
        >>> true, turned = (evidence.maximise(A, turn=False) for A in (axes, diagonals))
        >>> true.log_evidence > turned.log_evidence, true.mixing[0, 1].item()
        (True, 0.0)
        """
        directions = start / np.linalg.norm(start, axis=0)
        lowest, highest = -7.0, 7.0
        parameters = self._first_guess(start, lowest)

        def along(A: np.ndarray) -> np.ndarray:
            return A if turn else directions * (A * directions).sum(axis=0)

        def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
            presence = 1 / (1 + np.exp(-parameters[-2]))
            noise = self._step**2 * np.exp(parameters[-1])
            A = along(parameters[:-2].reshape(start.shape))
            value, by_A, by_presence, by_noise = self.gradient(A, presence, noise)
            slopes = [by_presence * presence * (1 - presence), by_noise * noise]
            # The projection on the directions is its own transpose.
            return -value, -np.append(along(by_A), slopes)

        for top in (lowest, highest) if noisy else (lowest,):
            if top > lowest:
                # Where noise is far below the grid's resolution its logarithm has no slope to follow.
                trials = [np.append(parameters[:-1], log) for log in np.linspace(lowest, top, 8)]
                parameters = min(trials, key=lambda trial: loss(trial)[0])
            bounds = [(-_LONGEST, _LONGEST)] * start.size + [(-6, 8), (lowest, top)]
            result = minimize(
                loss, parameters, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": max_iter}
            )  # fmt: skip
            parameters = result.x
        presence = float(1 / (1 + np.exp(-result.x[-2])))
        extra = float(np.exp(result.x[-1]))
        resolved = max(extra, _UNRESOLVED**2)
        mixing = along(result.x[:-2].reshape(start.shape))
        return PlanarFit(mixing, presence, self._step**2 * resolved, -float(result.fun))

    def _first_guess(self, start: np.ndarray, log_noise: float) -> np.ndarray:
        """Parameters along the given directions: the best of a few common lengths and probabilities of presence.

        Far from the right ones, directions that are nearly right are left for poor optima.
        """
        noise = self._step**2 * np.exp(log_noise)
        guesses = [
            (self(length * start, presence, noise), length, presence)
            for length in np.geomspace(0.35, 2.8, 7)
            for presence in (0.05, 0.15, 0.4, 0.9)
        ]
        _, length, presence = max(guesses)
        return np.append(length * start.ravel(), [np.log(presence / (1 - presence)), log_noise])

    def _bin(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        position = (X - self._origin) / self._step
        corner = np.floor(position).astype(np.int64)
        offset = position - corner
        histogram = np.zeros(self._size**2)
        for dx in (0, 1):
            for dy in (0, 1):
                weight = np.abs(1 - dx - offset[:, 0]) * np.abs(1 - dy - offset[:, 1])
                cell = (corner[:, 0] + dx) % self._size * self._size + (
                    corner[:, 1] + dy
                ) % self._size
                histogram += np.bincount(cell, weight, self._size**2)
        cells = np.flatnonzero(histogram)
        return cells, histogram[cells] / len(X)


def _period(X: np.ndarray) -> float:
    """Period of the grid: the range of the samples and a margin, and room for the tails of a model.

    The density repeats with it. A prior whose tails reach further than the samples, as a sparse one does if the sources
    are evenly spread, would get them back on the other side and be judged too mildly.
    """
    return max(_MARGIN * float(np.ptp(X, axis=0).max()), _ROOM * _spread(X))


def _spread(X: np.ndarray) -> float:
    return float(np.sqrt(((X - X.mean(axis=0)) ** 2).mean()))


def grid_size(X: np.ndarray) -> int | None:
    """The smallest grid fine enough for samples in the plane; None where the tails are too heavy for any."""
    period, spread = _period(X), _spread(X)
    return next((size for size in _GRIDS if period / size <= _RESOLUTION * spread), None)


def applies(X: np.ndarray, prior: Prior) -> bool:
    """Whether the exact evidence is to be had: two features that span the plane, tails that a grid resolves."""
    if X.shape[1] != 2 or prior.characteristic_function(np.zeros(1)) is None:
        return False
    singular = np.linalg.svd(X - X.mean(axis=0), compute_uv=False)
    return bool(len(X) >= 500 and singular[-1] > 0.02 * singular[0] and grid_size(X) is not None)
