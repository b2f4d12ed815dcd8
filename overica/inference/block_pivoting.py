"""Lasso over a few columns by block principal pivoting, for many samples at once, in torch.

With the Gram matrix G of a sample's columns and their products c with the sample, the codes t are optimal where every
column is either off, ``|v_j| <= penalty`` for ``v = c - G t``, or on with a sign, ``v_j = penalty sign_j`` and ``t_j
sign_j > 0``. Given who is on with which sign, t is a linear system; whoever then breaks a condition changes sides, all
at once (Portugal, Judice and Vicente 1994; Kim and Park 2011, who do so for non-negative least squares of many right
sides). Nothing has to be feasible on the way, so that tens of columns come and go in a handful of solves.
"""

from __future__ import annotations

import torch

from overica.inference.code_supports import front

_GRACE = 3
"""Exchanges of all at once that may go by without fewer conditions broken; then one column at a time changes sides,
the last one, which comes to an end (Murty's rule)."""
_SHRINK = 0.75
"""Share of samples still moving below which the others are laid aside: a copy of what is left costs a solve."""
_RIDGE = 8.0
"""Rounding units of the diagonal that are added to it."""
_PIECES = 4
_FEWEST = 256
"""Samples of a piece: of like support, so that little is padding."""


def pivot(
    G: torch.Tensor,
    c: torch.Tensor,
    signs: torch.Tensor,
    penalty: float,
    bar: torch.Tensor,
    nonnegative: bool,
    most: int,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Codes over each sample's own columns.

    Parameters
    ----------
    G : tensor (n_samples, width, width)
        Gram matrices of the columns; rows and columns of zeros where a sample has fewer.
    c : tensor (n_samples, width)
        Products of the columns with the sample.
    signs : tensor (n_samples, width)
        -1, 0 or 1: the start.
    penalty : float
    bar : tensor (n_samples,)
        What ``|v_j|`` may be, some rounding above the penalty.
    nonnegative : bool
    most : int
        Exchanges, after which those who are not done are handed back as they stand.

    Returns
    -------
    values, signs : tensors (n_samples, width)
        The codes, and who is to be on next where conditions are broken.
    solved : tensor (n_samples,)
        Whether all conditions hold.
    """
    values, signs = torch.zeros_like(c), signs.clone()
    solved = torch.zeros(len(c), dtype=torch.bool, device=c.device)
    numbers = torch.arange(1, c.shape[1] + 1, device=c.device)
    rows = torch.arange(len(c), device=c.device)
    fewest = torch.full_like(rows, c.shape[1] + 1)
    grace = torch.full_like(rows, _GRACE)
    here, bar = signs.clone(), bar[:, None]
    for _ in range(most):
        t, regular = _solve(G, c - penalty * here, here != 0)
        v = c - (G @ t[:, :, None])[:, :, 0]
        on = here != 0
        broken = torch.where(on, t * here <= 0, (v if nonnegative else v.abs()) > bar)
        count = broken.sum(dim=1)
        fewer = count < fewest
        grace = torch.where(fewer, _GRACE, grace - 1)
        fewest = torch.minimum(count, fewest)
        last = broken & (numbers == (broken * numbers).amax(dim=1, keepdim=True))
        change = torch.where((grace > 0)[:, None], broken, last)
        here = torch.where(change, torch.where(on, 0.0, v.sign()), here)
        signs[rows], solved[rows] = here, (count == 0) & regular
        values[rows] = torch.where(t * here > 0, t, 0.0)
        going = count > 0
        n_going = int(going.sum())
        if n_going == 0:
            break
        if n_going < _SHRINK * len(rows):
            rows, fewest, grace, here = rows[going], fewest[going], grace[going], here[going]
            G, c, bar = G[going], c[going], bar[going]
    return values, signs, solved


def _solve(
    G: torch.Tensor, right: torch.Tensor, on: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """``G_aa t_a = right_a`` on the columns that are on, zero elsewhere; and whether it has a solution."""
    count = on.sum(dim=1)
    n_pieces = max(1, min(_PIECES, len(on) // _FEWEST))
    by_width = (
        count.argsort(stable=True) if n_pieces > 1 else torch.arange(len(on), device=on.device)
    )
    pieces = by_width.tensor_split(n_pieces)
    # One look from the host at the widths of all pieces.
    widths = torch.stack([count[piece].amax() for piece in pieces]).tolist()
    t, regular = torch.zeros_like(right), torch.ones_like(on[:, 0])
    for piece, width in zip(pieces, widths, strict=True):
        if width == 0:
            continue
        order, real = front(on[piece], width)
        block = G[piece[:, None, None], order[:, :, None], order[:, None, :]]
        factor, fine = factorised(block, real)
        found = triangular(factor, right[piece[:, None], order] * real)
        t[piece[:, None], order] = found * real
        regular[piece] = fine & found.isfinite().all(dim=1)
    return torch.where(regular[:, None], t, 0.0), regular


def factorised(block: torch.Tensor, real: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Cholesky factors of Gram matrices, the identity where a column is padding, and whether they are regular.

    A ridge of some rounding units keeps equal columns apart, without a look at which blocks need it.
    """
    block = torch.where(real[:, :, None] & real[:, None, :], block, 0.0)
    diagonal = block.diagonal(dim1=1, dim2=2)
    diagonal *= 1 + _RIDGE * torch.finfo(block.dtype).eps
    diagonal += (~real).to(block.dtype)
    factor, failed = torch.linalg.cholesky_ex(block)
    return factor, failed == 0


def triangular(factor: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """The solution of ``L L' t = right``, (n_samples, width)."""
    half = torch.linalg.solve_triangular(factor, right[:, :, None], upper=False)
    return torch.linalg.solve_triangular(factor.mT, half, upper=True)[:, :, 0]
