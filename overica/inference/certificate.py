"""Dual points for MAP problems in standard form, and the gaps they leave."""

from __future__ import annotations

from overica._validation import Array, namespace
from overica.inference.restricted import restricted_solve
from overica.inference.standard_form import StandardForm

REFINE_ABOVE = 1e-10
"""Gap, relative to the objective, above which a second dual point is worth its linear solve."""

_ROUNDS_PER_FEATURE = 3
"""Of the search for a noiseless dual point; it rarely takes one."""

_RIDGE = 1e-14
"""Of the trace: keeps the noiseless normal equations solvable when A lacks rank."""


def certify(form: StandardForm, refine_above: float = REFINE_ABOVE) -> Array:
    """The smaller of `fenchel_gap` at the residuals and `refined_gap`; +inf for hopeless codes.

    Returns
    -------
    array (n_samples,)
        Nats, >= 0 and never NaN.
    """
    xp = namespace(form.S)
    objective = form.objective()
    gap = fenchel_gap(form, form.R)
    unsure = xp.isfinite(objective) & ~(gap <= refine_above * objective)
    if bool(xp.any(unsure)):
        refined = refined_gap(form.take(unsure))
        gap[unsure] = xp.where(refined < gap[unsure], refined, gap[unsure])
    return xp.where(xp.isnan(gap) | ~xp.isfinite(objective), xp.inf, gap)


def fenchel_gap(form: StandardForm, U: Array) -> Array:
    """F(s) - D(c u) per sample, with c in [0, 1] the largest that makes c u dual feasible.

    Parameters
    ----------
    form : StandardForm
    U : array (n_samples, n_features)
        Any points; the residuals are the natural ones.

    Returns
    -------
    array (n_samples,)
        >= 0, nats.
    """
    xp = namespace(U)
    low, high = form.bounds()
    V = U @ form.B
    ones = xp.ones_like(V)
    # 0 is always a slope (that at the mode), so shrinking V reaches the range.
    fits = xp.where(high < V, high / xp.where(high < V, V, ones), ones)
    fits = xp.minimum(fits, xp.where(low > V, low / xp.where(low > V, V, ones), ones))
    c = xp.min(fits, axis=1)[:, None]
    V = xp.clip(c * V, low, high)
    gap = xp.sum(form.prior.fenchel_young(form.S, V), axis=1)
    if form.noiseless:
        gap = gap + xp.abs(xp.sum(c * U * form.R, axis=1))
        return xp.where(form.feasible(), gap, xp.inf)
    return gap + xp.sum((form.R - c * U) ** 2, axis=1) / 2


def refined_gap(form: StandardForm) -> Array:
    """The gap with the dual point next to the residual with the cost's slopes where active.

    Rounding of the codes by one unit moves the residual, and the plain dual point with it, by a
    first-order amount, which at high signal-to-noise ratio is more than the tolerance; this point
    does not move. It is the residual of the codes after one Newton step (see
    `newton.newton_step`).

    Returns
    -------
    array (n_samples,)
        +inf where the active set has more sources than there are features.
    """
    xp = namespace(form.S)
    if form.noiseless and form.prior.l1_weights() is None:
        return fenchel_gap(form, _least_squares_dual(form))
    if form.noiseless:
        return _nearest_dual_gap(form)
    fits = _countable(form.active(), form)
    mask, target, U = form.active() & fits[:, None], form.slopes(), form.R
    for _ in range(2):  # the second solve removes the rounding of the first
        U = U + restricted_solve(form.B, target - U @ form.B, mask) @ form.B.T
    return xp.where(fits, fenchel_gap(form, U), xp.inf)


def _countable(mask: Array, form: StandardForm) -> Array:
    """Whether a sample has no more active sources than features."""
    xp = namespace(mask)
    return xp.sum(xp.astype(mask, xp.int64), axis=1) <= form.B.shape[0]


def _nearest_dual_gap(form: StandardForm) -> Array:
    """The noiseless gap, with the shortest feasible u that has the cost's slopes where active.

    An active-set method for that projection: the worst violated bound joins as an equation, and an
    equation whose multiplier has the wrong sign leaves. Each u on the way is tried.
    """
    xp = namespace(form.S)
    low, high = form.bounds()
    support, target = form.active(), form.slopes()
    joined = xp.zeros_like(support)
    gap = xp.sum(xp.zeros_like(target), axis=1) + xp.inf
    index = xp.arange(target.shape[1], device=target.device)
    for _ in range(_ROUNDS_PER_FEATURE * form.B.shape[0]):
        mask = support | joined
        fits = _countable(mask, form)
        mask = mask & fits[:, None]
        W = restricted_solve(form.B, target, mask)
        W = W + restricted_solve(form.B, target - (W @ form.B.T) @ form.B, mask)
        U = W @ form.B.T
        found = fenchel_gap(form, U)
        gap = xp.where(fits & (found < gap), found, gap)
        V = U @ form.B
        excess = xp.where(mask, 0.0, xp.maximum(V - high, low - V))
        joins = (xp.argmax(excess, axis=1)[:, None] == index) & (excess > 0) & fits[:, None]
        leaves = joined & (W * target > 0) & fits[:, None]
        if not bool(xp.any(joins)):
            break
        target = xp.where(joins, xp.where(high < V, high, low), target)
        joined = (joined & ~leaves) | joins
    return gap


def _least_squares_dual(form: StandardForm) -> Array:
    """Without noise, the u whose slopes B'u come nearest to the cost's own.

    The gap is then sum_j (B_j'u - g_j)^2 / (2 curvature_j) to second order, which is what this
    minimises.
    """
    xp = namespace(form.S)
    curvature = form.prior.curvature(form.S)
    largest = xp.max(curvature, axis=1)[:, None]
    weight = 1 / xp.where(curvature > 1e-9 * largest, curvature, 1e-9 * largest + 1e-300)
    if form.prior.nonnegative:
        weight = xp.where(form.S > 0, weight, xp.zeros_like(weight))
    weight = weight / xp.max(weight, axis=1)[:, None]
    scaled = form.B * weight[:, None, :]
    gram = scaled @ form.B.T
    size = xp.sum(xp.sum(scaled * form.B, axis=2), axis=1)[:, None, None]
    gram = gram + _RIDGE * size * xp.eye(gram.shape[1], dtype=gram.dtype, device=gram.device)
    right = xp.sum(scaled * form.slopes()[:, None, :], axis=2)[:, :, None]
    return xp.linalg.solve(gram, right)[:, :, 0]
