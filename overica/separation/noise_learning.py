"""The noise of a mixture, learned before its sources.

What separates by many spectra for each source is able to explain noise as sources, piece by piece. So the noise is
learned before that, beside sources that have few spectra, and from above: it begins far above what the quiet places
hold, and is lowered to what these sources leave.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from overica.separation.factors import Terms, start_factors, step
from overica.separation.gaussian import ROUNDING
from overica.separation.noise import Noise, hats

_BANDS = 8
_COMPONENTS = 4
"""Spectra of a source at most,"""
_WINDOWS_EACH = 100
"""one for so many windows: in few windows a few spectra explain whatever is there."""
_STEPS = 48
_EVERY = 2
"""Window that is looked at: neighbours share most of their sound."""
_QUIET = 0.1
"""Share of the windows, the quietest at a frequency, by whose loudest the noise is judged,"""
_ABOVE = 10.0
"""and from so many times above which it is lowered."""


def learn_noise(
    Z: np.ndarray,
    powers_of: Callable[[np.ndarray], np.ndarray],
    terms_of: Callable[[np.ndarray, np.ndarray, np.ndarray], Terms],
    rng: np.random.Generator,
    history: dict[str, list[float]] | None = None,
) -> Noise:
    """The noise of coefficients Z.

    Parameters
    ----------
    Z : array (n_channels, n_frequencies, n_windows)
        Complex.
    powers_of : callable
        Powers of the sources (n_sources, n_frequencies, n_windows), roughly, of coefficients like Z.
    terms_of : callable
        `Terms` of coefficients, variances of the sources, and variances of the noise (n_channels, n_frequencies, 1).
    rng : numpy.random.Generator
    history : dict, optional
        The mean log likelihood per coefficient, nats, is appended to its list "noise_log_likelihood".

    Examples
    --------
    Noise of variance .01 beside one source, which is silent half of the time:

    >>> import numpy as np
    >>> from overica.separation.gaussian import posterior
    >>> rng = np.random.default_rng(0)
    >>> S, *E = rng.standard_normal((3, 40, 200)) + 1j * rng.standard_normal((3, 40, 200))
    >>> A = np.array([[0.6], [0.8]])
    >>> Z = A[:, :, None] * S * (np.arange(200) % 20 < 10) + 0.1 * np.array(E)
    >>> Z = (Z / np.sqrt(2)).astype(np.complex64)
    >>> def powers_of(Z):
    ...     return np.abs(np.tensordot(A.T, Z, 1)) ** 2
    >>> def terms_of(Z, V, sigma):
    ...     return posterior(Z, A, V, sigma)
    >>> noise = learn_noise(Z, powers_of, terms_of, rng)
    >>> bool(np.allclose(noise.variances(40) * np.mean(np.abs(Z) ** 2), 0.01, rtol=0.3))
    True
    """
    Z = np.ascontiguousarray(Z[:, :, ::_EVERY])
    unit = np.float32(np.sqrt(np.mean(Z.real**2 + Z.imag**2)))
    Z = (Z / unit).astype(np.complex64)
    noise = Noise(np.float32(_ABOVE) * quiet_noise(Z).levels)
    n_components = min(max(Z.shape[2] // _WINDOWS_EACH, 1), _COMPONENTS)
    factors = start_factors(powers_of(Z) + np.float32(ROUNDING), n_components, rng)
    V = np.stack([one.variances() for one in factors])
    for k in range(2 * _STEPS):
        sigma = noise.variances(Z.shape[1])[:, :, None] + np.float32(ROUNDING)
        found = terms_of(Z, V, sigma)
        if history is not None:
            likelihood = found.log_likelihood / Z[0].size
            history.setdefault("noise_log_likelihood", []).append(likelihood)
        noise = noise.stepped(found)
        V = step(factors, found, k)
    return noise


def quiet_noise(Z: np.ndarray) -> Noise:
    """What noise the quietest windows of each frequency let there be.

    Its power is exponential where there is noise alone; what sources leave in those windows is taken for noise too.
    """
    quiet = np.quantile(Z.real**2 + Z.imag**2, _QUIET, axis=2) / -np.log(1 - _QUIET)
    triangles = hats(Z.shape[1], min(_BANDS, Z.shape[1]))
    return Noise(((quiet @ triangles) / triangles.sum(axis=0)).astype(np.float32))
