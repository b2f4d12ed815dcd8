"""Posteriors in torch, on the device of their samples: for costs and devices that the compiled kernels do not serve.

Under l1 costs codes come as supports, and what is summed over samples goes to the columns of each sample's own support.
The pairs of a sample and an active column are sorted by column once, and each column adds its own up in order: so sums
are the same bits again, on a GPU too, which those of atomic additions are not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch.nn.functional import embedding, pad

from overica.backend import memory_budget, products
from overica.inference import MAPProblem, WorkingSet, solve
from overica.inference.block_pivoting import factorised
from overica.inference.certified_supports import certified_supports
from overica.inference.code_supports import Supports
from overica.inference.pieces import pieces
from overica.learning.generative import Model, Posterior

_TOL = {torch.float32: 1e-5, torch.float64: 1e-9}
_SMOOTH_TOL = 1e-6


def posterior(model: Model, X: torch.Tensor, codes: torch.Tensor | None = None) -> Posterior:
    """Of samples that lie where the mixing matrix does, and of their codes if they are known.

    Raises
    ------
    MemoryError
        If the device has not enough; says what to lower.
    """
    try:
        return _posterior(model, X, codes)
    except torch.OutOfMemoryError as error:
        m, n = model.mixing.shape
        raise MemoryError(
            f"a step on {len(X)} samples of {m} features and {n} components ran out of memory on {X.device}: lower "
            f"`batch_size`, `overprovision` or `n_components`, or take another device ({error})"
        ) from error


def _posterior(model: Model, X: torch.Tensor, codes: torch.Tensor | None) -> Posterior:
    l1 = model.prior.l1_weights() is not None
    if l1 and codes is None and model.solver in ("auto", WorkingSet.name):
        problem = MAPProblem(model.mixing, X, model.prior, model.penalty)
        found = certified_supports(problem, None, _TOL[X.dtype], WorkingSet.max_iter)
        return _supported(model, X, found)
    if codes is None:
        problem = MAPProblem(model.mixing, X, model.prior, model.penalty)
        codes = solve(problem, model.solver, tol=None if l1 else _SMOOTH_TOL).codes
    return _supported(model, X, Supports.of(codes)) if l1 else _smooth(model, X, codes)


@dataclass(frozen=True)
class ByColumn:
    """The entries of supports in the order of their columns, and within one in that of the samples."""

    supports: Supports
    order: torch.Tensor
    """(n_entries,), positions in the flat supports; padding is left out."""
    lengths: torch.Tensor
    """(n_components,), entries of each column."""

    @classmethod
    def of(cls, supports: Supports) -> ByColumn:
        """Sorted once."""
        columns, order = supports.columns.flatten().sort(stable=True)
        numbers = torch.arange(supports.n_components + 1, device=columns.device)
        starts = torch.searchsorted(columns, numbers)
        return cls(supports, order[: int(starts[-1])], starts.diff())

    @property
    def samples(self) -> torch.Tensor:
        """(n_entries,), whose each entry is."""
        return self.order // max(1, self.supports.columns.shape[1])

    @property
    def values(self) -> torch.Tensor:
        """(n_entries,), the codes."""
        return self.supports.values.flatten()[self.order]

    def summed(self, rows: torch.Tensor) -> torch.Tensor:
        """Rows for the entries, in their order, added up by column: (n_components, ...)."""
        return torch.segment_reduce(rows, "sum", lengths=self.lengths, axis=0, unsafe=True)


@dataclass(frozen=True)
class TensorCodes:
    """Codes without their zeros, as a `Posterior` has them."""

    supports: Supports
    parts: tuple[tuple[torch.Tensor, ByColumn], ...]
    """Positions of samples, each in one part, and the entries of their supports."""

    def dense(self) -> torch.Tensor:
        """(n_samples, n_components)."""
        return self.supports.dense()

    def energy(self, weights: torch.Tensor) -> torch.Tensor:
        """Weighted sum over samples of the squared codes, (n_components,)."""
        total = weights.new_zeros(self.supports.n_components)
        for rows, entries in self.parts:
            total += entries.summed(weights[rows][entries.samples] * entries.values**2)
        return total


def _supported(model: Model, X: torch.Tensor, found: Supports) -> Posterior:
    """With the moments over supports, some samples at a time.

    What a sample adds to the columns of its support, ``r s' - penalty A_a (A_a'A_a)^-1``, is one product of its
    residual and its own columns.
    """
    m, n = model.mixing.shape
    atoms = pad(model.mixing, (0, 1)).T.contiguous()
    cross = torch.zeros((n, m), dtype=X.dtype, device=X.device)
    activity = torch.zeros(n, dtype=X.dtype, device=X.device)
    residual, log_det = torch.empty_like(X), torch.zeros_like(X[:, 0])
    item, n_active = X.element_size(), found.real.sum(dim=1)
    parts = []
    for rows, width in pieces(n_active, lambda k: item * (k + 1) * (3 * m + 5 * k)):
        part = found.taken(rows).within(width)
        entries = ByColumn.of(part)
        # A column of zeros after the support makes room for the residual.
        own = embedding(pad(part.columns, (0, 1), value=n), atoms)
        mine, values = own[:, :width], part.values
        with products(X, rough=False):
            r = torch.baddbmm(X[rows][:, None, :], values[:, None, :], mine, alpha=-1)[:, 0]
            residual[rows] = own[:, width] = r
            factor, _ = factorised(mine @ mine.mT, part.real)
            log_det[rows] = 2 * factor.diagonal(dim1=1, dim2=2).log().sum(dim=1)
            eye = torch.eye(width, dtype=X.dtype, device=X.device).expand_as(factor)
            half = torch.linalg.solve_triangular(factor, eye, upper=False)
            mixed = torch.cat([(half.mT @ half) * -model.penalty, values[:, :, None]], dim=2)
            added = (mixed @ own).flatten(0, 1)
        cross += entries.summed(added.index_select(0, entries.order))
        activity += entries.lengths
        parts.append((rows, entries))
    return Posterior(
        TensorCodes(found, tuple(parts)),
        residual,
        cross.T.contiguous(),
        log_det,
        n_active.to(X.dtype),
        activity,
    )


def _smooth(model: Model, X: torch.Tensor, codes: torch.Tensor) -> Posterior:
    """With moments over all sources, for smooth costs, some samples at a time.

    How active a source is, in [0, 1], is how far its curvature has fallen from that at the mode: the share of
    the prior's hold that is gone. For log cosh it is tanh^2.
    """
    A, prior = model.mixing, model.prior
    n = A.shape[1]
    gram = A.T @ A
    curvature = prior.curvature(codes)
    at_mode = prior.curvature(
        torch.zeros_like(codes[:1]) + torch.as_tensor(prior.mode(), device=X.device)
    )
    activity = (1 - curvature / at_mode.clamp(min=torch.finfo(X.dtype).tiny)).clamp(0, 1)
    total, log_det = torch.zeros_like(gram), torch.zeros_like(codes[:, 0])
    size = max(1, memory_budget(X.device) // (3 * X.element_size() * n * n))
    for start in range(0, len(X), size):
        rows = slice(start, start + size)
        factor = _cholesky(gram + torch.diag_embed(model.penalty * curvature[rows]))
        log_det[rows] = 2 * factor.diagonal(dim1=1, dim2=2).log().sum(dim=1)
        total += torch.cholesky_inverse(factor).sum(dim=0)
    residual = X - codes @ A.T
    cross = residual.T @ codes - model.penalty * (A @ total)
    return Posterior(
        codes, residual, cross, log_det, torch.full_like(log_det, n), activity.sum(dim=0)
    )


def _cholesky(blocks: torch.Tensor) -> torch.Tensor:
    """Factors of blocks that rounding may have made singular: a relative ridge where, and only where, needed."""
    factor, failed = torch.linalg.cholesky_ex(blocks)
    if bool((failed > 0).any()):
        diagonal = blocks.diagonal(dim1=1, dim2=2)
        ridge = 1e-10 * diagonal.mean(dim=1, keepdim=True) * (failed > 0)[:, None]
        factor, _ = torch.linalg.cholesky_ex(blocks + torch.diag_embed(ridge.expand_as(diagonal)))
    return factor


def home(found: Posterior) -> Posterior:
    """The same in host memory, in double precision."""

    def array(tensor: torch.Tensor) -> object:
        return tensor.double().cpu().numpy()

    names = ("residual", "cross", "log_det", "n_active", "activity")
    fields = {name: array(getattr(found, name)) for name in names}
    return replace(found, found=array(found.codes), **fields)
