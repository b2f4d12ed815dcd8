"""Compiled line integrals: what the Gaussian approximation of the posterior leaves out at the kinks of an l1 cost.

Around the mode of a sample, move one source j by t and let the active sources follow so as to stay optimal,
``s_a - t w``, ``w = (A_a'A_a)^-1 A_a'A_j``. The negative log posterior, relative to the mode, is then

    F(t) = |t| - mu t + h t^2 / 2 + sum_a 2 max(0, t w_a / sign(s_a) - |s_a|),       (scale one, signed sources)

with ``mu = A_j'r / sigma^2``, |mu| <= 1, and ``h = |A_j - A_a w|^2 / sigma^2``: a convex function, linear-quadratic
between the points at which an active source changes its sign. Non-negative sources stop there, and at t = 0.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

_OPTIONS = {"cache": True, "error_model": "numpy"}
_FLATTEST = 0.01
"""Slope of a line that rounding has left flat for ever."""
_GONE = 40.0
"""A fall of the log density after which less is left than rounding."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(6)


@njit(**_OPTIONS)
def erfcx(x):
    """``exp(x^2) erfc(x)`` for x >= 0; above 6 by the continued fraction, exact to 1e-13."""
    if x < 6.0:
        return math.exp(x * x) * math.erfc(x)
    fraction = 0.0
    for k in range(30, 0, -1):
        fraction = 0.5 * k / (x + fraction)
    return 1.0 / (math.sqrt(math.pi) * (x + fraction))


@njit(**_OPTIONS)
def segment(slope, curvature, length):
    """Integral over [0, length] of ``exp(-slope t - curvature t^2 / 2)``; slope, curvature >= 0, length may be inf."""
    if length <= 0.0:
        return 0.0
    fall = math.inf
    if length < math.inf:
        fall = length * (slope + 0.5 * curvature * length)
        # A mild fall is a smooth integrand, where the closed forms below would cancel.
        if fall < 2.0:
            total = 0.0
            for q in range(_NODES.size):
                t = 0.5 * length * (_NODES[q] + 1.0)
                total += _WEIGHTS[q] * math.exp(-t * (slope + 0.5 * curvature * t))
            return 0.5 * length * total
    if curvature <= 1e-14 * slope * slope:
        return (1.0 - math.exp(-fall)) / slope
    width = 1.0 / math.sqrt(2.0 * curvature)
    value = erfcx(slope * width)
    if fall < _GONE:
        value -= math.exp(-fall) * erfcx((slope + curvature * length) * width)
    return math.sqrt(0.5 * math.pi / curvature) * value


@njit(**_OPTIONS)
def side(slope, curvature, crossings, rises, count, wall):
    """Integral over t >= 0 of exp(-F), F of the given initial slope and curvature, steeper after each crossing.

    With `wall`, F is infinite from the first crossing on.
    """
    if wall:
        nearest = math.inf
        for q in range(count):
            nearest = min(nearest, crossings[q])
        return segment(slope, curvature, nearest)
    total, t, height = 0.0, 0.0, 0.0
    while True:
        # The next crossing: few are reached before nothing is left, hence no sorting.
        stop, steeper = math.inf, 0.0
        for q in range(count):
            if t < crossings[q] < stop:
                stop = crossings[q]
        for q in range(count):
            if crossings[q] == stop:
                steeper += rises[q]
        length = stop - t
        total += math.exp(-height) * segment(slope + curvature * t, curvature, length)
        if stop == math.inf:
            break
        height += length * (slope + curvature * t + 0.5 * curvature * length)
        if height > _GONE:
            break
        t = stop
        slope += steeper
    return total


