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

    Newton steps that stay inside the bracket; every third step, and wherever Newton leaves it,
    bisection. So the width falls by half at least once in three steps, whatever the derivative is
    worth.

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
    for step in range(_MAX_STEPS):
        value = function(S)
        lower = xp.where(value <= 0, S, lower)
        upper = xp.where(value >= 0, S, upper)
        middle = lower / 2 + upper / 2
        newton = S - value / derivative(S)
        inside = (newton > lower) & (newton < upper)
        moved = xp.where(inside, newton, middle)
        exact = (lower == upper) | (inside & (xp.abs(newton - S) <= resolution / 2))
        if step % 3 == 2:
            moved = xp.where(exact, moved, middle)
        S = xp.where(done, S, moved)
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
