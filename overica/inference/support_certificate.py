"""Codes on their supports in double precision, with a duality gap for each, in torch.

The search is done in the precision of the samples; what it leaves is a support. Here its codes are refined, with
residuals in double precision, and the gap is that of the dual point ``c r``, c in [0, 1] the largest for which
``c |A_j' r| <= penalty`` for all j:

    F(s) - D(c r) = (1 - c)^2 |r|^2 / 2 + sum_j (penalty |s_j| - c s_j A_j' r).

Correlations with columns off the support are needed to no more than that they stay below the penalty, and the search
has just looked at them, with a residual R: ``|A_j' r|`` is at most what it found, and what the look may be off by, and
``|A_j| |r - R|``. The largest few are taken again in double precision; where that bound on the others is above the
penalty, all are looked at once more, in single precision, in which a product is off by at most ``(m + 2) u |A_j| |r|``
in whatever order it is summed, m features and u = 2^-24.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch.nn.functional import embedding

from overica.inference.block_pivoting import block, factorised, triangular
from overica.inference.code_supports import Supports, front
from overica.inference.lasso import Lasso

_REFINEMENTS = 1
"""Some five digits in single precision, over what a search leaves of the conditions, which is a rounding error."""


@dataclass(frozen=True)
class Look:
    """What a search has seen of the correlations of some samples with all columns."""

    V: torch.Tensor
    """(n_samples, n_padded), zero for the columns of the working sets; is written over."""
    members: torch.Tensor
    """(n_samples, width), those of the columns of the working sets."""
    error: float
    """What they may be off by, relative to the norms of a column and the residual."""


def certified(
    lasso: Lasso,
    X: torch.Tensor,
    R: torch.Tensor,
    columns: torch.Tensor,
    values: torch.Tensor,
    G: torch.Tensor,
    look: Look,
    width: int,
    most: int,
) -> tuple[Supports, torch.Tensor, torch.Tensor]:
    """Exact codes on given supports, their gaps, and who should join.

    Parameters
    ----------
    lasso : Lasso
    X, R : tensors (n_samples, n_features)
        Samples, and the residuals at which the search has looked.
    columns, values : tensors (n_samples, n_members)
        Working sets, and their codes from a search; zeros count as off.
    G : tensor (n_samples, n_members, n_members)
        Their Gram matrices.
    look : Look
    width : int
        Codes that are not zero, at most.
    most : int
        How many columns off the support are looked at in double precision.

    Returns
    -------
    done : Supports
    places, signs : tensors (n_samples, most)
        Columns off the support of largest correlation, and its sign where it is above the bar, else zero.
    """
    D, penalty, dtype = lasso.columns, lasso.penalty, X.dtype
    on = values != 0
    # Columns that were tried and are off are the first to look at.
    V = look.V.scatter_(1, columns, look.members.masked_fill(on, 0.0))
    order, real = front(on, width)
    rows = torch.arange(len(X), device=X.device)
    columns = columns.gather(1, order).masked_fill_(~real, D.n_components)
    t, x = (values.gather(1, order) * real).double(), X.double()
    signs, atoms = t.sign(), embedding(columns, D.wide)
    r, v = _residual(x, t, atoms)
    if width:
        factor, _ = factorised(block(G, rows, order), real)
        for _ in range(_REFINEMENTS):
            off = torch.sub(v, signs, alpha=penalty).to(dtype) * real
            moved = t + triangular(factor, off) * real
            t = moved.masked_fill(moved * signs <= 0, 0.0)
            r, v = _residual(x, t, atoms)
    length = torch.linalg.vector_norm(r, dim=1)
    places, _ = lasso.largest(V, most)
    exact = (embedding(places, D.wide) @ r[:, :, None])[:, :, 0]
    highest = lasso.size(exact).amax(dim=1)
    if width:
        highest = torch.maximum(highest, lasso.size(v).amax(dim=1))
    rest = lasso.size(V.scatter_(1, places, 0.0)).amax(dim=1)
    drift = torch.linalg.vector_norm(r - R, dim=1)
    rest = rest + D.longest * (look.error * torch.linalg.vector_norm(R, dim=1) + drift)
    unsure = (rest > highest.clamp(min=penalty)).nonzero()[:, 0]
    if len(unsure):
        near, again, bound = _looked(lasso, r[unsure], columns[unsure], most)
        places, exact = places.index_copy(0, unsure, near), exact.index_copy(0, unsure, again)
        rest = rest.index_copy(0, unsure, bound)
        highest = torch.maximum(highest, lasso.size(exact).amax(dim=1))
    highest = torch.maximum(highest, rest)
    c = penalty / highest.clamp(min=penalty)
    size = t.abs()
    gap = ((1 - c) * length) ** 2 / 2 + (penalty * size - c[:, None] * t * v).clamp(min=0).sum(1)
    codes = t.to(dtype)
    # Rounded codes are off by d, and their objective by |A d|^2 / 2 + sum_j d_j (penalty sign_j - v_j).
    d = codes.double() - t
    moved = D.longest * d.abs().sum(dim=1)
    rise = moved**2 / 2 + (d * torch.sub(v, signs, alpha=penalty)).sum(dim=1).abs()
    done = replace(
        Supports.empty(X, D.n_components),
        columns=columns,
        values=codes,
        gap=gap + rise,
        objective=length**2 / 2 + penalty * size.sum(dim=1) + rise,
    )
    return done, places, ((lasso.size(exact) > lasso.bar) * exact.sign()).to(dtype)


def _looked(
    lasso: Lasso, r: torch.Tensor, columns: torch.Tensor, most: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The columns off the support of largest correlation, those in double precision, and a bound on the others."""
    D, dtype = lasso.columns, lasso.columns.A.dtype
    V = (r.to(dtype) @ D.A).scatter_(1, columns, 0.0)
    places, _ = lasso.largest(V, most)
    exact = (embedding(places, D.wide) @ r[:, :, None])[:, :, 0]
    length = torch.linalg.vector_norm(r, dim=1)
    rest = lasso.size(V.scatter_(1, places, 0.0)).amax(dim=1) + D.rounding * D.longest * length
    return places, exact, rest


def _residual(
    x: torch.Tensor, t: torch.Tensor, atoms: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """What codes leave of samples, and its products with their columns."""
    r = torch.baddbmm(x[:, None, :], t[:, None, :], atoms, alpha=-1)[:, 0]
    return r, (atoms @ r[:, :, None])[:, :, 0]
