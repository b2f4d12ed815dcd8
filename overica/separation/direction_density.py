"""Densities of measured directions about a column or a plane: Student's t in the tangent, over the uniform law.

Where one source alone is heard, a point u with spread rho (`one_source`) is a measurement of its column a, like the
slope of a line through few points, and errors of slopes are of Student's t. In the tangent t = sin / cos of the angle
between u and a, of m - 1 dimensions d, with nu degrees of freedom,

    p(u | a) ~ s^-d (1 + t^2 / (nu s^2))^(-(nu + d)/2),   s^2 = kappa rho + eps,

relative to the uniform law of directions, which is the same with nu = 1 and s = 1. About a plane of two columns it is
the same with d = m - 2, relative to nu = 2 and s^2 = 1/2.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from overica.separation.one_source import WINDOWS

FREEDOM = 2 * WINDOWS - 1
"""nu: degrees of freedom of a measured direction."""


def density_about(above: np.ndarray, variances: np.ndarray, m: int, q: int) -> np.ndarray:
    """Density about subspaces of q dimensions, relative to uniform directions of m.

    Parameters
    ----------
    above : array (n_points, n_subspaces)
        1 + t^2, one over the squared cosine between point and subspace.
    variances : array (n_points,)
        s^2.
    m, q : int
        Dimensions of the space and of a subspace.

    Returns
    -------
    array (n_points, n_subspaces)
    """
    variances = variances[:, None]
    tails = (above - 1) / (FREEDOM * variances)
    tails += 1
    # The powers of both laws, gathered so that nothing is too large or small whatever m.
    density = above / variances
    density /= tails
    _raise_to_half(density, m)
    _raise_to_half(tails, FREEDOM - q)
    density /= tails
    # The uniform law has nu = q and s^2 = 1 / q.
    uniform = _log_constant(q, m - q) + (m - q) / 2 * np.log(q)
    constant = np.exp(_log_constant(FREEDOM, m - q) - uniform)
    density *= constant * variances ** (q / 2)
    return density


def _raise_to_half(x: np.ndarray, n: int) -> None:
    """``x ** (n / 2)`` in place, of whole numbers n > 0, by products: many times as fast."""
    if n == 2:
        return
    square = x.copy()
    if n % 2:
        np.sqrt(x, out=x)
    else:
        x[:] = 1
    n //= 2
    while n:
        if n % 2:
            x *= square
        n //= 2
        if n:
            square *= square


def _log_constant(freedom: float, d: int) -> float:
    return float(
        gammaln((freedom + d) / 2) - gammaln(freedom / 2) - d / 2 * np.log(freedom * np.pi)
    )
