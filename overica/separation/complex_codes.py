"""Sparse codes of complex coefficients: the smallest sum of moduli that explains the channels."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import convolve1d

from overica.coding import Dictionary, orthogonal_matching_pursuit
from overica.separation.gaussian import ROUNDING, posterior
from overica.separation.instantaneous import Instantaneous
from overica.separation.separator import Method, Piece

ROUNDS = 60
_NEAR = (0.25, 0.5, 0.25)
_POWER = 0.65
_LEAST = 1e-12
_FIRST_CODES = 20
"""Rounds that tell how large moduli are."""


def complex_l1(
    Z: np.ndarray,
    A: np.ndarray,
    noise_variance: float | np.ndarray,
    *,
    scale: float = 0.5,
    rounds: int = ROUNDS,
) -> np.ndarray:
    """``argmin_s sum_c |x - A s|_c^2 / sigma_c^2 + sum_j |s_j| / theta``, for every coefficient.

    That is the most probable s under noise and Laplace's law of the moduli, and as the noise vanishes the smallest sum
    of moduli that explains the channels. The modulus is the smallest of the quadratics above it,
    ``|s| / theta = min_v |s|^2 / v + v / (4 theta^2)``: with the variances ``v_j = 2 theta |s_j|`` the minimiser is the
    posterior mean of the local Gaussian model, and the two take turns. With one modulus for the real and the imaginary
    part a source is there or not whatever its phase.

    Parameters
    ----------
    Z : array (n_channels, ...)
        Complex.
    A : array (n_channels, n_sources)
    noise_variance : float or array
        sigma^2, see `gaussian.posterior`.
    scale : float
        theta, half the mean modulus of a source; no matter where there is no noise.
    rounds : int
        Turns.

    Returns
    -------
    array (n_sources, ...)

    Examples
    --------
    >>> import numpy as np
    >>> A = np.array([[1.0, 0.0, 0.6], [0.0, 1.0, 0.8]])
    >>> Z = np.array([[0.6 + 0.6j], [0.8 + 0.8j]])
    >>> np.abs(complex_l1(Z, A, 1e-9)).round(3).ravel()
    array([0.   , 0.   , 1.414])
    """
    power = float(np.mean(np.abs(Z) ** 2))
    V = np.full((A.shape[1], *Z.shape[1:]), np.sqrt(power), dtype=Z.real.dtype)
    # A modulus that is zero would stay so.
    twice, least = V.dtype.type(2 * scale), V.dtype.type(np.finfo(V.dtype).eps * np.sqrt(power))
    for _ in range(rounds):
        means = posterior(Z, A, V, noise_variance).means(V)
        V = twice * np.abs(means) + least
    return means


def neighbourly_codes(
    Z: np.ndarray, A: np.ndarray, noise_variance: float, *, rounds: int
) -> np.ndarray:
    """Codes for whose variances their neighbours speak: a voice goes on for some windows, and fills some frequencies.

    Turns like those of `complex_l1`, with ``v = (K * |s|^2)^.65``, K the mean of three frequencies and three windows.
    With ``K = 1`` and the power one half they were its own; a larger power is a sparser law. Where two channels let l1
    take any two sources of five, these take those that are there beside.

    Parameters
    ----------
    Z : array (n_channels, n_frequencies, n_windows)
        Complex, of mean power one.
    A : array (n_channels, n_sources)
    noise_variance : float
        Small beside the coefficients.
    rounds : int
        Turns. Not many are wanted: they begin with all sources alike, and end with too few.

    Returns
    -------
    array (n_sources, n_frequencies, n_windows)
    """
    V = np.ones((A.shape[1], *Z.shape[1:]), Z.real.dtype)
    for _ in range(rounds):
        means = posterior(Z, A, V, noise_variance).means(V)
        powers = means.real**2 + means.imag**2
        for axis in (1, 2):
            powers = convolve1d(powers, _NEAR, axis=axis, mode="nearest")
        V = np.maximum(powers, _LEAST) ** V.dtype.type(_POWER) + V.dtype.type(noise_variance)
    return means


class Codes(Method):
    """The smallest sum of moduli and of squares that are left to the noise, see `complex_l1`."""

    name, label = "l1", "l1 codes"

    def sources(self, piece: Piece) -> np.ndarray:
        """See `Method.sources`."""
        Z, unit = piece.coefficients(piece.transform)
        noise = piece.noise_within(piece.transform)
        S = complex_l1(Z, piece.mixing, ROUNDING, rounds=_FIRST_CODES)
        scale = float(np.abs(S).mean()) / 2
        S = complex_l1(Z, piece.mixing, noise, scale=scale) * unit
        return piece.transform.inverse(S, len(piece.x))


class Binary(Method):
    """Every coefficient goes to the source whose column is nearest to it."""

    name, label = "binary", "nearest direction"
    model = Instantaneous(with_noise=False)

    def sources(self, piece: Piece) -> np.ndarray:
        """See `Method.sources`."""
        Z = piece.transform.forward(piece.x)
        columns = Dictionary.of_rows(piece.mixing.T)
        S = orthogonal_matching_pursuit(columns, Z.reshape(len(Z), -1).T, 1).T
        return piece.transform.inverse(S.reshape(-1, *Z.shape[1:]).astype(Z.dtype), len(piece.x))
