"""The active-set solver behind the solver interface."""

import numpy as np
import pytest
import torch

from overica.inference import MAPProblem, solve
from overica.inference.active_set import ActiveSet
from overica.priors import Exponential, Laplace, SmoothLaplace


def problem(prior, dtype=np.float64, noise_variance=0.05):
    rng = np.random.default_rng(0)
    A = rng.standard_normal((6, 10)).astype(dtype)
    X = rng.standard_normal((50, 6)).astype(dtype)
    return MAPProblem(A, X, prior, noise_variance=noise_variance)


@pytest.mark.parametrize("kind", [Laplace, Exponential])
@pytest.mark.parametrize("scale", [0.7, np.geomspace(0.1, 10.0, 10)])
def test_codes_are_certified_with_any_scales(kind, scale):
    solution = solve(problem(kind(scale)), ActiveSet())
    assert bool(solution.converged.all())
    assert solution.n_iter > 0


@pytest.mark.parametrize("kind", [Laplace, Exponential])
def test_agrees_with_another_solver(kind):
    case = problem(kind(np.geomspace(0.5, 2.0, 10)))
    np.testing.assert_allclose(
        solve(case, ActiveSet()).codes, solve(case, "fista").codes, atol=1e-5
    )


def test_warm_start_from_the_solution_keeps_it():
    case = problem(Laplace(np.geomspace(0.5, 2.0, 10)))
    cold = solve(case, ActiveSet())
    warm = solve(case, ActiveSet(), cold.codes)
    np.testing.assert_allclose(warm.codes, cold.codes, atol=1e-12)
    assert warm.n_iter < cold.n_iter


def test_finitely_many_steps_are_all_taken_whatever_the_iteration_limit():
    case = problem(Laplace())
    limited = solve(case, ActiveSet(), max_iter=1)
    assert limited.n_iter > 1
    assert bool(limited.converged.all())
    np.testing.assert_array_equal(limited.codes, solve(case, ActiveSet()).codes)


def test_float32_stays_float32():
    solution = solve(problem(Laplace(), np.float32), ActiveSet())
    assert solution.codes.dtype == np.float32
    assert bool(solution.converged.all())


def test_torch_in_torch_out():
    case = problem(Laplace())
    twin = MAPProblem(
        torch.from_numpy(case.mixing), torch.from_numpy(case.X), Laplace(), noise_variance=0.05
    )
    codes = solve(twin, ActiveSet()).codes
    assert isinstance(codes, torch.Tensor)
    np.testing.assert_array_equal(codes.numpy(), solve(case, ActiveSet()).codes)


def test_says_what_it_cannot_do():
    assert "prior" in (ActiveSet().supports(problem(SmoothLaplace())) or "")
    assert "noise_variance" in (ActiveSet().supports(problem(Laplace(), noise_variance=0.0)) or "")
    assert ActiveSet().supports(problem(Exponential())) is None
