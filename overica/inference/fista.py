"""Accelerated proximal gradient on a batch of samples, in torch, on any device."""

from __future__ import annotations

import array_api_compat

from overica._validation import Array
from overica.backend import as_tensor
from overica.inference.problem import MAPProblem
from overica.inference.solver import Solver


class Fista(Solver):
    """FISTA: proximal gradient steps with Nesterov momentum and adaptive restart.

    In the standard form ``min ||y - B t||^2 / 2 + cost(t)`` one iteration is

        t+ = prox(z + B'(y - B z) / L, 1 / L),      z+ = t+ + (tau - 1)/tau+ (t+ - t),

    with L the largest eigenvalue of B'B, and momentum dropped for a sample as soon as it points
    uphill. Each sample has its own momentum, its own restarts and its own end: once the gap at its
    current iterate is small enough it is frozen and leaves the batch, so that no answer depends on
    the company it was solved in. Now and then a Newton step on the support is tried, and taken
    where it lowers the gap; with an l1 cost that is the exact solution as soon as the support is
    right.

    Float32 problems iterate in float32; gaps are measured in float64.

    References
    ----------
    A. Beck and M. Teboulle, "A fast iterative shrinkage-thresholding algorithm for linear inverse
    problems", SIAM J. Imaging Sciences 2, 183-202 (2009). B. O'Donoghue and E. Candes, "Adaptive
    restart for accelerated gradient schemes", Foundations of Computational Mathematics 15, 715-732
    (2015).

    Examples
    --------
    >>> import numpy as np
    >>> from overica.inference import MAPProblem, solve
    >>> problem = MAPProblem(np.eye(2), np.array([[3.0, 0.5]]), "exponential", noise_variance=1.0)
    >>> solve(problem, "fista").codes
    array([[2., 0.]])
    """

    name = "fista"
    max_iter = 10_000

    def supports(self, problem: MAPProblem) -> str | None:
        """Everything but the noiseless limit."""
        if problem.noise_variance == 0:
            return "needs noise_variance > 0 (without noise the constraint A s = x has no gradient)"
        return None

    def run(
        self, problem: MAPProblem, codes0: Array | None, tol: float, max_iter: int
    ) -> tuple[Array, int]:
        """See `Solver.run`."""
        from overica.inference.proximal_gradient import iterate

        if array_api_compat.is_torch_array(problem.X):
            return iterate(problem, codes0, tol, max_iter)
        start = None if codes0 is None else as_tensor(codes0)
        twin = MAPProblem(
            as_tensor(problem.mixing), as_tensor(problem.X), problem.prior, problem.noise_variance
        )
        codes, n_iter = iterate(twin, start, tol, max_iter)
        return codes.numpy(), n_iter
