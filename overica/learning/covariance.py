"""Posterior covariances in torch, for costs and devices that the compiled kernels do not serve.

Both functions return, in units without sigma^2 (the caller multiplies), the sum over samples of ``A H^-1``,
(n_features, n_components), with ``H = A_a'A_a`` in the columns a or ``A'A + sigma^2 diag(cost'')``, the log
determinants of H, the sizes of the active blocks, and the activity of the sources.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from overica.priors import Prior

if TYPE_CHECKING:
    import torch

_CHUNK_BYTES = 1 << 28

Moments = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def active_moments(
    A: np.ndarray, codes: np.ndarray, prior: Prior, sigma2: float, device: str
) -> Moments:
    """Moments over the supports of the codes, for l1 costs.

    Supports of unequal size are padded to the largest of the chunk with rows and columns of the identity, which
    leave inverse and determinant of the rest as they are.
    """
    import torch

    atoms = torch.as_tensor(A, device=device).T.contiguous()
    n, m = atoms.shape
    active = torch.as_tensor(codes != 0, device=device)
    sizes = active.sum(dim=1)
    spread = torch.zeros((n, m), dtype=atoms.dtype, device=device)
    log_det = torch.zeros(len(codes), dtype=atoms.dtype, device=device)
    largest = int(sizes.max()) if len(codes) else 0
    rows = max(1, _CHUNK_BYTES // (24 * max(largest, 1) * (max(largest, 1) + m)))
    for start in range(0, len(codes) if largest else 0, rows):
        part = slice(start, start + rows)
        k = max(int(sizes[part].max()), 1)
        # A stable descending sort of the flags lists the active sources first.
        order = active[part].to(torch.int8).argsort(dim=1, descending=True, stable=True)[:, :k]
        real = torch.arange(k, device=device) < sizes[part][:, None]
        own = atoms[order] * real[:, :, None]
        block = own @ own.mT + torch.diag_embed((~real).to(atoms.dtype))
        factor = _cholesky(block)
        log_det[part] = 2 * factor.diagonal(dim1=1, dim2=2).log().sum(dim=1)
        spread.index_add_(0, order.flatten(), torch.cholesky_solve(own, factor).flatten(0, 1))
    return (
        spread.T.cpu().numpy(),
        log_det.cpu().numpy(),
        sizes.cpu().numpy(),
        (codes != 0).sum(axis=0).astype(float),
    )


def smooth_moments(
    A: np.ndarray, codes: np.ndarray, prior: Prior, sigma2: float, device: str
) -> Moments:
    """Moments over all sources, for smooth costs.

    How active a source is, in [0, 1], is how far its curvature has fallen from that at the mode: the share of
    the prior's hold that is gone. For log cosh it is tanh^2.
    """
    import torch

    gram = torch.as_tensor(A.T @ A, device=device)
    n = A.shape[1]
    curvature = np.asarray(prior.curvature(codes))
    at_mode = np.asarray(prior.curvature(np.zeros((1, n)) + prior.mode()))
    activity = np.clip(1 - curvature / np.maximum(at_mode, np.finfo(float).tiny), 0, 1)
    total = torch.zeros((n, n), dtype=gram.dtype, device=device)
    log_det = np.zeros(len(codes))
    rows = max(1, _CHUNK_BYTES // (24 * n * n))
    for start in range(0, len(codes), rows):
        part = slice(start, start + rows)
        ridge = torch.as_tensor(sigma2 * curvature[part], device=device)
        factor = _cholesky(gram + torch.diag_embed(ridge))
        log_det[part] = (2 * factor.diagonal(dim1=1, dim2=2).log().sum(dim=1)).cpu().numpy()
        total += torch.cholesky_inverse(factor).sum(dim=0)
    return A @ total.cpu().numpy(), log_det, np.full(len(codes), n), activity.sum(axis=0)


def _cholesky(blocks: torch.Tensor) -> torch.Tensor:
    """Factors of blocks that rounding may have made singular: a relative ridge where, and only where, needed."""
    import torch

    factor, failed = torch.linalg.cholesky_ex(blocks)
    if bool((failed > 0).any()):
        diagonal = blocks.diagonal(dim1=1, dim2=2)
        ridge = 1e-10 * diagonal.mean(dim=1, keepdim=True) * (failed > 0)[:, None]
        factor, _ = torch.linalg.cholesky_ex(blocks + torch.diag_embed(ridge.expand_as(diagonal)))
    return factor
