"""The iterations of `Fista`. It alone imports this module, when it runs, and with it torch."""

from __future__ import annotations

from typing import Any

import torch

from overica.inference.certificate import fenchel_gap, refined_gap
from overica.inference.newton import newton_step
from overica.inference.problem import MAPProblem
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


class _Batch:
    """The samples still moving: their data, iterates and momenta, row by row."""

    def __init__(self, problem: MAPProblem, codes0: torch.Tensor | None) -> None:
        self.form: StandardForm = problem.standard_form(codes0)
        self.dtype = problem.dtype
        self.theta: Any = problem.prior.scale_like(self.form.Y)
        norm = float(torch.linalg.matrix_norm(self.form.B, 2)) * (1 + 1e-9) or 1.0
        # Dividing by the norm makes B'B / L a contraction and keeps L itself, which float32 may
        # not hold, out of the iteration.
        self.step = min(1 / norm / norm, float(torch.finfo(self.dtype).max) / 4)
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


@torch.no_grad()
def iterate(
    problem: MAPProblem, codes0: torch.Tensor | None, tol: float, max_iter: int
) -> tuple[torch.Tensor, int]:
    """Codes of a problem of tensors, and the iterations of the slowest sample; see `Fista`."""
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
