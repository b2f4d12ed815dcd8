"""Column generation as a `Solver`: exact l1 codes on any device."""

from __future__ import annotations

import array_api_compat
import numpy as np

from overica._validation import Array
from overica.backend import as_tensor
from overica.inference.problem import MAPProblem
from overica.inference.solver import Run, Solver, lacks_l1


class WorkingSet(Solver):
    """Exact l1 codes in torch, on any device: see `overica.inference.column_generation`.

    All samples of a batch are solved at once, each over a working set of its own, which grows by the columns that
    violate its optimality most. The search is in the precision of the samples; codes, residuals and gaps are refined
    and measured in float64, on the supports alone. What it cannot do, samples with as many active columns as features
    and some whose columns depend on each other, goes to `Fista`.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.inference import MAPProblem, solve
    >>> problem = MAPProblem(np.eye(2), np.array([[3.0, 0.5]]), "exponential", noise_variance=1.0)
    >>> solve(problem, "working_set").codes
    array([[2., 0.]])
    """

    name = "working_set"
    max_iter = 10_000

    def supports(self, problem: MAPProblem) -> str | None:
        """Costs proportional to ``|s|``, with noise."""
        return lacks_l1(problem)

    def run(self, problem: MAPProblem, codes0: Array | None, tol: float, max_iter: int) -> Run:
        """See `Solver.run`; an iteration is a round of column generation.

        Sources of other scales than one are measured in theirs, and certified in double precision by the problem.
        """
        from overica.inference.certified_supports import certified_supports

        numpy = not array_api_compat.is_torch_array(problem.X)
        mixing, X = as_tensor(problem.mixing), as_tensor(problem.X)
        start = None if codes0 is None else as_tensor(codes0)
        prior, scaled = problem.prior, np.any(np.asarray(problem.prior.scale) != 1)
        if scaled:
            theta = prior.scale_like(mixing[:1])
            mixing, prior = mixing * theta, prior.with_scale(1.0)
            start = None if start is None else start / theta
        twin = MAPProblem(mixing, X, prior, problem.noise_variance)
        found = certified_supports(twin, start, tol, max_iter)
        codes: Array = found.dense() * theta if scaled else found.dense()
        gap: Array = found.gap / problem.noise_variance
        objective: Array = found.objective / problem.noise_variance
        n_rounds = int(found.n_rounds.max())
        if numpy:
            codes, gap, objective = codes.numpy(), gap.numpy(), objective.numpy()
        if scaled:
            return Run(codes, n_rounds)
        return Run(codes, n_rounds, gap, objective)
