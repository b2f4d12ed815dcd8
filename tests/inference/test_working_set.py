"""Column generation beside the compiled active set: the same codes, honest gaps, whatever the company."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from overica.inference import MAPProblem, solve
from overica.inference.block_pivoting import pivot
from overica.inference.certified_supports import certified_supports
from overica.inference.code_supports import Supports
from overica.inference.column_generation import generate
from overica.inference.lasso import Columns, Lasso

SHAPES = [(1, 3), (2, 2), (3, 8), (8, 5), (12, 40), (40, 100)]


def problem(seed, shape, prior, penalty, dtype=np.float64, n_samples=13):
    """Samples of a few sources, with duplicate columns, one of zeros, one of another length."""
    rng = np.random.default_rng(seed)
    m, n = shape
    A = rng.standard_normal(shape)
    A[:, n // 2] = A[:, 0]
    A[:, -1] = 0
    A[:, n // 3] *= 7
    S = rng.exponential(size=(n_samples, n)) * (rng.random((n_samples, n)) < min(0.5, 4 / n))
    if prior == "laplace":
        S *= rng.choice([-1, 1], S.shape)
    X = S @ A.T + 0.1 * rng.standard_normal((n_samples, m))
    X[0] = 0
    return MAPProblem(A.astype(dtype), X.astype(dtype), prior, penalty)


def as_tensors(problem):
    return replace(problem, mixing=torch.from_numpy(problem.mixing), X=torch.from_numpy(problem.X))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("prior", ["laplace", "exponential"])
@given(
    seed=st.integers(0, 10**6),
    shape=st.sampled_from(SHAPES),
    penalty=st.floats(0.02, 5),
    warm=st.booleans(),
)
def test_the_minimum_is_that_of_the_compiled_solver(dtype, prior, seed, shape, penalty, warm):
    task = problem(seed, shape, prior, penalty, dtype)
    exact = solve(task, "active_set")
    start = solve(replace(task, noise_variance=1.3 * penalty), "active_set").codes if warm else None
    found = solve(task, "working_set", start)
    assert found.codes.dtype == dtype
    assert found.converged.all()
    lowest, value = task.objective(exact.codes), task.objective(found.codes)
    # A bound is one to rounding.
    assert (value - found.gap <= lowest + 1e-12 * (1 + lowest)).all()
    assert (value <= lowest * (1 + (1e-9 if dtype == np.float64 else 1e-5)) + exact.gap).all()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_codes_themselves_where_columns_are_independent(dtype):
    rng = np.random.default_rng(0)
    A = rng.standard_normal((60, 150)).astype(dtype)
    X = rng.standard_normal((50, 60)).astype(dtype)
    task = MAPProblem(A, X, "laplace", 8.0)
    found, exact = solve(task, "working_set"), solve(task, "active_set")
    assert 5 < (exact.codes != 0).sum(axis=1).mean() < 30
    np.testing.assert_allclose(
        found.codes, exact.codes, atol=1e-12 if dtype == np.float64 else 1e-6
    )


def test_scales_of_their_own():
    task = problem(1, (12, 40), "laplace", 0.3)
    task = replace(task, prior=task.prior.with_scale(np.linspace(0.5, 2, 40)))
    found, exact = solve(task, "working_set"), solve(task, "active_set")
    assert found.converged.all()
    np.testing.assert_allclose(task.objective(found.codes), task.objective(exact.codes), rtol=1e-8)


def test_a_sample_alone_and_in_company_and_with_little_room():
    task = as_tensors(problem(2, (40, 100), "exponential", 0.2, n_samples=40))
    # Of equal columns rounding says which has how much.
    task.mixing[:, 50] = 0
    lasso = Lasso(Columns.of(task.mixing), 0.2, True, 1e-9)
    whole = generate(lasso, task.X)
    tight = generate(lasso, task.X, room=7)
    alone = torch.cat([generate(lasso, task.X[i : i + 1]).dense() for i in range(40)])
    assert whole.gap.isfinite().all()
    torch.testing.assert_close(tight.dense(), whole.dense(), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(alone, whole.dense(), rtol=1e-9, atol=1e-9)


def test_supports_are_what_is_not_zero():
    task = as_tensors(problem(3, (12, 40), "laplace", 0.4))
    found = certified_supports(task, None, 1e-9, 10_000)
    codes = found.dense()
    assert (found.values[found.real] != 0).all()
    assert (found.real.sum(dim=1) == (codes != 0).sum(dim=1)).all()
    again = Supports.of(codes)
    assert torch.equal(again.dense(), codes)
    assert again.gap.isinf().all()


def test_more_active_columns_than_features_are_left_to_others():
    """A lasso code has as many as features at the most; a search that is told of duplicates may want more."""
    rng = np.random.default_rng(4)
    A = np.repeat(rng.standard_normal((3, 2)), 5, axis=1)
    task = MAPProblem(A, rng.standard_normal((20, 3)), "laplace", 1e-3)
    found = solve(task, "working_set")
    assert found.converged.all()


@pytest.mark.parametrize("error", [0.0, 2.0**-9, 1.0])
def test_a_gap_covers_violations_that_were_not_mended(error):
    """Off the optimum on purpose: no column at all, certified against all of them, whatever the look is off by."""
    from overica.inference.support_certificate import Look, certified

    task = as_tensors(problem(5, (40, 100), "exponential", 0.2, np.float32, n_samples=30))
    lasso = Lasso(Columns.of(task.mixing), 0.2, True, 1e-5)
    none = torch.zeros((30, 0), dtype=torch.int64)
    V = task.X @ task.mixing
    look = Look(task.X @ lasso.columns.A, torch.zeros((30, 0)), error)
    zero, G = torch.zeros((30, 0)), torch.zeros((30, 0, 0))
    done, places, signs = certified(lasso, task.X, task.X, none, zero, G, look, 0, 10)
    exact = solve(task, "active_set")
    lowest = task.objective(exact.codes) * 0.2
    assert (done.objective - done.gap <= lowest + 1e-9).all()
    assert (signs[1:] > 0).any(dim=1).all()
    torch.testing.assert_close(V.gather(1, places[:, :1])[1:, 0], V.amax(dim=1)[1:])


@given(seed=st.integers(0, 10**6), width=st.integers(1, 12), nonnegative=st.booleans())
def test_pivots_end_where_all_conditions_hold(seed, width, nonnegative):
    rng = np.random.default_rng(seed)
    B = torch.from_numpy(rng.standard_normal((5, width + 3, width)))
    x = torch.from_numpy(3 * rng.standard_normal((5, width + 3)))
    G, c = B.mT @ B, (x[:, None, :] @ B)[:, 0]
    start = torch.from_numpy(rng.choice([0.0, 1.0], (5, width)))
    bar = torch.full((5,), 1.0 + 1e-9, dtype=torch.float64)
    t, signs, solved = pivot(G, c, start, 1.0, bar, nonnegative, 200)
    assert solved.all()
    v = c - (G @ t[:, :, None])[:, :, 0]
    assert torch.equal(t.sign(), signs)
    torch.testing.assert_close(v[signs != 0], signs[signs != 0], rtol=1e-6, atol=1e-6)
    assert ((v if nonnegative else v.abs())[signs == 0] <= 1 + 1e-9).all()
    assert not nonnegative or (t >= 0).all()


def test_what_it_cannot_do():
    with pytest.raises(ValueError, match="needs a prior whose cost"):
        solve(MAPProblem(np.eye(2), np.eye(2), "smooth_laplace", 1.0), "working_set")
    with pytest.raises(ValueError, match="noise_variance > 0"):
        solve(MAPProblem(np.eye(2), np.eye(2), "laplace", 0.0), "working_set")
