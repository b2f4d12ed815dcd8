"""Dual points and Newton steps for MAP problems in standard form: who certifies, and who rounds off.

The standard form measures sources in their scales and residuals in the noise, ``B = A diag(theta) / sigma``,
``y = x / sigma``, ``t = s / theta``; the objective ``||y - B t||^2 / 2 + sum_j cost(t_j)`` with the prior of scale
one is the same number of nats. So nothing below depends on the units of the data.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from overica._validation import Array, namespace
from overica.priors import Prior

_CHUNK = 2**23
"""Numbers per stack of active columns."""

_RIDGE = 1e-14
"""Against unit diagonal: keeps a stack with duplicated columns solvable; refinement undoes it elsewhere."""

_SATURATED = 1e-3
"""A smooth cost whose slope is within this fraction of its bound counts as active there."""


_REFINE_ABOVE = 1e-10
"""Relative gap above which a second dual point is worth its linear solve."""


@dataclass(frozen=True)
class StandardForm:
    """Samples with unit noise and a prior of unit scale, at given codes; all float64."""

    B: Array
    """(n_features, n_components)."""
    Y: Array
    """(n_samples, n_features)."""
    S: Array
    """Codes in units of the scales, (n_samples, n_components)."""
    prior: Prior
    """Of scale one."""
    noiseless: bool
    """Whether B s = y is a constraint instead of a likelihood."""
    eps: float
    """Rounding unit of the arrays the problem came in."""

    @property
    def R(self) -> Array:
        """Residuals y - B s."""
        return self.Y - self.S @ self.B.T

    def at(self, S: Array) -> StandardForm:
        """The same samples at other codes."""
        return replace(self, S=S)

    def take(self, rows: Array | slice) -> StandardForm:
        """Some of the samples."""
        return replace(self, Y=self.Y[rows], S=self.S[rows])

    def objective(self) -> Array:
        """(n_samples,), nats."""
        xp = namespace(self.S)
        cost = xp.sum(self.prior.cost(self.S), axis=1)
        if self.noiseless:
            return xp.where(self.feasible(), cost, xp.inf)
        return xp.sum(self.R**2, axis=1) / 2 + cost

    def feasible(self) -> Array:
        """Whether B s = y to the precision of the data: a residual below sqrt(eps)/16 of what it is made of.

        That is 1e-9 in float64 and 2e-5 in float32; what it can hide in the objective, the gap adds back.
        """
        xp = namespace(self.S)
        made_of = xp.abs(self.S) @ xp.abs(self.B).T + xp.abs(self.Y)
        return _norm(self.R) <= self.eps**0.5 / 16 * _norm(made_of)

    def slopes(self) -> Array:
        """The cost's derivative at the codes."""
        return -self.prior.score(self.S)

    def bounds(self) -> tuple[float, float]:
        """The prior's range of slopes."""
        low, high = self.prior.slope_bounds()
        return float(low), float(high)


def _norm(R: Array) -> Array:
    """Row norms that neither overflow nor underflow."""
    xp = namespace(R)
    largest = xp.max(xp.abs(R), axis=1)
    unit = xp.where(largest > 0, largest, xp.ones_like(largest))
    return unit * xp.sum((R / unit[:, None]) ** 2, axis=1) ** 0.5


def certify(form: StandardForm) -> Array:
    """The smaller of `fenchel_gap` at the residuals and `refined_gap`, per sample; +inf for hopeless codes.

    Returns
    -------
    array (n_samples,)
        Nats, >= 0 and never NaN.
    """
    xp = namespace(form.S)
    objective = form.objective()
    gap = fenchel_gap(form, form.R)
    unsure = xp.isfinite(objective) & ~(gap <= _REFINE_ABOVE * objective)
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


def active_set(form: StandardForm) -> Array:
    """Sources whose slope a dual optimum must match: inside the support, with a slope at its bound."""
    xp = namespace(form.S)
    if form.prior.l1_weights() is not None:
        return form.S != 0
    low, high = form.bounds()
    slopes = form.slopes()
    reach = _SATURATED * xp.abs(slopes)
    return ((high - slopes <= reach) | (slopes - low <= reach)) & (slopes != 0)


