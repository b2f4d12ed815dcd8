"""The reference solver: cvxpy's modelling and Clarabel's interior point, then rounding to the exact support."""

from __future__ import annotations

import contextlib
import warnings
from typing import Any

import array_api_compat
import cvxpy
import numpy as np

from overica._validation import Array, namespace
from overica.inference.certificate import certify
from overica.inference.newton import newton_step
from overica.inference.problem import MAPProblem
from overica.inference.restricted import restricted_solve
from overica.inference.solver import Solver
from overica.inference.standard_form import StandardForm

_CHUNK = 2000
"""Unknowns per cvxpy problem: enough to share its set-up, few enough that its factorisations stay cheap."""

_SUPPORT_THRESHOLDS = (1e-3, 1e-5, 1e-7)
"""Fractions of the largest code below which, without noise, a code may be the interior point's zero."""

_NEWTON_STEPS = 5
"""More than enough from where an interior point ends."""

_TIGHT = {"tol_gap_abs": 1e-12, "tol_gap_rel": 1e-12, "tol_feas": 1e-12}
_ATTEMPTS: tuple[dict[str, Any], ...] = (
    _TIGHT,
    {**_TIGHT, "equilibrate_enable": False},
    {"max_step_fraction": 0.9},
)
"""Settings of Clarabel in the order tried: on exponential cones either of the later two can be what works."""


class InteriorPoint(Solver):
    """Interior-point solutions of a few samples at a time, for every prior with a cvxpy expression.

    An interior point never reaches a code of exactly zero. So its answer takes one proximal gradient step,
    which sets zeros, and Newton steps on the support that leaves; each is kept where it lowers the gap.

    Without noise the constraint ``A s = x`` takes the place of the likelihood: basis pursuit, for the Laplace
    prior. A sample that has no solution gets NaN codes, an infinite gap and a warning.

    References
    ----------
    P. J. Goulart and Y. Chen, "Clarabel: an interior-point solver for conic programs with quadratic
    objectives" (2024). S. Diamond and S. Boyd, "CVXPY", J. Machine Learning Research 17, 1-5 (2016).

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
            _to_numpy(problem.mixing), _to_numpy(problem.X), problem.prior, problem.noise_variance
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
        settled = form.at(S)
        for row in np.flatnonzero(~(certify(settled) <= tol * settled.objective())):
            part = form.take(slice(row, row + 1))
            found, steps = _solve_chunk(part, max_iter)
            S[row] = _better(part.at(S[row : row + 1]), _round(part.at(found)))
            n_iter = max(n_iter, steps)
        codes = S * np.asarray(problem.prior.scale)
        xp = namespace(problem.X)
        device = array_api_compat.device(problem.X)
        return xp.asarray(codes, dtype=problem.dtype, device=device), n_iter


def _to_numpy(array: Array) -> np.ndarray:
    return array.cpu().numpy() if array_api_compat.is_torch_array(array) else array


def _solve_chunk(form: StandardForm, max_iter: int) -> tuple[np.ndarray, int]:
    """Codes of the samples of `form`, NaN where the solver found none, and its iterations."""
    n_samples, n_components = form.S.shape
    # An l1 cost is homogeneous: without noise a sample can be solved at length one.
    unit = np.ones((n_samples, 1))
    if form.noiseless and form.prior.l1_weights() is not None:
        unit = np.max(np.abs(form.Y), axis=1, keepdims=True)
        unit[unit == 0] = 1.0
    codes = cvxpy.Variable((n_components, n_samples), nonneg=form.prior.nonnegative)
    Y = (form.Y / unit).T
    objective = form.prior.cvxpy_cost(codes)
    constraints = []
    if form.noiseless:
        constraints = [form.B @ codes == Y]
    else:
        objective = objective + cvxpy.sum_squares(Y - form.B @ codes) / 2
    model = cvxpy.Problem(cvxpy.Minimize(objective), constraints)
    for settings in _ATTEMPTS:
        with contextlib.suppress(cvxpy.SolverError), warnings.catch_warnings():
            # The duality gap decides how accurate a solution is, not the solver's word.
            warnings.filterwarnings("ignore", "Solution may be inaccurate", UserWarning)
            model.solve(solver=cvxpy.CLARABEL, max_iter=max_iter, **settings)
        if codes.value is not None or model.status in cvxpy.settings.INF_OR_UNB:
            break
    if codes.value is None:
        return np.full_like(form.S, np.nan), max_iter
    S: Any = codes.value.T * unit
    if form.prior.nonnegative:
        S = np.maximum(S, 0)
    return S, int(model.solver_stats.num_iters or 0)


def _round(form: StandardForm) -> np.ndarray:
    """The interior point's codes with exact zeros, and exact values on the support, where that helps."""
    if not np.all(np.isfinite(form.S)):
        return form.S
    if form.noiseless:
        return _round_noiseless(form)
    step = 1 / (np.linalg.norm(form.B, 2) ** 2 or 1.0)
    polished = form
    for _ in range(_NEWTON_STEPS):
        polished = newton_step(polished, step)
    return _better(form, polished.S)


def _round_noiseless(form: StandardForm) -> np.ndarray:
    best = form.S
    if form.prior.l1_weights() is None:
        S = form.S + form.R @ np.linalg.pinv(form.B).T
        return _better(form, np.maximum(S, 0) if form.prior.nonnegative else S)
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
    """Per sample, the codes of `form` or those given, whichever have the smaller gap."""
    return np.where((certify(form.at(S)) < certify(form))[:, None], S, form.S)
