"""Codes on their supports in double precision, with a duality gap for each, in torch.

The search is done in the precision of the samples; what it leaves is a support. Here its codes are refined, with
residuals in double precision, and the gap is that of the dual point ``c r``, c in [0, 1] the largest for which
``c |A_j' r| <= penalty`` for all j:

    F(s) - D(c r) = (1 - c)^2 |r|^2 / 2 + sum_j (penalty |s_j| - c s_j A_j' r).

Correlations with columns off the support are needed to no more than that they stay below the penalty. A product in
single precision is off by at most ``(m + 2) u |A_j| |r|`` in whatever order it is summed, m features and u = 2^-24; the
largest few are taken again in double precision, and of the others that bound is added to the largest.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from overica.backend import products
from overica.inference.block_pivoting import factorised, triangular
from overica.inference.code_supports import Supports, front
from overica.inference.lasso import Lasso

_REFINEMENTS = 2
"""Each gains some five digits in single precision."""


def certified(
    lasso: Lasso, X: torch.Tensor, columns: torch.Tensor, values: torch.Tensor, most: int
) -> tuple[Supports, torch.Tensor, torch.Tensor]:
    """Exact codes on given supports, their gaps, and who should join.

    Parameters
    ----------
    lasso : Lasso
    X : tensor (n_samples, n_features)
    columns, values : tensors (n_samples, width)
        Codes from a search; zeros count as off.
    most : int
        How many columns off the support are looked at in double precision.

    Returns
    -------
    done : Supports
    places, signs : tensors (n_samples, most)
        Columns off the support of largest correlation, and its sign where it is above the bar, else zero.
    """
    D, penalty, dtype = lasso.columns, lasso.penalty, X.dtype
    order, real = front(values != 0, int((values != 0).sum(dim=1).max()) if values.shape[1] else 0)
    columns = torch.where(real, columns.gather(1, order), D.n_components)
    t, x = values.gather(1, order).double() * real, X.double()
    signs = t.sign()
    atoms = D.rows[columns]
    wide = atoms.double()
    with products(X, rough=False):
        r, v = _residual(x, t, wide)
        if columns.shape[1]:
            factor, _ = factorised(atoms @ atoms.mT, real)
            for _ in range(_REFINEMENTS):
                step = triangular(factor, (v - penalty * signs).to(dtype) * real).double() * real
                t = torch.where((t + step) * signs > 0, t + step, 0.0)
                r, v = _residual(x, t, wide)
        V = (r.to(dtype) @ D.A).scatter_(1, columns, 0.0)
        places, _ = lasso.largest(V, most)
        exact = (D.rows[places].double() @ r[:, :, None])[:, :, 0]
    length = torch.linalg.vector_norm(r, dim=1)
    unit = (D.n_features + 2) * torch.finfo(dtype).eps / 2
    rest = lasso.size(V.scatter_(1, places, 0.0)).amax(dim=1) + unit * D.longest * length
    highest = torch.maximum(rest, lasso.size(exact).amax(dim=1))
    if columns.shape[1]:
        highest = torch.maximum(highest, lasso.size(v).amax(dim=1))
    c = penalty / highest.clamp(min=penalty)
    gap = ((1 - c) * length) ** 2 / 2 + (penalty * t.abs() - c[:, None] * t * v).clamp(min=0).sum(1)
    codes = t.to(dtype)
    # Rounded codes are off by d, and their objective by |A d|^2 / 2 + sum_j d_j (penalty sign_j - v_j).
    d = codes.double() - t
    moved = torch.linalg.vector_norm((d[:, None, :] @ wide)[:, 0], dim=1)
    rise = moved**2 / 2 + (d * (penalty * signs - v)).sum(dim=1).abs()
    objective = length**2 / 2 + penalty * t.abs().sum(dim=1) + rise
    done = replace(
        Supports.empty(X, D.n_components),
        columns=columns,
        values=codes,
        gap=gap + rise,
        objective=objective,
    )
    return done, places, torch.where(lasso.size(exact) > lasso.bar, exact.sign(), 0.0).to(dtype)


def _residual(
    x: torch.Tensor, t: torch.Tensor, atoms: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """What codes leave of samples, and its products with their columns."""
    r = x - (t[:, None, :] @ atoms)[:, 0]
    return r, (atoms @ r[:, :, None])[:, :, 0]
