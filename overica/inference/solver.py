"""Solvers by name, and the one driver that runs and certifies them."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from overica._validation import Array, check_choice, check_scalar, namespace
from overica.inference.certificate import REFINE_ABOVE
from overica.inference.problem import MAPProblem
from overica.inference.safe_units import balanced, scaled


@dataclass(frozen=True, eq=False)
class Solution:
    """Codes and what is certain about them.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.inference import MAPProblem, solve
    >>> from overica.priors import Laplace
    >>> solution = solve(MAPProblem(np.eye(2), np.array([[3.0, 0.5]]), Laplace(), 1.0))
    >>> solution.codes, bool(solution.converged.all()), bool(solution.gap.max() < 1e-9)
    (array([[2., 0.]]), True, True)
    """

    codes: Array
    """(n_samples, n_components), in library, dtype and device of the problem."""
    gap: Array
    """Duality gap per sample, nats, float64: a bound on its objective less the minimum."""
    converged: Array
    """Whether ``gap <= tol * objective``, (n_samples,), boolean."""
    n_iter: int
    """Iterations that the slowest sample took."""


class Run(NamedTuple):
    """What a solver hands back."""

    codes: Array
    """(n_samples, n_components), in the problem's library, dtype and device."""
    n_iter: int
    """Iterations of the slowest sample."""
    gap: Array | None = None
    """A duality gap per sample, nats, float64, from a solver that has it at hand; else the problem computes it."""
    objective: Array | None = None
    """The objective that belongs to it, nats, float64."""


class Solver(ABC):
    """A way to the codes: says what it cannot do, and does the rest; `solve` certifies.

    A solver of your own is one subclass and one line in `SOLVERS`, or an instance handed to
    `solve`.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.inference import MAPProblem, solve
    >>> from overica.priors import Laplace
    >>> class Shrink(Solver):
    ...     name, max_iter = "shrink", 1
    ...
    ...     def supports(self, problem):
    ...         square = problem.mixing.T @ problem.mixing
    ...         return (
    ...             None if np.allclose(square, np.eye(len(square))) else "needs orthogonal columns"
    ...         )
    ...
    ...     def run(self, problem, codes0, tol, max_iter):
    ...         Z = problem.X @ problem.mixing
    ...         return np.sign(Z) * np.maximum(abs(Z) - problem.noise_variance, 0), 1
    >>> problem = MAPProblem(np.eye(2), np.array([[3.0, 0.5]]), Laplace(), 1.0)
    >>> solution = solve(problem, solver=Shrink())
    >>> solution.codes, bool(solution.converged.all())
    (array([[2., 0.]]), True)
    """

    name: ClassVar[str]
    max_iter: ClassVar[int]
    """Iteration limit used when the caller gives none."""

    @abstractmethod
    def supports(self, problem: MAPProblem) -> str | None:
        """Why this solver cannot do the problem, as the end of a sentence; None if it can."""

    @abstractmethod
    def run(
        self, problem: MAPProblem, codes0: Array | None, tol: float, max_iter: int
    ) -> Run | tuple[Array, int]:
        """Codes (n_samples, n_components) and the number of iterations of the slowest sample, as a `Run` or a pair.

        Parameters
        ----------
        problem : MAPProblem
            One for which `supports` is None.
        codes0 : array (n_samples, n_components) or None
            Where to start: finite, in the problem's library, dtype and device.
        tol : float
            Duality gap to reach, relative to the objective.
        max_iter : int
        """


def lacks_l1(problem: MAPProblem) -> str | None:
    """Why a problem is no lasso, as `Solver.supports` says it; None if it is one."""
    if problem.prior.l1_weights() is None:
        return "needs a prior whose cost is |s| / theta"
    if problem.noise_variance == 0:
        return "needs noise_variance > 0 (without noise nothing weighs the l1 norm)"
    return None


SOLVERS: dict[str, type[Solver]] = {}
"""Solvers by name, in the order in which "auto" tries them; filled in `overica.inference`."""


def get_solver(solver: str | Solver, problem: MAPProblem) -> Solver:
    """The solver of that name; with "auto", the first in `SOLVERS` that supports the problem.

    Raises
    ------
    ValueError
        If the name is unknown, or the solver cannot do this problem; says why.
    """
    if isinstance(solver, Solver):
        chosen = solver
    else:
        name = check_choice(solver, "solver", ("auto", *SOLVERS))
        if name == "auto":
            candidates = [kind() for kind in SOLVERS.values()]
            able = [candidate for candidate in candidates if candidate.supports(problem) is None]
            if not able:
                reasons = "; ".join(f"{c.name} {c.supports(problem)}" for c in candidates)
                raise ValueError(f"no solver can do this problem: {reasons}")
            return able[0]
        chosen = SOLVERS[name]()
    reason = chosen.supports(problem)
    if reason is not None:
        raise ValueError(f"solver {chosen.name!r} cannot do this problem: it {reason}")
    return chosen