@njit(parallel=True, **_OPTIONS)
def occupancy(gram, correlation, codes, sigma2, nonnegative):
    """Present and absent: masses of the sources around the mode of every sample, and the log determinants.

    The mass of an inactive source is the integral over its line of ``exp(-F)`` times the prior's density at zero: the
    share of its own prior mass that the data leave, as if it were the only inactive one. A duplicate of an active
    column, with |mu| = 1 and h = 0, comes out exact; the obvious ``1 / (1 - mu^2)`` is infinite there. For an
    active source it is the share of its Gaussian that lies on its side of the kink, plus what leaks through.

    Returns
    -------
    present : array (n_samples, n_components)
        The masses, relative to the Gaussian integral over the active sources.
    absent : array (n_samples, n_components)
        What takes their place where the source is not there at all: 1 for an inactive one; for an active one the
        density of its Gaussian at zero over that of the prior (the ratio of Savage and Dickey).
    log_det : array (n_samples,)
        ``log det(A_a'A_a)`` of the active columns.
    """
    n_samples, n = codes.shape
    present = np.empty((n_samples, n))
    absent = np.ones((n_samples, n))
    log_det = np.zeros(n_samples)
    at_zero = 1.0 if nonnegative else 0.5
    for i in prange(n_samples):
        support = np.flatnonzero(codes[i])
        k = support.size
        inverse = np.empty((k, k))
        if k:
            block = np.empty((k, k))
            for a in range(k):
                for b in range(k):
                    block[a, b] = gram[support[a], support[b]]
                block[a, a] *= 1.0 + 1e-12
            inverse = np.linalg.inv(block)
            log_det[i] = np.linalg.slogdet(block)[1]
        for a in range(k):
            j = support[a]
            s = abs(codes[i, j])
            width = math.sqrt(2.0 * sigma2 * max(inverse[a, a], 1e-300))
            height = math.exp(-((s / width) ** 2))
            present[i, j] = 1.0 - 0.5 * math.erfc(s / width)
            if not nonnegative:
                present[i, j] += 0.5 * height * erfcx(s / width + width)
            absent[i, j] = height / (math.sqrt(math.pi) * width * at_zero)
        rows = np.empty((k, n))
        free = np.empty(n)
        for j in range(n):
            free[j] = gram[j, j]
        for a in range(k):
            for j in range(n):
                rows[a, j] = gram[support[a], j]
        W = np.dot(np.ascontiguousarray(inverse), rows)
        for a in range(k):
            for j in range(n):
                free[j] -= W[a, j] * rows[a, j]
        # Signed as their sources, so that a line needs no look at the signs.
        sizes = np.empty(k)
        for a in range(k):
            sizes[a] = abs(codes[i, support[a]])
            if codes[i, support[a]] < 0.0:
                for j in range(n):
                    W[a, j] = -W[a, j]
        towards_all = np.ascontiguousarray(W.T)
        crossings = np.empty(k)
        rises = np.empty(k)
        for j in range(n):
            if codes[i, j] != 0.0:
                continue
            mu = min(correlation[i, j] / sigma2, 1.0)
            if not nonnegative:
                mu = max(mu, -1.0)
            # Of a column in the span of the active ones rounding, and the ridge, are left: no curvature.
            curvature = free[j] / sigma2 if free[j] > 1e-11 * gram[j, j] else 0.0
            mass = 0.0
            for direction in (1.0, -1.0):
                if nonnegative and direction < 0.0:
                    continue
                # Never quite flat: a slope and a curvature of zero, with nothing to cross, would be an infinite line.
                slope = max(1.0 - direction * mu, 1e-12)
                # Crossings beyond this length are not reached: nothing is left there.
                longest = 2.0 * _GONE / (slope + math.sqrt(slope * slope + 2.0 * curvature * _GONE))
                count = 0
                crossed = curvature > 0.0
                for a in range(k):
                    towards = direction * towards_all[j, a]
                    if towards > 1e-12:
                        crossed = True
                        if sizes[a] < longest * towards:
                            crossings[count] = sizes[a] / towards
                            rises[count] = 2.0 * towards
                            count += 1
                if not crossed:
                    slope = max(slope, _FLATTEST)
                mass += side(slope, curvature, crossings, rises, count, nonnegative)
            present[i, j] = mass * at_zero
    return present, absent, log_det