def restricted_solve(
    B: Array, G: Array, mask: Array, curvature: Array | None = None
) -> Array:
    """Solve ``(B_a' B_a + diag(curvature_a)) w_a = g_a`` over each sample's own active set a.

    Parameters
    ----------
    B : array (n_features, n_components)
    G, mask, curvature : arrays (n_samples, n_components)

    Returns
    -------
    array (n_samples, n_components)
        w, zero off the active sets.
    """
    xp = namespace(G)
    W = xp.zeros_like(G)
    count = xp.sum(xp.astype(mask, xp.int64), axis=1)
    widest = int(xp.max(count))
    if widest == 0:
        return W
    columns = B.T
    rows_per_chunk = max(1, _CHUNK // (widest * max(widest, B.shape[0])))
    for start in range(0, G.shape[0], rows_per_chunk):
        rows = slice(start, start + rows_per_chunk)
        k = int(xp.max(count[rows]))
        order = xp.argsort(xp.astype(~mask[rows], xp.int8), axis=1, stable=True)[:, :k]
        valid = xp.take_along_axis(mask[rows], order, axis=1)
        Ba = columns[order] * valid[:, :, None]
        extra = xp.zeros_like(Ba[:, :, 0])
        if curvature is not None:
            extra = xp.take_along_axis(curvature[rows], order, axis=1) * valid
        diagonal = xp.sum(Ba * Ba, axis=2) + extra
        unit = xp.where(diagonal > 0, diagonal, xp.ones_like(diagonal)) ** -0.5
        Ba = Ba * unit[:, :, None]
        eye = xp.eye(k, dtype=G.dtype, device=Ba.device)
        extra = extra * unit**2
        gram = Ba @ xp.matrix_transpose(Ba) + eye * (extra + xp.where(valid, 0.0, 1.0))[:, None, :]
        right = (xp.take_along_axis(G[rows], order, axis=1) * valid * unit)[:, :, None]
        w = xp.linalg.solve(gram + _RIDGE * eye, right)
        w = w + xp.linalg.solve(gram + _RIDGE * eye, right - gram @ w)
        part = W[rows]
        part[xp.arange(part.shape[0], device=part.device)[:, None], order] = w[:, :, 0] * unit
    return W


def refined_gap(form: StandardForm) -> Array:
    """The gap with the dual point nearest to the residual that has the cost's own slopes on the active sources.

    Rounding of the codes by one unit moves the residual, and the plain dual point with it, by a first-order
    amount, which at high signal-to-noise ratio is more than the tolerance; this point does not move. It is
    the residual of the codes after one Newton step (see `newton_step`). Without noise it starts from zero,
    not from the residual, and while it breaks the bound on an inactive slope, the worst of them joins the
    active set, at its bound.

    Returns
    -------
    array (n_samples,)
        +inf where the active set has more sources than there are features.
    """
    xp = namespace(form.S)
    if form.noiseless and form.prior.l1_weights() is None:
        return fenchel_gap(form, _least_squares_dual(form))
    n_features, n_components = form.B.shape
    low, high = form.bounds()
    mask, target = active_set(form), form.slopes()
    gap = xp.sum(xp.zeros_like(target), axis=1) + xp.inf
    start = xp.zeros_like(form.Y) if form.noiseless else form.R
    index = xp.arange(n_components, device=mask.device)
    for _ in range(n_features if form.noiseless else 1):
        fits = xp.sum(xp.astype(mask, xp.int64), axis=1) <= n_features
        U = start
        for _ in range(2):  # the second solve removes the rounding of the first
            G = target - U @ form.B
            U = U + restricted_solve(form.B, G, mask & fits[:, None]) @ form.B.T
        gap = xp.where(fits, xp.minimum(gap, fenchel_gap(form, U)), gap)
        V = U @ form.B
        excess = xp.where(mask, 0.0, xp.maximum(V - high, low - V))
        joins = (xp.argmax(excess, axis=1)[:, None] == index) & (excess > 0) & fits[:, None]
        if not bool(xp.any(joins)):
            break
        target = xp.where(joins, xp.where(high < V, high, low), target)
        mask = mask | joins
    return gap


def _least_squares_dual(form: StandardForm) -> Array:
    """Without noise, the u whose slopes B'u come nearest to the cost's own.

    The gap is then sum_j (B_j'u - g_j)^2 / (2 curvature_j) to second order, which is what this minimises.
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


def newton_step(form: StandardForm) -> Array:
    """Codes after one Newton step on their support, and on it alone: exact once the support is right.

    With an l1 cost, sources that would change sign become zero instead. Samples whose support has more
    sources than features, under an l1 cost, stay where they are. Compare the gaps before taking the result.

    Returns
    -------
    array (n_samples, n_components)
    """
    xp = namespace(form.S)
    signed_cost = form.prior.l1_weights() is not None
    mask = form.S != 0 if signed_cost or form.prior.nonnegative else form.S == form.S
    if signed_cost:
        mask = mask & (xp.sum(xp.astype(mask, xp.int64), axis=1) <= form.B.shape[0])[:, None]
    curvature = None if signed_cost else form.prior.curvature(form.S)
    G = form.slopes() - form.R @ form.B
    S = form.S - restricted_solve(form.B, G, mask, curvature)
    crossed = mask & (S * form.S < 0) & (signed_cost or form.prior.nonnegative)
    return xp.where(crossed, xp.zeros_like(S), S)
