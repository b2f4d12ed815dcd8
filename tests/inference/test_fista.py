"""FISTA's own promises: closed forms, warm starts, frozen samples."""

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning

from overica.inference import MAPProblem, solve
from overica.inference.fista import Fista
from overica.priors import PRIORS


@pytest.mark.parametrize("name", PRIORS)
def test_orthogonal_mixing_is_one_prox(name):
    """With A'A = I the codes are prox(A'x, sigma^2)."""
    rng = np.random.default_rng(0)
    A = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    X = 3 * rng.standard_normal((20, 6))
    prior = PRIORS[name](np.linspace(0.2, 2, 6))
    codes = solve(MAPProblem(A, X, prior, 0.5), "fista", tol=1e-13).codes
    np.testing.assert_allclose(codes, prior.prox(X @ A, 0.5), atol=1e-6)


def problem_of(n_samples, noise=0.05, dtype=np.float64):
    rng = np.random.default_rng(2)
    A = rng.standard_normal((8, 16)).astype(dtype)
    S = rng.laplace(size=(n_samples, 16)) * (rng.random((n_samples, 16)) < 0.2)
    X = (S @ A.T + noise * rng.standard_normal((n_samples, 8))).astype(dtype)
    return MAPProblem(A, X, "laplace", noise**2)


def test_a_warm_start_pays():
    problem = problem_of(50)
    cold = solve(problem, "fista")
    warm = solve(problem, "fista", cold.codes)
    assert warm.n_iter <= 10 < cold.n_iter
    np.testing.assert_allclose(warm.codes, cold.codes, atol=1e-9)


def test_the_iteration_limit_is_kept_and_told():
    with pytest.warns(ConvergenceWarning, match="fista"):
        solution = solve(problem_of(50), "fista", max_iter=3)
    assert solution.n_iter == 3
    assert not np.all(solution.converged)
    assert np.all(np.isfinite(solution.codes))


def test_the_gap_reported_is_that_of_the_codes():
    problem = problem_of(50, dtype=np.float32)
    solution = solve(problem, "fista", tol=1e-3)
    assert np.all(solution.converged)
    np.testing.assert_array_equal(solution.gap, problem.duality_gap(solution.codes))


def test_looser_tolerance_takes_no_more_iterations():
    problem = problem_of(50)
    iterations = [solve(problem, "fista", tol=tol).n_iter for tol in (1e-1, 1e-4, 1e-9)]
    assert iterations == sorted(iterations)
    assert iterations[0] < iterations[-1]


def test_views_and_other_orders():
    problem = problem_of(20)
    wanted = solve(problem, "fista").codes
    A, X = np.asfortranarray(problem.mixing), np.repeat(problem.X, 2, axis=0)[::2]
    odd = MAPProblem(A[::-1][::-1], X[::-1][::-1], "laplace", problem.noise_variance)
    np.testing.assert_allclose(solve(odd, "fista").codes, wanted, atol=1e-9)


def test_no_gradients_are_recorded():
    problem = problem_of(3)
    A = torch.from_numpy(problem.mixing).requires_grad_()
    tensors = MAPProblem(A, torch.from_numpy(problem.X), "laplace", problem.noise_variance)
    assert not solve(tensors, "fista").codes.requires_grad


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda():
    problem = problem_of(200)
    on_device = MAPProblem(
        torch.from_numpy(problem.mixing).cuda(), torch.from_numpy(problem.X).cuda(), "laplace",
        problem.noise_variance,
    )  # fmt: skip
    solution = solve(on_device)
    assert solution.codes.is_cuda
    assert bool(solution.converged.all())
    np.testing.assert_allclose(
        solution.codes.cpu().numpy(), solve(problem, Fista()).codes, atol=1e-7
    )
