"""Exact codes: optimality and certificates on easy and hard problems, sums, determinism."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overica._kernels import (
    _core,
    debias,
    get_num_threads,
    lasso,
    lasso_moments,
    lasso_supports,
    set_num_threads,
)


def relative_gap(A, X, penalty, codes, nonnegative):
    """Duality gap over objective of every sample, in float64, at the dual point ``c r``.

    With ``r = x - A s`` and ``c`` in (0, 1] such that ``c A^T r`` is feasible, the gap is
    ``(1 - c)^2 |r|^2 / 2 + sum_j (penalty |s_j| - c s_j A_j^T r)``: no cancellation.
    """
    A, X, codes = (np.asarray(array, np.float64) for array in (A, X, codes))
    R = X - codes @ A.T
    C = R @ A
    highest = (C if nonnegative else np.abs(C)).max(axis=1)
    c = np.minimum(1.0, penalty / np.maximum(highest, 1e-300))
    square = (R**2).sum(axis=1)
    gap = 0.5 * (1 - c) ** 2 * square + (penalty * np.abs(codes) - c[:, None] * codes * C).sum(
        axis=1
    )
    objective = 0.5 * square + penalty * np.abs(codes).sum(axis=1)
    return np.where(objective > 0, gap / np.where(objective > 0, objective, 1.0), 0.0)


def assert_certified(A, X, penalty, found, tol=1e-9):
    """The kernel's objective and gap against NumPy's, of the codes that came back."""
    A, X, codes = (np.asarray(array, np.float64) for array in (A, X, found.codes))
    residual = X - codes @ A.T
    with np.errstate(over="ignore", under="ignore"):
        objective = 0.5 * (residual**2).sum(axis=1) + penalty * np.abs(codes).sum(axis=1)
    np.testing.assert_allclose(found.objective, objective, rtol=tol)
    assert (found.gap >= 0).all()
    assert (found.gap <= tol * found.objective).all()


@pytest.fixture(params=_core.instruction_sets(), autouse=True)
def instruction_set(request):
    """Every test runs on every instruction set that this processor has."""
    chosen = _core.instruction_set()
    _core.use_instruction_set(request.param)
    yield request.param
    _core.use_instruction_set(chosen)


def assert_optimal(A, X, penalty, nonnegative, codes, tol=1e-9):
    assert np.isfinite(codes).all()
    if nonnegative:
        assert codes.min() >= 0
    assert relative_gap(A, X, penalty, codes, nonnegative).max() <= tol


def dictionary(m, n, seed=0):
    A = np.random.default_rng(seed).standard_normal((m, n))
    return A / np.linalg.norm(A, axis=0)


def samples(A, n_samples=200, active=4, seed=1):
    rng = np.random.default_rng(seed)
    n = A.shape[1]
    S = rng.laplace(size=(n_samples, n)) * (rng.random((n_samples, n)) < active / n)
    return S @ A.T + 0.01 * rng.standard_normal((n_samples, A.shape[0]))


def lattice(m, n, seed=0):
    return np.random.default_rng(seed).integers(-1, 2, (m, n)).astype(float)


BASE = dictionary(16, 32)
NOISE = np.random.default_rng(2).standard_normal((300, 16))
HARD = {
    "duplicates": (np.hstack([BASE, BASE, -BASE]), samples(BASE), 0.01),
    "near duplicates": (np.hstack([BASE, BASE + 1e-4 * BASE[::-1]]), samples(BASE), 0.01),
    "rank deficient": (NOISE[:3].T @ NOISE[:30, :3].T, NOISE, 0.01),
    "zero columns": (BASE * (np.arange(32) % 3 > 0), NOISE, 0.05),
    "zero samples": (BASE, NOISE * (np.arange(300) % 2)[:, None], 0.05),
    "all zero": (0 * BASE, 0 * NOISE, 0.05),
    "ties": (lattice(6, 20), 3 * lattice(400, 6, 1), 0.5),
    "ties on the boundary": (lattice(6, 40), 3 * lattice(400, 6, 1), 1.0),
    "n < m": (BASE[:, :7], NOISE, 0.01),
    "n = m": (BASE[:, :16], NOISE, 0.01),
    "one feature": (BASE[:1], NOISE[:, :1], 0.1),
    "one atom": (BASE[:, :1], NOISE, 0.1),
    "dense codes": (BASE, NOISE, 1e-3),
    "very low penalty": (BASE, NOISE, 1e-5),
    "norms over six decades": (BASE * np.logspace(-3, 3, 32), NOISE, 0.01),
    "tiny scale": (1e-20 * BASE, 1e-30 * NOISE, 1e-52),
    "huge scale": (1e20 * BASE, 1e30 * NOISE, 1e48),
    "plane": (dictionary(2, 9), NOISE[:, :2], 0.2),
    "plane, duplicates": (np.hstack([dictionary(2, 5)] * 2), NOISE[:, :2], 0.2),
    "plane, opposite atoms": (np.array([[1.0, -1.0, 0.5], [0.0, 0.0, 0.0]]), NOISE[:, :2], 0.2),
    "plane, half of it": (np.abs(dictionary(2, 6)), NOISE[:, :2], 0.2),
    "plane, near duplicates": (np.hstack([BASE[:2], BASE[:2] + 1e-7]), NOISE[:, :2], 0.2),
    "plane, lattice": (lattice(2, 9), 3 * lattice(300, 2, 1), 1.0),
    "wide": (dictionary(24, 600), samples(dictionary(24, 600), 150), 0.05),
    "wide, low penalty": (dictionary(24, 600), samples(dictionary(24, 600), 60), 1e-3),
    "wide, long supports": (dictionary(130, 600), samples(dictionary(130, 600), 20), 1e-4),
    "wide, nothing active": (dictionary(24, 600), samples(dictionary(24, 600), 60), 1e3),
    "wide, duplicates": (
        np.hstack([dictionary(24, 300)] * 2),
        samples(dictionary(24, 300), 60),
        0.05,
    ),
    "wide, norms": (
        dictionary(24, 600) * np.logspace(-2, 2, 600),
        NOISE[:, :1] @ np.ones((1, 24)),
        0.05,
    ),
    "wide, tiny": (1e-30 * dictionary(24, 600), 1e-30 * samples(dictionary(24, 600), 60), 0.05e-60),
}


@pytest.mark.parametrize("nonnegative", [False, True])
@pytest.mark.parametrize("name", HARD)
def test_hard_problems_are_solved_exactly(name, nonnegative):
    A, X, penalty = HARD[name]
    found = lasso(A, X, penalty, nonnegative)
    assert_optimal(A, X, penalty, nonnegative, found.codes)
    assert_certified(A, X, penalty, found)
    assert (found.n_steps >= 0).all()


@settings(max_examples=60, deadline=None)
@given(
    m=st.integers(1, 12),
    n=st.integers(1, 20),
    penalty=st.floats(1e-3, 2.0),
    nonnegative=st.booleans(),
    whole=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_random_problems_are_solved_exactly(m, n, penalty, nonnegative, whole, seed):
    rng = np.random.default_rng(seed)
    A = rng.integers(-2, 3, (m, n)).astype(float) if whole else rng.standard_normal((m, n))
    X = rng.standard_normal((7, m)) * 3
    found = lasso(A, X, penalty, nonnegative)
    assert_optimal(A, X, penalty, nonnegative, found.codes)
    assert_certified(A, X, penalty, found)


@pytest.mark.parametrize(("m", "n"), [(2, 5), (16, 32), (24, 600)])
def test_float32_is_preserved_and_accurate(m, n):
    A = dictionary(m, n).astype(np.float32)
    X = samples(A.astype(float)).astype(np.float32)
    found = lasso(A, X, 0.1)
    assert found.codes.dtype == np.float32
    assert_optimal(A, X, 0.1, False, found.codes, tol=1e-4)
    assert_certified(A, X, 0.1, found, tol=1e-5)


@pytest.mark.parametrize("nonnegative", [False, True])
@pytest.mark.parametrize(("m", "n"), [(2, 5), (16, 32), (24, 600)])
def test_any_warm_start_ends_at_the_optimum(m, n, nonnegative):
    A = dictionary(m, n)
    X = samples(A, 60)
    cold = lasso(A, X, 0.1, nonnegative).codes
    rng = np.random.default_rng(3)
    starts = {
        "solution": cold,
        "wrong values": cold * rng.uniform(0.5, 2.0, cold.shape),
        "noise": rng.standard_normal(cold.shape),
        "other signs": -cold,
    }
    for name, start in starts.items():
        codes = lasso(A, X, 0.1, nonnegative, start).codes
        assert_optimal(A, X, 0.1, nonnegative, codes)
        np.testing.assert_allclose(codes, cold, atol=1e-9, err_msg=name)
    assert lasso(A, X, 0.1, nonnegative, cold).n_steps.max() <= 3


@pytest.mark.parametrize("nonnegative", [False, True])
@pytest.mark.parametrize(("m", "n"), [(2, 5), (16, 32), (40, 20), (24, 600)])
def test_moments_are_the_sums_over_supports(m, n, nonnegative):
    A = dictionary(m, n)
    X = samples(A, 70)
    X[3] = 0
    moments = lasso_moments(A, X, 0.1, nonnegative)
    codes = moments.codes.dense()
    assert_optimal(A, X, 0.1, nonnegative, codes)
    spread = np.zeros((m, n))
    for code, log_det, n_active in zip(codes, moments.log_det, moments.codes.n_active, strict=True):
        a = np.flatnonzero(code)
        spread[:, a] += np.linalg.pinv(A[:, a]).T
        assert n_active == len(a)
        log_det_of_gram = np.linalg.slogdet(A[:, a].T @ A[:, a])[1]
        assert log_det == pytest.approx(log_det_of_gram, abs=1e-9 if n < 129 else 1e-4)
    # Wide dictionaries are searched in float, and inverses are no better: here supports are nearly as large as m.
    exact = {"atol": (1e-10 if n < 129 else 1e-5) * np.abs(spread).max()}
    np.testing.assert_allclose(moments.residual.T @ codes - moments.cross, 0.1 * spread, **exact)
    np.testing.assert_allclose(moments.residual, X - codes @ A.T, atol=1e-11)
    found = lasso_supports(A, X, 0.1, nonnegative)
    np.testing.assert_array_equal(found.dense(), codes)
    np.testing.assert_array_equal(found.activity, (codes != 0).sum(axis=0))
    np.testing.assert_allclose(found.summed(found.values), codes.sum(axis=0))


def test_moments_do_not_depend_on_the_unit():
    A, unit = dictionary(24, 600), 2.0**90
    X = samples(A, 70)
    plain, large = lasso_moments(A, X, 0.1), lasso_moments(unit * A, unit * X, 0.1 * unit**2)
    np.testing.assert_array_equal(large.codes.values, plain.codes.values)
    np.testing.assert_array_equal(large.residual, unit * plain.residual)
    np.testing.assert_allclose(large.cross, unit * plain.cross, rtol=1e-5)
    grown = 2 * np.log(unit) * plain.codes.n_active
    np.testing.assert_allclose(large.log_det, plain.log_det + grown)


@pytest.mark.parametrize(("m", "n"), [(2, 5), (16, 32), (24, 600)])
def test_results_do_not_depend_on_the_number_of_threads(m, n):
    A = dictionary(m, n)
    X = samples(A, 10_000_000 // (m * n) if m > 2 else 5000)
    results = []
    for n_threads in (1, 3):
        set_num_threads(n_threads)
        try:
            codes, *sums = lasso_moments(A, X, 0.05)
            results.append((*codes, *sums, *lasso(A, X, 0.05)))
        finally:
            set_num_threads(1)
    for one, three in zip(*results, strict=True):
        np.testing.assert_array_equal(one, three)


def test_number_of_threads(monkeypatch):
    try:
        set_num_threads(None)
        monkeypatch.setenv("OMP_NUM_THREADS", "3")
        assert get_num_threads() == 3
        monkeypatch.setenv("OVERICA_NUM_THREADS", "2")
        assert get_num_threads() == 2
        monkeypatch.delenv("OVERICA_NUM_THREADS")
        monkeypatch.delenv("OMP_NUM_THREADS")
        assert 1 <= get_num_threads() <= os.cpu_count()
        with pytest.raises(ValueError, match="n_threads"):
            set_num_threads(0)
    finally:
        set_num_threads(1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_works_after_threads_were_used():
    A = dictionary(16, 32)
    X = samples(A, 40_000)
    set_num_threads(2)
    try:
        codes = lasso(A, X, 0.05).codes
        child = os.fork()
        if child == 0:
            os._exit(0 if np.array_equal(lasso(A, X, 0.05).codes, codes) else 1)
        assert os.waitpid(child, 0)[1] == 0
    finally:
        set_num_threads(1)


@pytest.mark.parametrize("nonnegative", [False, True])
@pytest.mark.parametrize(("m", "n"), [(2, 5), (16, 32), (24, 600)])
def test_scales_are_those_of_the_penalty(m, n, nonnegative):
    A, scales = dictionary(m, n), np.random.default_rng(0).uniform(0.5, 2, n)
    X = samples(A, 50)
    scaled = lasso(A, X, 0.1, nonnegative, scales=scales)
    plain = lasso(A * scales, X, 0.1, nonnegative)
    np.testing.assert_allclose(scaled.codes, plain.codes * scales, atol=1e-9)
    np.testing.assert_allclose(scaled.objective, plain.objective, rtol=1e-9)
    again = lasso(A, X, 0.1, nonnegative, scaled.codes, scales=scales)
    np.testing.assert_allclose(again.codes, scaled.codes, atol=1e-9)


@pytest.mark.parametrize("nonnegative", [False, True])
def test_parallel_columns_of_different_length_in_the_plane(nonnegative):
    A = np.array([[2.0, 1.0, -1.0, 0.5], [0.0, 0.0, 2.0, -1.0]])
    X = np.random.default_rng(0).standard_normal((100, 2)) * 8
    found = lasso(A, X, 0.5, nonnegative)
    assert_certified(A, X, 0.5, found)
    general = lasso(
        np.vstack([A, np.zeros(4)]), np.hstack([X, np.zeros((100, 1))]), 0.5, nonnegative
    )
    np.testing.assert_allclose(found.objective, general.objective, rtol=1e-9)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("m", "n", "rank"), [(38, 75, 12), (30, 400, 10)])
def test_low_rank_and_low_penalty(m, n, rank, seed):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((m, rank)) @ rng.standard_normal((rank, n))
    X = rng.standard_normal((20, m))
    found = lasso(A, X, 1e-6 * np.abs(X @ A).max())
    assert (found.gap <= 1e-6 * (X**2).sum(axis=1)).all()


@pytest.mark.parametrize("nonnegative", [False, True])
def test_a_start_far_off_earns_no_false_certificate(nonnegative):
    rng = np.random.default_rng(0)
    A, X = rng.standard_normal((64, 300)) / 8, rng.standard_normal((50, 64))
    codes0 = lasso(A, X, 0.3, nonnegative).codes * 1e5
    found = lasso(A, X, 0.3, nonnegative, codes0)
    true = relative_gap(A, X, 0.3, found.codes, nonnegative)
    assert (true <= found.gap / found.objective + 1e-9).all()


def test_gaps_are_those_of_the_codes_in_single_precision():
    rng = np.random.default_rng(0)
    A = dictionary(16, 300).astype(np.float32)
    X = samples(A.astype(float), 100).astype(np.float32) * rng.uniform(0.1, 10, (100, 1))
    X = X.astype(np.float32)
    found, exact = lasso(A, X, 1e-3), lasso(A.astype(float), X.astype(float), 1e-3)
    codes = found.codes.astype(float)
    residual = X - codes @ A.T.astype(float)
    objective = 0.5 * (residual**2).sum(axis=1) + 1e-3 * np.abs(codes).sum(axis=1)
    assert (objective - exact.objective <= found.gap + 1e-12 * objective).all()
    np.testing.assert_allclose(found.objective, objective, rtol=1e-9)


@pytest.mark.parametrize("n", [510, 512, 1020])
def test_widths_at_which_rows_would_fill_pages(n):
    A = dictionary(12, n)
    X = samples(A, 40)
    assert_optimal(A, X, 0.05, False, lasso_supports(A, X, 0.05).dense())
    assert_optimal(A, X, 0.05, False, lasso(A, X, 0.05).codes)


@pytest.mark.parametrize("unit", [1e-120, 1e-7, 1e5, 1e120])
def test_codes_follow_the_units_of_the_samples(unit):
    A = dictionary(24, 600)
    X = samples(A, 20)
    plain, other = lasso(A, X, 0.1), lasso(A, unit * X, 0.1 * unit)
    np.testing.assert_allclose(other.codes, unit * plain.codes, atol=1e-9 * unit)
    assert (other.gap <= 1e-9 * other.objective).all()


def test_a_huge_sample_disturbs_no_other():
    A = dictionary(24, 600)
    X = samples(A, 20)
    plain = lasso(A, X, 0.1).codes
    X[7] *= 1e150
    codes = lasso(A, X, 0.1).codes
    assert np.isfinite(codes).all()
    np.testing.assert_array_equal(np.delete(codes, 7, axis=0), np.delete(plain, 7, axis=0))


def test_instruction_sets_are_named():
    with pytest.raises(ValueError, match="instruction set"):
        _core.use_instruction_set("abacus")


def test_a_sample_does_not_depend_on_its_company():
    A = dictionary(16, 32)
    X = samples(A, 40)
    together = lasso(A, X, 0.05).codes
    alone = np.vstack([lasso(A, X[i : i + 1], 0.05).codes for i in range(40)])
    np.testing.assert_allclose(alone, together, atol=1e-12)


def test_no_samples_and_inputs_left_alone():
    A, X = dictionary(4, 6), samples(dictionary(4, 6), 5)
    codes0 = np.ones((5, 6))
    copies = A.copy(), X.copy(), codes0.copy()
    lasso(A, X, 0.1, codes0=codes0)
    for array, copy in zip((A, X, codes0), copies, strict=True):
        np.testing.assert_array_equal(array, copy)
    assert lasso(A, X[:0], 0.1).codes.shape == (0, 6)
    assert lasso_moments(A, X[:0], 0.1).cross.sum() == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (np.ones((3, 2)), np.ones((4, 2)), 1.0),
            r"`X` must have shape \(n_samples, n_features=3\)",
        ),
        ((np.ones(3), np.ones((4, 3)), 1.0), "`A` must have shape"),
        ((np.ones((3, 2)), np.ones((4, 3)), 0.0), "`penalty` must be positive"),
        (
            (np.ones((3, 2)), np.ones((4, 3)), 1.0, False, np.ones((4, 3))),
            "`codes0` must have shape",
        ),
    ],
)
def test_malformed_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        lasso(*arguments)


@pytest.mark.parametrize("nonnegative", [False, True])
@pytest.mark.parametrize(("m", "n"), [(16, 32), (24, 600)])
def test_lowered_codes_are_debiased_ones(m, n, nonnegative):
    A = dictionary(m, n)
    X = samples(A, 70)
    codes = lasso_supports(A, X, 0.2, nonnegative).dense()
    for lowered in (0.1, 0.0):
        found = lasso_supports(A, X, 0.2, nonnegative, lowered=lowered).dense()
        np.testing.assert_allclose(found, debias(A.T @ A, codes, 0.2 - lowered), atol=1e-8)
