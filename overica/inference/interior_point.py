"""The reference solver: cvxpy and Clarabel's interior point, then rounding to the support."""

from __future__ import annotations

import contextlib
import warnings
from typing import TYPE_CHECKING, Any

import array_api_compat
import numpy as np

from overica._validation import Array, as_numpy, namespace
from overica.inference.certificate import certify
from overica.inference.newton import newton_step
from overica.inference.problem import MAPProblem
from overica.inference.restricted import restricted_solve
from overica.inference.solver import Solver
from overica.inference.standard_form import StandardForm

if TYPE_CHECKING:
    import cvxpy

_CHUNK = 2000
"""Unknowns per cvxpy problem: enough to share its set-up, few enough to factorise cheaply."""

_SUPPORT_THRESHOLDS = (1e-3, 1e-5, 1e-7)
"""Fractions of the largest code below which a noiseless code may be meant as zero."""

_NEWTON_STEPS = 5
"""More than enough from where an interior point ends."""

_TIGHT = {"tol_gap_abs": 1e-12, "tol_gap_rel": 1e-12, "tol_feas": 1e-12}
_ATTEMPTS: tuple[dict[str, Any], ...] = (
    _TIGHT,
    {**_TIGHT, "equilibrate_enable": False},
    {"max_step_fraction": 0.9},
)
"""Clarabel's settings in the order tried; on exponential cones any of them may be what works."""


