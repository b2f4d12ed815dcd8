"""What every solver owes: a solver added to `SOLVERS` is tested by being there."""

import warnings

import cvxpy
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning

from overica.inference import SOLVERS, MAPProblem, Solver, solve
from overica.priors import PRIORS, Laplace, Prior, SmoothLaplace, check_prior
from overica.priors.base import namespace

SHAPES = [(5, 3), (4, 4), (3, 6), (8, 20)]


class Logistic(Prior):
    """A user's own prior, of nothing but the five methods that are asked for."""

    def cost(self, S):
        Z, xp = abs(S) / self.scale_like(S), namespace(S)
        return Z + 2 * xp.log1p(xp.exp(-Z)) - 2 * np.log(2)

    def score(self, S):
        theta, xp = self.scale_like(S), namespace(S)
        return -xp.tanh(S / theta / 2) / theta

    def log_normaliser(self):
        return np.log(4 * np.asarray(self.scale))

    def sample(self, size, rng):
        return rng.logistic(scale=self.scale, size=size)

    def cvxpy_cost(self, s):
        Z = cvxpy.multiply(1 / self.scale_for(s), s)
        return cvxpy.sum(2 * cvxpy.logistic(Z) - Z - 2 * np.log(2))


def draw(prior, shape, n_samples=8, noise=0.2, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal(shape) / np.sqrt(shape[0])
    X = prior.sample((n_samples, shape[1]), rng) @ A.T
    X += noise * rng.standard_normal(X.shape)
    return MAPProblem(A.astype(dtype), X.astype(dtype), prior, noise**2)


def able(problem):
    return [name for name, kind in SOLVERS.items() if kind().supports(problem) is None]


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    shape=st.sampled_from(SHAPES),
    noise=st.sampled_from([0.02, 0.2, 1.0]),
    per_source=st.booleans(),
)
@pytest.mark.parametrize("kind", [*PRIORS.values(), Logistic])
def test_solvers_agree(kind, seed, shape, noise, per_source):
    """All reach the same objective; each says truthfully how near it is."""
    scale = np.random.default_rng(seed).uniform(0.3, 3, shape[1]) if per_source else 1.0
    problem = draw(kind(scale), shape, 3, noise, seed)
    solutions = {name: solve(problem, name) for name in able(problem)}
    assert len(solutions) >= 2
    objectives = np.stack([problem.objective(s.codes) for s in solutions.values()])
    lowest = np.min(objectives, axis=0)
    assert np.all(objectives - lowest <= 1e-6 * lowest)
    for solution in solutions.values():
        assert np.all(solution.converged)
        assert np.all(solution.gap <= 1e-9 * problem.objective(solution.codes))


def test_a_users_prior_keeps_the_laws():
    check_prior(Logistic(0.7))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", PRIORS)
def test_one_or_many(solver, name):
    """A sample's codes do not depend on the batch it was solved in."""
    problem = draw(PRIORS[name](), (6, 12), 9)
    if SOLVERS[solver]().supports(problem) is not None:
        pytest.skip(SOLVERS[solver]().supports(problem))
    together = solve(problem, solver).codes
    for row in range(problem.n_samples):
        one = MAPProblem(problem.mixing, problem.X[row : row + 1], problem.prior, 0.04)
        alone = solve(one, solver).codes[0]
        np.testing.assert_allclose(alone, together[row], atol=1e-6 if name[0] == "s" else 1e-9)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", PRIORS)
def test_precisions_and_libraries(solver, name):
    problem = draw(PRIORS[name](), (6, 10))
    if SOLVERS[solver]().supports(problem) is not None:
        pytest.skip(SOLVERS[solver]().supports(problem))
    double = solve(problem, solver).codes
    assert double.dtype == np.float64
    A, X = problem.mixing.astype(np.float32), problem.X.astype(np.float32)
    single = solve(MAPProblem(A, X, name, 0.04), solver)
    assert single.codes.dtype == np.float32
    assert single.gap.dtype == np.float64
    assert np.all(single.converged)
    np.testing.assert_allclose(
        problem.objective(single.codes), problem.objective(double), rtol=1e-4
    )
    tensors = MAPProblem(torch.from_numpy(A), torch.from_numpy(X), name, 0.04)
    solution = solve(tensors, solver)
    assert isinstance(solution.codes, torch.Tensor)
    assert solution.codes.dtype == torch.float32
    assert solution.codes.device == tensors.X.device
    assert isinstance(solution.gap, torch.Tensor)
    np.testing.assert_allclose(solution.codes.numpy(), single.codes, atol=2e-3)


