"""Least squares over each sample's own active columns, for all samples at once."""

from __future__ import annotations

from overica._validation import Array, namespace

_CHUNK = 2**23
"""Numbers per stack of active columns."""

_RIDGE = 1e-14
"""Against a unit diagonal: keeps duplicate columns solvable; refinement undoes it elsewhere."""


def restricted_solve(B: Array, G: Array, mask: Array, curvature: Array | None = None) -> Array:
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