class InteriorPoint(Solver):
    """Interior-point solutions of a few samples at a time, for every prior with a cvxpy expression.

    An interior point never reaches a code of exactly zero. So its answer takes one proximal
    gradient step, which sets zeros, and Newton steps on the support that leaves; each is kept
    where it lowers the gap.

    Without noise the constraint ``A s = x`` takes the place of the likelihood: basis pursuit, for
    the Laplace prior. A sample that has no solution gets codes with a small residual, an infinite
    gap and a warning.

    References
    ----------
    P. J. Goulart and Y. Chen, "Clarabel: an interior-point solver for conic programs with
    quadratic objectives" (2024). S. Diamond and S. Boyd, "CVXPY", J. Machine Learning Research 17,
    1-5 (2016).

    Examples
    --------
    >>> import numpy as np
    >>> from overica.inference import MAPProblem, solve
    >>> A = np.array([[1.0, 0.6, 0.0], [0.0, 0.8, 1.0]])
    >>> noiseless = MAPProblem(A, np.array([[3.0, 4.0]]), "laplace", noise_variance=0.0)
    >>> solve(noiseless, "interior_point").codes.round(6) + 0.0
    array([[0., 5., 0.]])
    """

    name = "interior_point"
    max_iter = 200

    def supports(self, problem: MAPProblem) -> str | None:
        """Everything."""
        return None

    def run(
        self, problem: MAPProblem, codes0: Array | None, tol: float, max_iter: int
    ) -> tuple[Array, int]:
        """See `Solver.run`; an interior point has no use for `codes0`."""
        twin = MAPProblem(
            as_numpy(problem.mixing), as_numpy(problem.X), problem.prior, problem.noise_variance
        )
        form = twin.standard_form()
        per_chunk = max(1, _CHUNK // sum(form.B.shape))
        # Samples of like size share a problem, because its stopping test is on their sum.
        order = np.argsort(np.sum(form.Y**2, axis=1), kind="stable")
        S, n_iter = np.zeros_like(form.S), 0
        for start in range(0, len(order), per_chunk):
            rows = order[start : start + per_chunk]
            part = form.take(rows)
            found, steps = _solve_chunk(part, max_iter)
            S[rows] = _round(part.at(found))
            n_iter = max(n_iter, steps)
        gap = certify(form.at(S))
        missed = ~np.isfinite(gap) | (gap > tol * form.at(S).objective())
        for row in np.flatnonzero(missed):
            part = form.take(slice(row, row + 1))
            found, steps = _solve_chunk(part, max_iter)
            S[row] = _better(part.at(S[row : row + 1]), _round(part.at(found)))
            n_iter = max(n_iter, steps)
        codes = S * np.asarray(problem.prior.scale)
        xp = namespace(problem.X)
        device = array_api_compat.device(problem.X)
        return xp.asarray(codes, dtype=problem.dtype, device=device), n_iter


def _solve_chunk(form: StandardForm, max_iter: int) -> tuple[np.ndarray, int]:
    """Codes of the samples of `form`, or the mode if the solver finds none; its iterations."""
    import cvxpy

    unit = np.ones((len(form.Y), 1))
    if form.noiseless and form.prior.l1_weights() is not None:
        # An l1 cost is homogeneous: without noise a sample can be solved at length one.
        unit = np.max(np.abs(form.Y), axis=1, keepdims=True)
        unit[unit == 0] = 1.0
    Y = (form.Y / unit).T
    codes = cvxpy.Variable(form.S.T.shape, nonneg=form.prior.nonnegative)
    cost, residual = form.prior.cvxpy_cost(codes), Y - form.B @ codes
    if form.noiseless:
        model = cvxpy.Problem(cvxpy.Minimize(cost), [residual == 0])
    else:
        model = cvxpy.Problem(cvxpy.Minimize(cost + cvxpy.sum_squares(residual) / 2))
    solved, n_iter = _call(model, max_iter)
    if not solved and form.noiseless:
        # Rounding can push x just out of the non-negative cone of A's columns. Then the nearest
        # there is, well inside what counts as feasible.
        slack = form.eps**0.5 / 256 * max(float(np.max(np.abs(Y))), 1e-300)
        near = cvxpy.sum_squares(residual / slack) / 2
        solved, n_iter = _call(cvxpy.Problem(cvxpy.Minimize(cost + near)), max_iter)
    if not solved or codes.value is None:
        return np.zeros_like(form.S) + form.prior.mode(), n_iter
    S = codes.value.T * unit
    return np.maximum(S, 0) if form.prior.nonnegative else S, n_iter


def _call(model: cvxpy.Problem, max_iter: int) -> tuple[bool, int]:
    """Try Clarabel's settings in turn; whether one gave an answer, and its iterations."""
    import cvxpy

    for settings in _ATTEMPTS:
        with contextlib.suppress(cvxpy.SolverError), warnings.catch_warnings():
            # The duality gap decides how accurate a solution is, not the solver's word.
            warnings.filterwarnings("ignore", "Solution may be inaccurate", UserWarning)
            model.solve(solver=cvxpy.CLARABEL, max_iter=max_iter, **settings)
            if model.status in cvxpy.settings.SOLUTION_PRESENT:
                return True, int(model.solver_stats.num_iters or 0)
            if model.status in cvxpy.settings.INF_OR_UNB:
                break
    return False, max_iter


def _round(form: StandardForm) -> np.ndarray:
    """The interior point's codes with exact zeros and exact values, where that helps."""
    if form.noiseless:
        return _round_noiseless(form)
    step = 1 / (float(np.linalg.norm(form.B, 2)) ** 2 or 1.0)
    polished = form
    for _ in range(_NEWTON_STEPS):
        polished = newton_step(polished, step)
    return _better(form, polished.S)


def _round_noiseless(form: StandardForm) -> np.ndarray:
    best = _better(form, np.zeros_like(form.S))
    if form.prior.l1_weights() is None:
        S = form.S + form.R @ np.linalg.pinv(form.B).T
        return _better(form.at(best), np.maximum(S, 0) if form.prior.nonnegative else S)
    for threshold in _SUPPORT_THRESHOLDS:
        size = np.abs(form.S)
        mask = size > threshold * np.max(size, axis=1, keepdims=True)
        mask &= np.sum(mask, axis=1, keepdims=True) <= form.B.shape[0]
        S = np.where(mask, form.S, 0)
        for _ in range(2):
            S = S + restricted_solve(form.B, form.at(S).R @ form.B, mask)
        best = _better(form.at(best), np.maximum(S, 0) if form.prior.nonnegative else S)
    return best


def _better(form: StandardForm, S: np.ndarray) -> np.ndarray:
    """Per sample the codes S, unless those of `form` have a clearly smaller gap."""
    there = form.at(S)
    gap_there = certify(there)
    keep = (gap_there <= certify(form)) | (gap_there <= 1e-10 * there.objective())
    return np.where((keep & np.isfinite(gap_there))[:, None], S, form.S)
