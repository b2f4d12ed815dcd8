"""The exact active-set solver as a `Solver`: l1 costs, on the CPU."""

from __future__ import annotations

from typing import Any

import array_api_compat
import numpy as np

from overica._kernels import lasso
from overica._validation import Array, namespace
from overica.inference.problem import MAPProblem
from overica.inference.solver import Run, Solver, lacks_l1

_VIOLATION = 0.1
"""Relative violation of the optimality conditions, as a fraction of the gap asked for, that leaves
that gap.
"""

_SHORT = 2.0**-240
"""Columns this short beside the longest count as zero, as the kernels need fourth powers; the problem certifies."""


class ActiveSet(Solver):
    """Active-set method with compiled kernels: exact codes up to rounding, in finitely many steps.

    For costs ``|s_j| / theta_j`` the problem is, with ``t_j = s_j / theta_j`` and times sigma^2,
    the lasso

        min_t ||x - A diag(theta) t||^2 / 2 + sigma^2 ||t||_1,      t >= 0 where the prior has no
        negative sources.

    Torch tensors in host memory are handed to the kernels without a copy.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.inference import MAPProblem, solve
    >>> from overica.inference.active_set import ActiveSet
    >>> problem = MAPProblem(np.eye(2), np.array([[3.0, 0.5]]), "laplace", noise_variance=1.0)
    >>> solve(problem, ActiveSet()).codes
    array([[2., 0.]])
    """

    name = "active_set"
    max_iter = 10_000

    def supports(self, problem: MAPProblem) -> str | None:
        """Costs proportional to ``|s|``, with noise, on the CPU."""
        if (reason := lacks_l1(problem)) is not None:
            return reason
        if array_api_compat.is_torch_array(problem.X) and problem.X.device.type != "cpu":
            return f"runs on the CPU, and X is on {problem.X.device}"
        return None

    def run(self, problem: MAPProblem, codes0: Array | None, tol: float, max_iter: int) -> Run:
        """See `Solver.run`; an iteration is one atom that enters or leaves a support.

        ``max_iter`` is not consulted: the kernels have limits of their own, tens of steps per
        possible atom. They solve the problem times sigma^2, and know its gap and objective.
        """
        sigma2, n_components = problem.noise_variance, problem.n_components
        theta = 1.0 / np.broadcast_to(
            np.asarray(problem.prior.l1_weights(), np.float64), n_components
        )
        A = _numpy(problem.mixing)
        sizes = np.abs(A).max(axis=0) * theta
        short = (sizes > 0) & (sizes < _SHORT * sizes.max())
        found = lasso(
            np.where(short, 0, A) if short.any() else A, _numpy(problem.X), sigma2, problem.prior.nonnegative,
            None if codes0 is None else _numpy(codes0), scales=theta, tol=_VIOLATION * tol,
        )  # fmt: skip
        xp = namespace(problem.X)
        codes, n_iter = xp.asarray(found.codes), int(found.n_steps.max(initial=0))
        if short.any():
            return Run(codes, n_iter)
        with np.errstate(over="ignore"):
            gap, objective = found.gap / sigma2, found.objective / sigma2
        return Run(codes, n_iter, xp.asarray(gap), xp.asarray(objective))


def _numpy(array: Any) -> np.ndarray:
    if array_api_compat.is_torch_array(array):
        array = array.detach().numpy()
    return np.asarray(array)
