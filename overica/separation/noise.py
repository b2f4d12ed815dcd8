r"""The noise of the channels: its variance at every frequency, and a step of it under the local Gaussian model.

Noise of sensors is of no direction and goes on all the time. In the local Gaussian model each channel c has some of its
own, of a variance that is smooth over frequencies,

    sigma_c^2(f) = sum_b h_b(f) l_cb,   h_b triangles over each other's feet, which sum to one at every f.

It enters the covariance as one more source along the axis of the channel would, so that the multiplicative step of
`factors` holds for it too, with sums over the frequencies of a band and over all windows, and no step lowers the
likelihood:

    l <- l sqrt((sum h N) / (sum h D)),   N = |(R^-1 x)_c|^2,   D = (R^-1)_cc.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from overica.separation.factors import Terms
from overica.separation.gaussian import ROUNDING

_TINY = 1e-20


@dataclass(frozen=True)
class Noise:
    """Variances of the noise, stationary and independent in the channels.

    Examples
    --------
    >>> import numpy as np
    >>> Noise(np.array([[1.0, 3.0]])).variances(5)
    array([[1. , 1.5, 2. , 2.5, 3. ]])
    """

    levels: np.ndarray
    """l, (n_channels, n_bands), not negative: shares of the mean power of the mixture."""

    def variances(self, n_frequencies: int) -> np.ndarray:
        """sigma^2 at frequencies evenly spaced from zero to half the sample rate, (n_channels, n_frequencies)."""
        return self.levels @ hats(n_frequencies, self.levels.shape[1]).T

    def within(self, n_frequencies: int, power: float) -> np.ndarray:
        """Variances of coefficients of mean power one, of a part that has so much of the mean power of the mixture.

        Of shape (n_channels, n_frequencies, 1), not below rounding.
        """
        variances = self.variances(n_frequencies) / power
        return np.asarray(np.maximum(variances, ROUNDING), np.float32)[:, :, None]

    def stepped(self, found: Terms) -> Noise:
        """After a step on the likelihood, given the terms of its gradient under these variances."""
        attraction, precision = found.noise_terms()
        triangles = hats(precision.shape[1], self.levels.shape[1])
        ratios = (attraction @ triangles) / (precision @ triangles + _TINY)
        return Noise(self.levels * np.sqrt(ratios))


def hats(n_frequencies: int, n_bands: int) -> np.ndarray:
    """Triangles h_b(f), (n_frequencies, n_bands)."""
    places = np.linspace(0, n_bands - 1, n_frequencies)[:, None]
    return np.maximum(0, 1 - np.abs(places - np.arange(n_bands))).astype(np.float32)
