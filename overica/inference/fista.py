"""Accelerated proximal gradient on a batch of samples, in torch, on any device."""

from __future__ import annotations

from typing import Any

import array_api_compat
import numpy as np
import torch

from overica._validation import Array
from overica.inference.certificate import fenchel_gap, refined_gap
from overica.inference.newton import newton_step
from overica.inference.problem import MAPProblem
from overica.inference.solver import Solver
from overica.inference.standard_form import StandardForm

_CHECK_EVERY = 10
"""Iterations between looks at the gap; a look costs about two iterations."""

_POLISH_GROWTH = 1.25
"""Newton steps are tried at iterations that grow by this factor: their cost stays a fraction."""

_NEWTON_STEPS = 5
_LAST_NEWTON_STEPS = 50
"""At the iteration limit: in double precision, where float32 iterates no longer move."""

_WORTHWHILE = 1e-6
"""Fall of the objective, relative, that wins Newton's codes a place whatever their gap."""


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
        if array_api_compat.is_torch_array(problem.X):
            with torch.no_grad():
                return _iterate(problem, codes0, tol, max_iter)
        start = None if codes0 is None else _to_torch(codes0)
        twin = MAPProblem(
            _to_torch(problem.mixing), _to_torch(problem.X), problem.prior, problem.noise_variance
        )
        with torch.no_grad():
            codes, n_iter = _iterate(twin, start, tol, max_iter)
        return codes.numpy(), n_iter


def _to_torch(array: np.ndarray) -> torch.Tensor:
    """A tensor on the same memory where torch can hold it: writeable, native, positive strides."""
    return torch.from_numpy(np.require(array, array.dtype.newbyteorder("="), ["C", "W"]))


class _Batch:
    """The samples still moving: their data, iterates and momenta, row by row."""

    def __init__(self, problem: MAPProblem, codes0: torch.Tensor | None) -> None:
        self.form: StandardForm = problem.standard_form(codes0)
        self.dtype = problem.dtype
        self.theta: Any = problem.prior.scale_like(self.form.Y)
        norm = float(torch.linalg.matrix_norm(self.form.B, 2)) * (1 + 1e-9) or 1.0
        # Dividing by the norm makes B'B / L a contraction and keeps L itself, which float32 may
        # not hold, out of the iteration.
        self.step = norm**-2
        self.B = (self.form.B / norm).to(self.dtype)
        self.Y = (self.form.Y / norm).to(self.dtype)
        self.T = self.form.S.to(self.dtype)
        self.Z = self.T.clone()
        self.tau = torch.ones_like(self.T[:, :1])
        self.rows = torch.arange(len(self.T), device=self.T.device)

    def advance(self) -> None:
        """One iteration of every sample."""
        gradient_step = self.Z + (self.Y - self.Z @ self.B.T) @ self.B
        moved = self.form.prior.prox(gradient_step, self.step)
        change = moved - self.T
        uphill = ((self.Z - moved) * change).sum(1, keepdim=True) > 0
        tau = torch.where(uphill, torch.ones_like(self.tau), self.tau)
        self.tau = (1 + torch.sqrt(1 + 4 * tau**2)) / 2
        self.Z = moved + (tau - 1) / self.tau * change
        self.T = moved

    def codes(self, T: torch.Tensor) -> torch.Tensor:
        """Iterates in the units and dtype in which they are handed back, and certified."""
        return (T.double() * self.theta).to(self.dtype)

    def certified_at(self, T: torch.Tensor) -> StandardForm:
        return self.form.at(self.codes(T).double() / self.theta)

    def polish(self, gap: torch.Tensor, n_steps: int) -> torch.Tensor:
        """Take Newton steps where they lower the gap or the objective; the gaps after that."""
        here = there = self.certified_at(self.T)
        for _ in range(n_steps):
            there = newton_step(there, self.step)
        T = there.S.to(self.dtype)
        there = self.certified_at(T)
        gap = torch.fmin(gap, refined_gap(here))
        gap_there = torch.fmin(fenchel_gap(there, there.R), refined_gap(there))
        better = (gap_there < gap) | (there.objective() < (1 - _WORTHWHILE) * here.objective())
        self.T = torch.where(better[:, None], T, self.T)
        self.Z = torch.where(better[:, None], T, self.Z)
        self.tau = torch.where(better[:, None], torch.ones_like(self.tau), self.tau)
        return torch.where(better, gap_there, gap)

    def keep(self, going: torch.Tensor) -> None:
        """Let the others leave."""
        self.form = self.form.take(going)
        self.Y, self.T, self.Z = self.Y[going], self.T[going], self.Z[going]
        self.tau, self.rows = self.tau[going], self.rows[going]


def _iterate(
    problem: MAPProblem, codes0: torch.Tensor | None, tol: float, max_iter: int
) -> tuple[torch.Tensor, int]:
    batch = _Batch(problem, codes0)
    codes = batch.codes(batch.T)
    next_polish = 2.0 * _CHECK_EVERY
    n_iter = 0
    while n_iter < max_iter and len(batch.rows):
        batch.advance()
        n_iter += 1
        if n_iter % _CHECK_EVERY and n_iter < max_iter:
            continue
        here = batch.certified_at(batch.T)
        gap = fenchel_gap(here, here.R)
        target = tol * here.objective()
        if n_iter >= next_polish or n_iter == max_iter:
            open_ = ~(gap <= target)
            codes[batch.rows] = batch.codes(batch.T)
            batch.keep(open_)
            if not len(batch.rows):
                break
            last = n_iter == max_iter
            gap = batch.polish(gap[open_], _LAST_NEWTON_STEPS if last else _NEWTON_STEPS)
            target = tol * batch.certified_at(batch.T).objective()
            next_polish = _POLISH_GROWTH * n_iter
        going = ~(gap <= target)
        codes[batch.rows] = batch.codes(batch.T)
        batch.keep(going)
    return codes, n_iter
