"""The MAP problem: its objective, its duality gap, and what it refuses."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from overica.inference import MAPProblem, solve
from overica.priors import PRIORS, Laplace


def draw(prior="laplace", shape=(4, 7), n_samples=12, noise=0.2, seed=0, scale=1.0):
    """A problem whose samples come from its own model."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal(shape) / np.sqrt(shape[0])
    p = PRIORS[prior](scale)
    X = p.sample((n_samples, shape[1]), rng) @ A.T
    X += noise * rng.standard_normal(X.shape)
    return MAPProblem(A, X, p, noise**2)


@pytest.mark.parametrize("name", PRIORS)
def test_objective_is_the_log_posterior(name):
    """Up to a constant, F = -log p(x|s) - log p(s)."""
    problem = draw(name, scale=np.linspace(0.5, 2, 7))
    rng = np.random.default_rng(1)
    codes = problem.prior.sample((12, 7), rng)
    R = problem.X - codes @ problem.mixing.T
    posterior = np.sum(R**2, 1) / (2 * 0.04) - np.sum(problem.prior.log_density(codes), 1)
    constant = np.sum(problem.prior.log_normaliser())
    np.testing.assert_allclose(problem.objective(codes), posterior - constant, rtol=1e-12)
    np.testing.assert_allclose(problem.residual(codes), R, atol=1e-14)


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(list(PRIORS)),
    shape=st.sampled_from([(2, 4), (3, 3), (5, 2)]),
    seed=st.integers(0, 10**6),
    spread=st.sampled_from([1e-6, 1e-2, 1.0, 30.0]),
)
def test_gap_bounds_the_suboptimality(name, shape, seed, spread):
    """At random codes near and far, F - F* <= gap."""
    problem = draw(name, shape, 6, seed=seed, scale=np.linspace(0.5, 2, shape[1]))
    best = solve(problem, "fista")
    rng = np.random.default_rng(seed)
    codes = best.codes + spread * rng.standard_normal(best.codes.shape)
    codes = np.where(rng.random(codes.shape) < 0.4, best.codes, codes)
    codes = np.abs(codes) if problem.prior.nonnegative else codes
    excess = problem.objective(codes) - problem.objective(best.codes)
    assert np.all(problem.duality_gap(codes) >= excess - 1e-12 * problem.objective(codes))
    assert np.all(excess >= -best.gap - 1e-13 * problem.objective(codes))


