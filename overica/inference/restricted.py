"""Least squares over each sample's own active columns, for all samples at once."""

from __future__ import annotations

from overica._validation import Array, namespace

_CHUNK = 2**23
"""Numbers per stack of active columns."""
_CHUNK_OF_GRAM = 2**18
"""Numbers per stack of blocks of a Gram matrix: few operations on each, which are fast within a cache."""

_RIDGE = 1e-14
"""Against a unit diagonal: keeps duplicate columns solvable; refinement undoes it elsewhere."""


def restricted_solve(
    B: Array,
    G: Array,
    mask: Array,
    curvature: Array | None = None,
    *,
    gram: Array | None = None,
    ridge: float = _RIDGE,
) -> Array:
    """Solve ``(B_a' B_a + diag(curvature_a)) w_a = g_a`` over each sample's own active set a.

    Parameters
    ----------
    B : array (n_features, n_components)
    G, mask, curvature : arrays (n_samples, n_components)
    gram : array (n_components, n_components), optional
        B' B, for callers that have it: most of the work where there are many features.
    ridge : float
        Added to a diagonal scaled to one. The larger it is, the nearer to the shortest is the answer where columns
        depend on each other, and the less accurate one of nearly dependent columns.

    Returns
    -------
    array (n_samples, n_components)
        w, zero off the active sets.
    """
    xp = namespace(G)
    W = xp.zeros_like(G)
    count = xp.sum(xp.astype(mask, xp.int64), axis=1)
    # The widest first, so that samples of about the same width share a stack with little padding.
    by_width = xp.argsort(count, descending=True, stable=True)
    columns, start = B.T, 0
    while start < G.shape[0] and (k := int(count[by_width[start]])) > 0:
        most = _CHUNK // (k * max(k, B.shape[0])) if gram is None else _CHUNK_OF_GRAM // k**2
        rows = by_width[start : start + max(1, most)]
        start += rows.shape[0]
        order = xp.argsort(xp.astype(~mask[rows], xp.int8), axis=1, stable=True)[:, :k]
        valid = xp.take_along_axis(mask[rows], order, axis=1)
        if gram is None:
            Ba = columns[order] * valid[:, :, None]
            block = Ba @ xp.matrix_transpose(Ba)
        else:
            both = valid[:, :, None] & valid[:, None, :]
            block = gram[order[:, :, None], order[:, None, :]] * both
        extra = xp.zeros_like(block[:, :, 0])
        if curvature is not None:
            extra = xp.take_along_axis(curvature[rows], order, axis=1) * valid
        diagonal = xp.linalg.diagonal(block) + extra
        unit = xp.where(diagonal > 0, diagonal, xp.ones_like(diagonal)) ** -0.5
        eye = xp.eye(k, dtype=G.dtype, device=block.device)
        extra = extra * unit**2 + xp.where(valid, 0.0, 1.0)
        system = block * unit[:, :, None] * unit[:, None, :] + eye * extra[:, None, :]
        right = (xp.take_along_axis(G[rows], order, axis=1) * valid * unit)[:, :, None]
        w = xp.linalg.solve(system + ridge * eye, right)
        w = w + xp.linalg.solve(system + ridge * eye, right - system @ w)
        W[rows[:, None], order] = w[:, :, 0] * unit
    return W