@pytest.mark.parametrize("solver", SOLVERS)
def test_nothing_comes_of_nothing(solver):
    """Samples of zero, and samples too weak to pay for any source, have zero codes exactly."""
    problem = MAPProblem(np.eye(3), np.array([[0.0, 0, 0], [0.5, -0.9, 0.1]]), "laplace", 1.0)
    solution = solve(problem, solver)
    np.testing.assert_array_equal(solution.codes, np.zeros((2, 3)))
    np.testing.assert_array_equal(solution.gap, [0.0, 0.0])
    assert np.all(solution.converged)


@pytest.mark.parametrize("solver", SOLVERS)
def test_columns_of_zero_and_columns_twice(solver):
    A = np.array([[1.0, 1.0, 0.0, 0.5], [0.0, 0.0, 0.0, 0.5]])
    problem = MAPProblem(A, np.array([[3.0, 1.0], [-2.0, 0.3]]), "laplace", 0.1)
    solution = solve(problem, solver)
    assert np.all(solution.converged)
    np.testing.assert_array_equal(solution.codes[:, 2], 0.0)


@pytest.mark.parametrize("solver", SOLVERS)
def test_inputs_are_left_alone(solver):
    problem = draw(Laplace(), (4, 6))
    A, X = problem.mixing.copy(), problem.X.copy()
    start = np.ones((8, 6))
    problem.mixing.flags.writeable = problem.X.flags.writeable = start.flags.writeable = False
    solution = solve(problem, solver, start)
    np.testing.assert_array_equal(problem.mixing, A)
    np.testing.assert_array_equal(problem.X, X)
    np.testing.assert_array_equal(start, 1.0)
    np.testing.assert_allclose(solution.codes, solve(problem, solver).codes, atol=1e-8)


class Lazy(Solver):
    """Gives up at once on odd samples."""

    name = "lazy"
    max_iter = 1

    def supports(self, problem):
        return None

    def run(self, problem, codes0, tol, max_iter):
        codes = solve(problem, "fista").codes.copy()
        codes[1::2] = 0.0
        return codes, max_iter


def test_a_missed_gap_is_never_silent():
    problem = draw(Laplace(), (3, 5), noise=0.05)
    with pytest.warns(ConvergenceWarning, match=r"lazy: 4 of 8 samples .* the worst has \d"):
        solution = solve(problem, Lazy())
    np.testing.assert_array_equal(solution.converged, [True, False] * 4)
    assert solution.n_iter == 1


def test_a_hopeless_sample_is_not_converged():
    """Without noise and with x outside the range of A the gap is infinite."""
    problem = MAPProblem(
        np.array([[1.0], [0.0]]), np.array([[1.0, 1.0], [2.0, 0.0]]), "laplace", 0.0
    )
    with pytest.warns(ConvergenceWarning, match="1 of 2 samples .* worst has inf"):
        solution = solve(problem)
    np.testing.assert_array_equal(solution.converged, [False, True])


def test_keyboard_interrupts_pass():
    class Interrupted(Lazy):
        def run(self, problem, codes0, tol, max_iter):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        solve(draw(Laplace(), (3, 5)), Interrupted())


def test_auto_takes_what_can_do_it():
    for prior, noise in [("laplace", 0.1), ("smooth_laplace", 0.1), ("laplace", 0.0)]:
        problem = MAPProblem(np.eye(2), np.array([[3.0, 0.2]]), prior, noise)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert np.all(solve(problem).converged)


def test_refusals():
    problem = draw(Laplace(), (3, 5))
    with pytest.raises(ValueError, match=r"'auto', .*'fista', 'interior_point'"):
        solve(problem, "newton")
    with pytest.raises(ValueError, match="`problem` must be a MAPProblem, got ndarray"):
        solve(np.ones(3))
    with pytest.raises(ValueError, match=r"`codes0` must have shape .* got \(2, 5\)"):
        solve(problem, codes0=np.zeros((2, 5)))
    with pytest.raises(ValueError, match="`codes0` must be finite"):
        solve(problem, codes0=np.full((8, 5), np.nan))
    for tol in (0.0, -1.0, np.nan):
        with pytest.raises(ValueError, match="`tol`"):
            solve(problem, tol=tol)
    for max_iter in (0, 1.5, True):
        with pytest.raises(ValueError, match="`max_iter`"):
            solve(problem, max_iter=max_iter)
    noiseless = MAPProblem(problem.mixing, problem.X, "laplace", 0.0)
    with pytest.raises(
        ValueError, match="'fista' cannot do this problem: it needs noise_variance > 0"
    ):
        solve(noiseless, "fista")


def test_sharpness_approaches_the_lasso():
    """The smooth prior's codes tend to the Laplace prior's as its sharpness grows."""
    problem = draw(Laplace(), (4, 4))
    lasso = solve(problem, "fista").codes
    distance = [
        np.max(np.abs(solve(MAPProblem(problem.mixing, problem.X, p, 0.04)).codes - lasso))
        for p in (SmoothLaplace(sharpness=10.0), SmoothLaplace(sharpness=1000.0))
    ]
    assert distance[1] < 0.1 * distance[0]
