"""Safeguarded root finding: the numerical prox and conjugate of a prior that has no closed form."""

from __future__ import annotations

from collections.abc import Callable

from overica._validation import Array, namespace

_MAX_STEPS = 200
_MAX_DOUBLINGS = 110
"""2^110 is about 1e33 scales, still finite in float32."""


def increasing_root(
    function: Callable[[Array], Array],
    derivative: Callable[[Array], Array],
    lower: Array,
    upper: Array,
) -> Array:
    """Elementwise root of a non-decreasing function inside a bracket.

    Newton steps that stay inside the bracket; bisection wherever they leave it, and where three steps
    have not made it half as wide, whatever the derivative is worth.

    Parameters
    ----------
    function, derivative : callable
        Elementwise on arrays shaped as `lower`. The function may jump.
    lower, upper : array
        Finite ends with function(lower) <= 0 <= function(upper), elementwise.

    Returns
    -------
    array
        The root, to a few units of rounding of the bracket's larger end.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.priors.numeric import increasing_root
    >>> increasing_root(lambda s: s**3 - 8, lambda s: 3 * s**2, np.array([0.0]), np.array([5.0]))
    array([2.])
    """
    xp = namespace(lower)
    resolution = 2 * xp.finfo(lower.dtype).eps * xp.maximum(xp.abs(lower), xp.abs(upper))
    S = lower / 2 + upper / 2
    done = upper - lower <= resolution
    width = upper - lower
    for step in range(_MAX_STEPS):
        value = function(S)
        lower = xp.where(value <= 0, S, lower)
        upper = xp.where(value >= 0, S, upper)
        slope = derivative(S)
        change = -value / slope
        # Newton's steps come to the root from one side, and the bracket's other end stays far. A step of twice the
        # length goes beyond the root, and once steps are short the bracket is.
        newton = S + (2 * change if step % 3 == 1 else change)
        middle = lower / 2 + upper / 2
        inside = (newton > lower) & (newton < upper)
        if step % 3 == 2:
            inside = inside & (upper - lower <= width / 2)
            width = upper - lower
        exact = (lower == upper) | ((xp.abs(change) <= resolution) & xp.isfinite(slope))
        S = xp.where(done | exact, S, xp.where(inside, newton, middle))
        done = done | exact | (upper - lower <= resolution)
        if bool(xp.all(done)):
            break
    return S


def bracket_slope(
    slope: Callable[[Array], Array], V: Array, mode: Array, width: Array
) -> tuple[Array, Array]:
    """Ends between which the non-decreasing `slope` passes `V`, by doubling away from the mode.

    A slope that only tends to `V` is never passed; the search then stops where rounding makes the
    two equal, or after 110 doublings, and both ends are as good as any.

    Parameters
    ----------
    slope : callable
        Derivative of the cost, zero at the mode.
    V, mode, width : arrays of one shape
        Slopes sought, where to start, and the first stride (positive).

    Returns
    -------
    lower, upper : arrays
    """
    xp = namespace(V)
    direction = xp.sign(V)
    reach = width
    far = mode + direction * reach
    for _ in range(_MAX_DOUBLINGS):
        short = direction * (V - slope(far)) > 0
        if not bool(xp.any(short)):
            break
        reach = xp.where(short, 2 * reach, reach)
        far = mode + direction * reach
    return xp.minimum(mode, far), xp.maximum(mode, far)
