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
from overica.inference.pieces import pieces

_GRACE = 3
"""Exchanges of all at once that may go by without fewer conditions broken; then one column at a time changes sides,
the last one, which comes to an end (Murty's rule)."""
_SHRINK = 0.75
"""Share of samples still moving below which the others are laid aside: a copy of what is left costs a solve."""
_RIDGE = 8.0
"""Rounding units of the diagonal that are added to it."""


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
    values, found = torch.zeros_like(c), signs.clone()
    solved = torch.zeros(len(c), dtype=torch.bool, device=c.device)
    numbers = torch.arange(1, c.shape[1] + 1, device=c.device)
    rows = torch.arange(len(c), device=c.device)
    fewest = torch.full_like(rows, c.shape[1] + 1)
    grace = torch.full_like(rows, _GRACE)
    here, bar = signs, bar[:, None]
    for exchange in range(most):
        on = here != 0
        t, regular = _solve(G, torch.sub(c, here, alpha=penalty), on)
        v = torch.baddbmm(c[:, :, None], G, t[:, :, None], alpha=-1)[:, :, 0]
        off = t * here <= 0
        change = torch.where(on, off, (v if nonnegative else v.abs()) > bar)
        count = change.sum(dim=1)
        grace = (grace - 1).masked_fill_(count < fewest, _GRACE)
        fewest = torch.minimum(count, fewest)
        if exchange >= _GRACE:
            last = change & (numbers == (change * numbers).amax(dim=1, keepdim=True))
            change = torch.where((grace > 0)[:, None], change, last)
        here = torch.where(change, v.sign_().masked_fill_(on, 0.0), here)
        found.index_copy_(0, rows, here)
        values.index_copy_(0, rows, t.masked_fill_(off, 0.0))
        solved.index_copy_(0, rows, (count == 0) & regular)
        going = count.nonzero()[:, 0]
        if not len(going):
            break
        if len(going) < _SHRINK * len(rows):
            rows, fewest, grace, here, G, c, bar = (
                tensor.index_select(0, going) for tensor in (rows, fewest, grace, here, G, c, bar)
            )
    return values, found, solved


def _solve(
    G: torch.Tensor, right: torch.Tensor, on: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """``G_aa t_a = right_a`` on the columns that are on, zero elsewhere; and whether it has a solution."""
    right, t = right * on, torch.zeros_like(right)
    failed = torch.zeros(len(on), dtype=torch.int32, device=on.device)
    for piece, width in pieces(on.sum(dim=1)):
        if width == 0:
            continue
        order, real = front(on.index_select(0, piece), width)
        places = piece[:, None], order
        factor, failed[piece] = factorised(block(G, piece, order), real)
        t[places] = triangular(factor, right[places])
    # NaN is not below infinity either.
    regular = (torch.linalg.vector_norm(t, torch.inf, dim=1) < torch.inf) & (failed == 0)
    return t.masked_fill_(~regular[:, None], 0.0), regular


def block(G: torch.Tensor, rows: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
    """Of some matrices (n_samples, width, width) the entries at these positions, (n_rows, k, k)."""
    return G[rows[:, None, None], order[:, :, None], order[:, None, :]]


def factorised(block: torch.Tensor, real: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Cholesky factors of Gram matrices, the identity where a column is padding, and zero for those that are regular.

    A ridge of some rounding units keeps equal columns apart, without a look at which blocks need it. The matrices are
    written over.
    """
    padding = ~real
    block = block.masked_fill_(padding[:, :, None] | padding[:, None, :], 0.0)
    diagonal = block.diagonal(dim1=1, dim2=2)
    diagonal *= 1 + _RIDGE * torch.finfo(block.dtype).eps
    diagonal += padding
    factor, failed = torch.linalg.cholesky_ex(block)
    return factor, failed


def triangular(factor: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """The solution of ``L L' t = right``, (n_samples, width)."""
    half = torch.linalg.solve_triangular(factor, right[:, :, None], upper=False)
    return torch.linalg.solve_triangular(factor.mT, half, upper=True)[:, :, 0]
