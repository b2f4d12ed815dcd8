"""Problems of any size in units that arithmetic is at ease with, and those refused that have no such units."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from overica._validation import Array, as_numpy
from overica.inference.problem import MAPProblem
from overica.ranges import reach

_FAR = 2.0**300
"""Noise over samples from which on it makes no difference."""
_ROOM = 2.0**10
"""Smallest penalty and scale in a dtype, above its smallest number with all digits."""


def balanced(problem: MAPProblem) -> tuple[MAPProblem, int]:
    """The same problem with mixing and X of a size about one, and the exponent e of its codes' unit, ``2^e``.

    With ``A = 2^a A'`` and ``x = 2^b x'``, noise ``sigma = 2^b sigma'`` and scales ``theta = 2^(b-a) theta'``, the
    codes are ``s = 2^(b-a) s'``, and objectives and gaps, in nats, are what they were; powers of two change no digit.
    A problem that needs no other units is handed back as it is.

    Raises
    ------
    ValueError
        If no units help: codes would be no numbers of the problem's dtype, or noise, scales and samples are of
        sizes so different that squares of their ratios would be none. Names what is off.

    Examples
    --------
    >>> from overica.inference import MAPProblem
    >>> tiny = MAPProblem(1e-100 * np.eye(2), np.ones((1, 2)), "laplace", 0.1)
    >>> problem, exponent = balanced(tiny)
    >>> float(problem.mixing[0, 0].round(3)), exponent
    (0.875, 333)
    """
    info = np.finfo(as_numpy(problem.X[:0]).dtype)
    sigma = math.sqrt(problem.noise_variance)
    # Samples however far below the noise: their codes are zero in any unit.
    largest = max(problem.largest_sample, sigma / _FAR)
    a, b = _exponent(problem.largest_mixing), _exponent(largest)
    if max(abs(a), abs(b)) <= info.maxexp // 8:
        a = b = 0
    exponent = b - a
    with np.errstate(over="ignore"):
        theta = np.ldexp(np.asarray(problem.prior.scale), -exponent)
    sigma = math.ldexp(sigma, -b)
    _check(problem, info, exponent, (float(theta.min()), float(theta.max())), sigma)
    if a == b == 0:
        return problem, 0
    return (
        replace(
            problem,
            mixing=scaled(problem.mixing, -a),
            X=scaled(problem.X, -b),
            prior=problem.prior.with_scale(theta),
            noise_variance=math.ldexp(problem.noise_variance, -2 * b),
        ),
        exponent,
    )


def _check(
    problem: MAPProblem, info: np.finfo, exponent: int, scales: tuple[float, float], sigma: float
) -> None:
    """Refuse what is too large in the units of the problem and of the noise, as certificates are measured in both."""
    # What an estimator lets through as samples is not refused for its noise.
    far, (low, high) = 2.0**20 * reach(np.float64), scales
    smallest = _ROOM * float(info.tiny)
    if abs(exponent) > info.maxexp - 8 or low < smallest or high > far:
        raise ValueError(
            f"`X` must be of a size with `mixing`, times the scale of `prior`, for codes in {info.dtype}, got codes of "
            f"2^{exponent} and, in such units, scales from {low:.0e} to {high:.0e}"
        )
    if problem.noise_variance and (
        sigma < 1 / far or high / sigma > far or sigma * sigma / high < smallest
    ):
        raise ValueError(
            f"`noise_variance` must be of a size with the squares of `X` for an l1 penalty in {info.dtype}, "
            f"got {sigma:.0e} squared of the largest, and a penalty of {sigma * sigma / high:.0e}"
        )


def scaled(array: Array, exponent: int) -> Array:
    """``2^exponent`` times an array; itself where that is one."""
    if exponent == 0:
        return array
    # In two steps, since the power itself may be no number.
    half = exponent // 2
    return array * 2.0**half * 2.0 ** (exponent - half)


def _exponent(value: float) -> int:
    return math.frexp(value)[1] if value else 0