def test_gap_against_the_dual_function_itself():
    """The gap is F - D at the rescaled residual, D written out as in the books."""
    problem = draw(scale=2.0)
    codes = np.random.default_rng(0).standard_normal((12, 7))
    R = problem.X - codes @ problem.mixing.T
    U = R / 0.04
    U /= np.maximum(1, np.max(np.abs(U @ problem.mixing), 1, keepdims=True) * 2.0)
    dual = np.sum(U * problem.X, 1) - 0.04 * np.sum(U**2, 1) / 2
    # All seven sources are active, more than features: only the plain dual point applies.
    np.testing.assert_allclose(
        problem.duality_gap(codes), problem.objective(codes) - dual, rtol=1e-10
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("unit", [1e-30, 1e-8, 1e8, 1e30])
@pytest.mark.parametrize("name", PRIORS)
def test_units_change_nothing(name, unit, dtype):
    """F and the gap are pure numbers: other units of the data leave them as they are."""
    base = draw(name)
    codes = np.abs(np.random.default_rng(1).standard_normal((12, 7))) / 3
    other = MAPProblem(
        base.mixing.astype(dtype), (base.X * unit).astype(dtype),
        base.prior.with_scale(unit), base.noise_variance * unit**2,
    )  # fmt: skip
    scaled = (codes * unit).astype(dtype)
    tolerance = 1e-9 if dtype is np.float64 else 2e-4
    np.testing.assert_allclose(other.objective(scaled), base.objective(codes), rtol=tolerance)
    np.testing.assert_allclose(other.duality_gap(scaled), base.duality_gap(codes), rtol=tolerance)


def test_large_samples_do_not_make_nan():
    problem = MAPProblem(
        np.eye(2, dtype=np.float32), np.full((1, 2), 3e38, np.float32), "laplace", 1.0
    )
    gap = problem.duality_gap(np.zeros((1, 2), np.float32))
    assert gap[0] > 1e70
    assert np.isfinite(gap[0])


def test_float32_codes_are_certified_at_high_signal_to_noise():
    """Rounding the codes moves the residual a lot; the second dual point does not mind."""
    problem = draw(noise=1e-3, shape=(6, 10))
    exact = solve(problem, "fista").codes
    A, X = problem.mixing.astype(np.float32), problem.X.astype(np.float32)
    rounded = MAPProblem(A, X, "laplace", problem.noise_variance)
    exact = solve(MAPProblem(A.astype(float), X.astype(float), "laplace", 1e-6), "fista").codes
    codes = exact.astype(np.float32)
    assert np.all(rounded.duality_gap(codes) <= 1e-5 * rounded.objective(codes))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_codes_that_are_not_numbers_have_no_certificate(bad):
    problem = draw()
    codes = np.zeros((12, 7))
    codes[3, 2] = bad
    gap = problem.duality_gap(codes)
    assert gap[3] == np.inf
    assert np.all(np.isfinite(np.delete(gap, 3)))


def test_codes_outside_the_support():
    problem = draw("exponential")
    codes = np.zeros((12, 7))
    codes[0, 0] = -1e-9
    assert problem.objective(codes)[0] == np.inf
    assert problem.duality_gap(codes)[0] == np.inf


def test_noiseless_gap():
    """Basis pursuit with the known answer of a basis: infeasible codes have no certificate."""
    problem = MAPProblem(np.array([[1.0, 0.6], [0.0, 0.8]]), np.array([[0.6, 0.8]]), "laplace", 0.0)
    assert problem.duality_gap(np.array([[0.0, 1.0]]))[0] < 1e-12
    assert problem.objective(np.array([[0.0, 1.0]]))[0] == pytest.approx(1.0)
    assert problem.duality_gap(np.array([[0.0, 1.01]]))[0] == np.inf
    redundant = MAPProblem(np.array([[1.0, 1.0]]), np.array([[2.0]]), Laplace([1.0, 2.0]), 0.0)
    assert redundant.duality_gap(np.array([[0.0, 2.0]]))[0] == pytest.approx(0.0, abs=1e-12)
    # Feasible, but one unit of cost above the best: the dual point must not hide it.
    assert redundant.duality_gap(np.array([[2.0, 0.0]]))[0] >= 1 - 1e-12


def test_kinds_of_input():
    X, A = np.ones((2, 3)), np.ones((3, 4))
    assert MAPProblem(A.astype(np.float16), X.astype(np.float16), "laplace", 1).dtype == np.float32
    assert MAPProblem(A.astype(int), X.astype(bool), "laplace", 1).dtype == np.float64
    assert MAPProblem(A.astype(np.float32), X, "laplace", 1).dtype == np.float64
    half = MAPProblem(torch.ones(3, 4).bfloat16(), torch.ones(2, 3).half(), "laplace", 1)
    assert half.dtype == torch.float32
    assert half.objective(torch.zeros(2, 4)).dtype == torch.float64
    np.testing.assert_allclose(MAPProblem(A, X, Laplace(2.0), 4.0).penalty, np.full(4, 2.0))
    assert MAPProblem(A, X, "smooth_laplace", 4.0).penalty is None


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"X": np.ones((5, 4))}, r"`X` must have shape \(n_samples, n_features=3\), got \(5, 4\)"),
        ({"X": np.ones(3)}, r"`X` must have shape .* got \(3,\)"),
        ({"X": np.ones((0, 3))}, "empty"),
        ({"X": np.full((2, 3), np.nan)}, "`X` must be finite, got 6 values"),
        ({"X": np.full((2, 3), 1j)}, "`X` must hold real numbers"),
        ({"X": [["a", "b", "c"]]}, "`X` must hold real numbers"),
        ({"X": torch.ones(2, 3)}, "`mixing` and `X` must be of the same array library"),
        ({"mixing": np.full((3, 4), np.inf)}, "`mixing` must be finite"),
        ({"mixing": np.ones(3)}, "`mixing` must have shape"),
        ({"noise_variance": -1e-9}, "`noise_variance` must be a finite number >= 0, got -1e-09"),
        ({"noise_variance": np.nan}, "`noise_variance`"),
        ({"noise_variance": "low"}, "`noise_variance`"),
        ({"prior": Laplace(np.ones(3))}, r"n_components=4.*got \(3,\)"),
        ({"prior": "cauchy"}, "'laplace', 'exponential', 'smooth_laplace'"),
    ],
)
def test_refusals_name_the_argument(changed, message):
    arguments = {"mixing": np.ones((3, 4)), "X": np.ones((2, 3)), "prior": "laplace"}
    arguments |= {"noise_variance": 1.0}
    with pytest.raises(ValueError, match=message):
        MAPProblem(**(arguments | changed))


def test_codes_are_checked():
    problem = draw()
    with pytest.raises(
        ValueError, match=r"`codes` must have shape .*n_components=7.* got \(12, 4\)"
    ):
        problem.objective(np.zeros((12, 4)))
    with pytest.raises(ValueError, match="`codes` and `X`"):
        problem.duality_gap(torch.zeros(12, 7))
