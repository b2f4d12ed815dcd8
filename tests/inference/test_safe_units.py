"""Problems of any size: an answer, or a ValueError that names the argument; and units do not matter."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from overica.inference import MAPProblem, solve
from overica.inference.safe_units import balanced, scaled
from overica.priors import PRIORS

# Codes at a signal-to-noise ratio beyond the digits of the dtype cannot be certified.
pytestmark = pytest.mark.filterwarnings("ignore:.*missed the relative duality gap")

RNG = np.random.default_rng(0)
SHAPES = [(1, 3), (2, 3), (3, 5)]
A = {shape: RNG.standard_normal(shape) for shape in SHAPES}
X = {shape: RNG.standard_normal((4, shape[0])) for shape in SHAPES}
NAMES = ("`X`", "`mixing`", "`noise_variance`", "the scale of `prior`")


def sized(array, exponents, dtype):
    """Columns times powers of ten, as large as the dtype holds."""
    top = np.log10(np.finfo(dtype).max) - 2
    return (array * 10.0 ** np.clip(exponents, -top, top)).astype(dtype)


@pytest.mark.parametrize("solver", ["active_set", "working_set", "fista"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(
    shape=st.sampled_from(SHAPES),
    prior=st.sampled_from(sorted(PRIORS)),
    exponents=st.tuples(*[st.integers(-300, 300)] * 4),
    spread=st.lists(st.sampled_from([0, 0, -5, -60, -120, -200]), min_size=5, max_size=5),
)
@settings(max_examples=60)
def test_codes_are_finite_or_an_argument_is_refused(solver, dtype, shape, prior, exponents, spread):
    assume(not (solver in ("active_set", "working_set") and prior == "smooth_laplace"))
    mixing, samples, noise, scale = exponents
    spread = np.array(spread[: shape[1]])
    kind = PRIORS[prior](10.0 ** (scale / 4))
    try:
        problem = MAPProblem(
            sized(A[shape], mixing + spread, dtype), sized(X[shape], samples, dtype), kind, 10.0**noise
        )  # fmt: skip
        solution = solve(problem, solver, max_iter=50)
    except ValueError as error:
        refused = str(error)
    else:
        assert np.isfinite(solution.codes).all()
        assert not np.isnan(solution.gap).any()
        return
    assert refused.startswith(NAMES)
    # Nothing of a usual size is refused.
    assert np.abs([*exponents, *spread]).max() > (5 if dtype == np.float32 else 30)


@pytest.mark.parametrize("solver", ["active_set", "working_set", "fista", "interior_point"])
@pytest.mark.parametrize("a", [-400, 0, 300])
@pytest.mark.parametrize("b", [-350, 200])
def test_units_do_not_matter(solver, a, b):
    shape = (2, 3)
    problem = MAPProblem(A[shape], X[shape], "laplace", 0.1)
    other = MAPProblem(
        A[shape] * 2.0**a, X[shape] * 2.0**b, problem.prior.with_scale(2.0 ** (b - a)), 0.1 * 4.0**b
    )
    known, found = solve(problem, solver), solve(other, solver)
    np.testing.assert_allclose(found.codes / 2.0 ** (b - a), known.codes, rtol=1e-9, atol=1e-12)
    assert found.converged.all()


def test_a_usual_problem_stays_as_it_is():
    problem = MAPProblem(A[2, 3], X[2, 3], "laplace", 0.1)
    same, exponent = balanced(problem)
    assert same is problem
    assert exponent == 0
    assert scaled(problem.X, 0) is problem.X


@pytest.mark.parametrize("solver", ["active_set", "working_set", "fista", "interior_point"])
@pytest.mark.parametrize("rows", [1, 3])
def test_reversed_and_strided_views(solver, rows):
    mixing, samples = RNG.standard_normal((2 * rows, 6)), RNG.standard_normal((8, 2 * rows))
    for view in (np.s_[::-1], np.s_[::2], np.s_[::-2]):
        M, Y = mixing[view, ::-1], samples[::-1, view]
        found = solve(MAPProblem(M, Y, "laplace", 0.1), solver)
        copied = solve(MAPProblem(M.copy(), Y.copy(), "laplace", 0.1), solver)
        np.testing.assert_allclose(found.codes, copied.codes, atol=1e-12)


def test_samples_far_below_the_noise_have_no_codes():
    for size, shape in itertools.product((0.0, 5e-324, 1e-200), SHAPES):
        for mixing in (A[shape], 1e-150 * A[shape]):
            solution = solve(MAPProblem(mixing, size * X[shape], "laplace", 1.0))
            assert (solution.codes == 0).all()
            assert solution.converged.all()