def solve(
    problem: MAPProblem,
    solver: str | Solver = "auto",
    codes0: Array | None = None,
    *,
    tol: float | None = None,
    max_iter: int | None = None,
) -> Solution:
    """MAP codes of every sample, with a duality gap for each.

    Parameters
    ----------
    problem : MAPProblem
    solver : str or Solver
        A name in `SOLVERS`, an instance, or "auto": "active_set" for l1 costs on the CPU, else
        "fista", and "interior_point" without noise.
    codes0 : array (n_samples, n_components), optional
        Warm start.
    tol : float, optional
        Duality gap to reach, as a fraction of each sample's objective. By default 1e-9 in float64
        and 1e-5 in float32.
    max_iter : int, optional
        Iteration limit; by default the solver's own.

    Returns
    -------
    Solution

    Raises
    ------
    ValueError
        If an argument is malformed, the name unknown, or the solver unable to do this problem.

    Warns
    -----
    sklearn.exceptions.ConvergenceWarning
        If a sample's gap is above the tolerance: how many, and the worst.

    Examples
    --------
    >>> import numpy as np
    >>> from overica.inference import MAPProblem, solve
    >>> A = np.array([[1.0, 0.6, 0.0], [0.0, 0.8, 1.0]])
    >>> problem = MAPProblem(A, np.array([[3.0, 4.0]]), "laplace", noise_variance=0.1)
    >>> solution = solve(problem, "fista")
    >>> solution.codes.round(6)
    array([[0. , 4.9, 0. ]])
    >>> bool(solution.converged[0])
    True
    """
    if not isinstance(problem, MAPProblem):
        raise ValueError(f"`problem` must be a MAPProblem, got {type(problem).__name__}")
    chosen = get_solver(solver, problem)
    xp = namespace(problem.X)
    if tol is None:
        tol = 1e-9 if problem.dtype == xp.float64 else 1e-5
    tol = check_scalar(tol, "tol", strict=True)
    if max_iter is None:
        max_iter = chosen.max_iter
    max_iter = check_scalar(max_iter, "max_iter", minimum=1, integer=True)
    if codes0 is not None:
        codes0 = problem.check_codes(codes0, "codes0")
    # Objectives and gaps are in nats, whatever the units of the codes.
    problem, exponent = balanced(problem)
    codes0 = None if codes0 is None else scaled(codes0, -exponent)
    found = Run(*chosen.run(problem, codes0, tol, max_iter))
    gap, objective = found.gap, found.objective
    if gap is None or objective is None:
        gap = problem.duality_gap(found.codes, refine_above=min(REFINE_ABOVE, tol))
        objective = problem.objective(found.codes)
    converged = xp.isfinite(gap) & (gap <= tol * objective)
    if found.gap is not None and not bool(xp.all(converged)):
        gap, objective = _second_look(problem, found.codes, gap, objective, ~converged, tol)
        converged = xp.isfinite(gap) & (gap <= tol * objective)
    _warn_if_missed(chosen.name, gap, objective, converged, tol)
    return Solution(scaled(found.codes, exponent), gap, converged, int(found.n_iter))


def _second_look(
    problem: MAPProblem, codes: Array, gap: Array, objective: Array, missed: Array, tol: float
) -> tuple[Array, Array]:
    """Gaps and objectives with those of the samples that missed the tolerance measured by the problem.

    At a high signal-to-noise ratio a solver's own gap holds rounding, which a second dual point is free of.
    """
    part = replace(problem, X=problem.X[missed])
    own = part.duality_gap(codes[missed], refine_above=min(REFINE_ABOVE, tol))
    xp = namespace(gap)
    before = xp.where(xp.isnan(gap[missed] + objective[missed]), xp.inf, gap[missed])
    smaller = own < before
    gap[missed] = xp.where(smaller, own, before)
    objective[missed] = xp.where(smaller, part.objective(codes[missed]), objective[missed])
    return gap, objective


def _warn_if_missed(name: str, gap: Any, objective: Any, converged: Any, tol: float) -> None:
    xp = namespace(gap)
    missed = ~converged
    count = int(xp.sum(xp.astype(missed, xp.int64)))
    if count == 0:
        return
    with np.errstate(all="ignore"):
        bad = gap[missed] / objective[missed]
    worst = float(xp.max(xp.where(xp.isnan(bad), xp.inf, bad)))
    warnings.warn(
        f"{name}: {count} of {converged.shape[0]} samples missed the relative duality gap "
        f"{tol:.1e}; the worst has {worst:.1e}. Allow more iterations, a larger tol, or float64.",
        ConvergenceWarning,
        stacklevel=3,
    )
