"""The reference solver, against linear programming and closed forms, with noise and without."""

import numpy as np
import pytest
from scipy.optimize import linprog
from sklearn.exceptions import ConvergenceWarning

from overica.inference import MAPProblem, solve
from overica.priors import PRIORS, Exponential, Laplace, SmoothLaplace


def noiseless_in(A, X, prior, unit):
    """The noiseless problem with samples in other units, the prior's left alone."""
    return MAPProblem(A, X * unit, prior, 0.0)


@pytest.mark.parametrize("unit", [1e-30, 1.0, 1e30])
@pytest.mark.parametrize("kind", [Laplace, Exponential])
@pytest.mark.parametrize("active", [1, 3, 6])
def test_basis_pursuit_is_the_linear_programme(kind, active, unit):
    rng = np.random.default_rng(active)
    A = rng.standard_normal((6, 10))
    theta = rng.uniform(0.5, 2, 10)
    S = np.zeros((5, 10))
    for row in S:
        row[rng.choice(10, active, replace=False)] = kind().sample(active, rng)
    X = S @ A.T
    solution = solve(noiseless_in(A, X, kind(theta), unit))
    assert np.all(solution.converged)
    for x, code in zip(X, solution.codes, strict=True):
        if kind is Laplace:
            programme = linprog(np.tile(1 / theta, 2), A_eq=np.hstack([A, -A]), b_eq=x)
        else:
            programme = linprog(1 / theta, A_eq=A, b_eq=x)
        assert np.sum(np.abs(code) / theta) / unit == pytest.approx(programme.fun, rel=1e-7)


def test_noiseless_smooth_prior_is_the_limit_of_little_noise():
    rng = np.random.default_rng(0)
    A, X = rng.standard_normal((3, 5)), rng.standard_normal((4, 3))
    prior = SmoothLaplace(sharpness=3.0)
    limit = solve(MAPProblem(A, X, prior, 0.0))
    assert np.all(limit.converged)
    np.testing.assert_allclose(limit.codes @ A.T, X, atol=1e-8)
    near = solve(MAPProblem(A, X, prior, 1e-7), "fista")
    np.testing.assert_allclose(near.codes, limit.codes, atol=1e-5)


def test_samples_of_very_different_size_share_a_batch():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((4, 6))
    X = rng.standard_normal((12, 4)) * 10.0 ** np.linspace(-3, 3, 12)[:, None]
    solution = solve(MAPProblem(A, X, "laplace", 0.01), "interior_point")
    assert np.all(solution.converged)


@pytest.mark.parametrize("name", PRIORS)
def test_wide_batches(name):
    """More samples than one cvxpy problem takes."""
    rng = np.random.default_rng(0)
    A = rng.standard_normal((3, 5))
    X = PRIORS[name]().sample((600, 5), rng) @ A.T + 0.1 * rng.standard_normal((600, 3))
    problem = MAPProblem(A, X, name, 0.01)
    solution = solve(problem, "interior_point")
    assert np.all(solution.converged)
    fista = solve(problem, "fista")
    np.testing.assert_allclose(
        problem.objective(solution.codes), problem.objective(fista.codes), rtol=1e-8
    )


def test_too_few_iterations_are_told():
    rng = np.random.default_rng(0)
    problem = MAPProblem(
        rng.standard_normal((4, 8)), rng.standard_normal((3, 4)), "smooth_laplace", 1e-4
    )
    with pytest.warns(ConvergenceWarning, match="interior_point: . of 3"):
        solution = solve(problem, "interior_point", max_iter=1)
    assert np.all(np.isfinite(solution.codes))


def test_float32_samples_just_off_the_cone():
    """Rounding x can leave no non-negative s with A s = x; the nearest is near enough."""
    rng = np.random.default_rng(0)
    A = rng.standard_normal((6, 8)).astype(np.float32)
    S = rng.exponential(size=(10, 8)) * (rng.random((10, 8)) < 0.2)
    problem = MAPProblem(A, (S @ A.T).astype(np.float32), "exponential", 0.0)
    codes = solve(problem, "interior_point", tol=1e-4).codes
    assert np.all(codes >= 0)
    np.testing.assert_allclose(codes @ A.T, problem.X, atol=1e-4)
