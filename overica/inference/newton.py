"""Newton steps on the support: how first-order and interior-point iterates become exact."""

from __future__ import annotations

from overica._validation import namespace
from overica.inference.restricted import restricted_solve
from overica.inference.standard_form import StandardForm

_FRACTIONS = [0.5**k for k in range(16)]
"""The short ones are for smooth costs, whose straight tails make Newton steps too long."""

_MULTIPLES = [1.0, 1.5, 2.0, 4.0, 8.0, 16.0, 64.0]
"""Of the step to the first source that stops."""

_WIDEST = 2
"""Awake sources per feature up to which a Newton step is worth its cost."""

_DAMPING = 1e-10
"""Of the largest eigenvalue of B'B: under an l1 cost with more awake sources than features."""

_SMOOTH_DAMPING = 3e-5
"""Of the curvature at the mode: in its tails a smooth cost has next to none."""

_ROUNDING = 1e-13
"""Relative rise of the objective that a full step is allowed, since rounding alone can cause it."""


def newton_step(form: StandardForm, step: float) -> StandardForm:
    """One proximal gradient step, then one Newton step on the support that it leaves.

    The proximal step sets sources to zero and wakes all those whose slope breaks its bound; the
    Newton step then minimises the quadratic model over the awake ones. It is exact under an l1
    cost as soon as the support and the signs are right. Sources that would pass through zero,
    under an l1 cost or into negative values that the prior forbids, stop there. Of the step's
    fractions 1, 1/2, 1/4, ... and of some multiples of the fraction at which the first source
    stops, the one with the lowest objective is taken: so the objective never rises by more than
    rounding.

    Parameters
    ----------
    form : StandardForm
        With noise, at finite codes.
    step : float
        At most one over the largest eigenvalue of B'B.

    Returns
    -------
    StandardForm
        At the new codes.

    Notes
    -----
    With an l1 cost and more awake sources than features the minimum over them is not unique and
    the Hessian singular. There it is damped a little, as it is under a smooth cost: the step then
    runs along the null space, downhill in the l1 norm, until sources stop at zero. Samples with
    far more awake sources than features only have the proximal step.
    """
    xp = namespace(form.S)
    kinked = form.prior.l1_weights() is not None
    stops = kinked or form.prior.nonnegative
    form = form.at(form.prior.prox(form.S + step * (form.R @ form.B), step))
    mask = form.S != 0 if stops else xp.isfinite(form.S)
    curvature = form.prior.curvature(form.S)
    if kinked:
        awake = xp.sum(xp.astype(mask, xp.int64), axis=1)[:, None]
        n_features = form.B.shape[0]
        mask = mask & (awake <= _WIDEST * n_features)
        curvature = curvature + _DAMPING / step * xp.astype(awake > n_features, curvature.dtype)
    else:
        curvature = curvature + _SMOOTH_DAMPING * form.prior.curvature(form.mode())
    W = restricted_solve(form.B, form.slopes() - form.R @ form.B, mask, curvature)
    ratio = xp.where(W * form.S > 0, form.S / xp.where(W == 0, 1.0, W), 1.0)
    to_first_stop = xp.clip(xp.min(ratio, axis=1), 0.0, 1.0)[:, None]
    beyond = [xp.clip(k * to_first_stop, 0.0, 1.0) for k in _MULTIPLES] if stops else []
    best, lowest = form.S, form.objective()
    allowed = lowest * (1 + _ROUNDING)
    for fraction in [*_FRACTIONS, *beyond]:
        S = form.S - fraction * W
        if stops:
            # A few units of rounding decide whether the source that sets the first stop is at zero.
            S = xp.where(S * form.S <= 1e-15 * form.S**2, xp.zeros_like(S), S)
        objective = form.at(S).objective()
        better = objective <= allowed
        best = xp.where(better[:, None], S, best)
        lowest = xp.where(better, objective, lowest)
        # Only a clear fall makes a shorter step preferable to a longer one.
        allowed = lowest * (1 - _ROUNDING)
    return form.at(best)
