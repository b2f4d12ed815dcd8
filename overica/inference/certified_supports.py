"""Certified supports of any number of samples: column generation in parts, and FISTA for what it leaves."""

from __future__ import annotations

from dataclasses import replace

import torch

from overica.backend import memory_budget
from overica.inference.code_supports import Supports
from overica.inference.column_generation import generate
from overica.inference.lasso import Columns, Lasso
from overica.inference.problem import MAPProblem
from overica.inference.proximal_gradient import iterate


def certified_supports(
    problem: MAPProblem, codes0: torch.Tensor | None, tol: float, max_iter: int
) -> Supports:
    """Codes of a problem of tensors with an l1 cost, as supports.

    Parameters
    ----------
    problem : MAPProblem
        Of one scale for all sources.
    codes0 : tensor (n_samples, n_components), optional
    tol : float
        Duality gap to reach, relative to the objective.
    max_iter : int
        Of `Fista`, for samples that column generation cannot do.
    """
    assert problem.penalty is not None
    penalty = float(problem.penalty.max())
    lasso = Lasso(Columns.of(problem.mixing), penalty, problem.prior.nonnegative, tol)
    room = rows_at_a_time(problem.X, problem.n_components)
    found = generate(lasso, problem.X, codes0, room=room)
    reached = found.gap.isfinite() & (found.gap <= tol * found.objective)
    missed = (~reached).nonzero()[:, 0]
    if len(missed):
        left = replace(problem, X=problem.X[missed])
        begin = found.values.new_zeros((len(missed), problem.n_components))
        codes, _ = iterate(left, begin, tol, max_iter)
        # In the units of this search, not in nats.
        gap, objective = (
            problem.noise_variance * figure(codes) for figure in (left.duality_gap, left.objective)
        )
        found = found.put(missed, replace(Supports.of(codes), gap=gap, objective=objective))
    return found


def rows_at_a_time(like: torch.Tensor, n_components: int) -> int:
    """Samples whose search fits into the memory that one step may take, on the device of a tensor of samples.

    Correlations with all columns, and Gram matrices of working sets twice as wide as crowded samples have active
    columns on average (`overica.learning.crowding`); their columns are held of some samples at a time.
    """
    n_features, item = like.shape[1], like.element_size()
    width = min(n_features, 2 * int((10 * n_features) ** 0.5))
    numbers = 4 * n_components + 3 * width * width + 3 * n_features
    return max(1, int(memory_budget(like.device) // (item * numbers)))
