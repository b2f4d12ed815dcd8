"""Line integrals of the evidence against quadrature, and where they are exact."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, special

from overica._kernels import debias, evidence_terms, lasso, occupancy
from overica._kernels._core import erfcx, side

SLOPES = st.one_of(st.just(0.0), st.floats(1e-12, 1e3))
CURVATURES = st.one_of(st.just(0.0), st.floats(1e-10, 1e4))


@given(st.one_of(st.floats(0, 12), st.floats(12, 1e8)))
def test_erfcx(x):
    assert erfcx(x) == pytest.approx(special.erfcx(x), rel=3e-13)


def segment(slope, curvature, length):
    """Up to a wall."""
    return side(
        slope, curvature, [length] if length < np.inf else [], [1.0] * (length < np.inf), True
    )


def quadrature(function, stops):
    """Integral over pieces that have no kink inside."""
    return sum(
        integrate.quad(function, low, high, epsabs=0, epsrel=1e-11, limit=400)[0]
        for low, high in pairwise(stops)
        if high > low
    )


def decades(length):
    """Stops at every decade, so that quadrature finds a narrow peak at zero."""
    return [0.0, *(10.0**k for k in range(-9, 8) if 10.0**k < length), length]


@given(slope=SLOPES, curvature=CURVATURES, length=st.floats(1e-6, 1e4))
def test_segment_of_finite_length(slope, curvature, length):
    expected = quadrature(lambda t: np.exp(-t * (slope + 0.5 * curvature * t)), decades(length))
    assert segment(slope, curvature, length) == pytest.approx(expected, rel=1e-7)


@given(slope=st.floats(1e-6, 1e3), curvature=CURVATURES)
def test_segment_without_end(slope, curvature):
    expected = quadrature(lambda t: np.exp(-t * (slope + 0.5 * curvature * t)), decades(40 / slope))
    assert segment(slope, curvature, np.inf) == pytest.approx(expected, rel=1e-7)


@given(curvature=st.floats(1e-8, 1e8))
def test_segment_of_a_half_gaussian(curvature):
    assert segment(0.0, curvature, np.inf) == pytest.approx(np.sqrt(np.pi / (2 * curvature)))


def test_segment_of_no_length():
    assert segment(1.0, 1.0, 0.0) == 0


@given(
    slope=st.floats(1e-3, 3),
    curvature=st.floats(0, 5),
    crossings=st.lists(st.floats(1e-3, 5), max_size=4),
    data=st.data(),
)
def test_side_with_crossings(slope, curvature, crossings, data):
    rises = [data.draw(st.floats(1e-3, 4)) for _ in crossings]

    def density(t):
        height = slope * t + 0.5 * curvature * t**2
        return np.exp(
            -height - sum(r * max(0.0, t - c) for c, r in zip(crossings, rises, strict=True))
        )

    stops = sorted({*decades(40 / slope), *crossings})
    got = side(slope, curvature, crossings, rises, False)
    assert got == pytest.approx(quadrature(density, stops), rel=1e-7)
    nearest = min(crossings, default=40 / slope)
    walled = side(slope, curvature, crossings, rises, True)
    assert walled == pytest.approx(
        quadrature(density, [s for s in stops if s <= nearest]), rel=1e-7
    )


def mass_of_duplicate(u, nonnegative, sigma2=1e-12):
    codes = np.array([[u, 0.0]])
    z = np.sign(u)
    return occupancy(np.ones((2, 2)), np.full((1, 2), z * sigma2), codes, sigma2, nonnegative)[0][0]


@given(st.floats(0.01, 30), st.sampled_from([1, -1]))
def test_duplicate_of_an_active_column_is_exact(size, sign):
    # p(s1 + s2 = u) = (1 + |u|) exp(-|u|) / 4 for two Laplace sources, exp(-|u|) / 2 for the first alone.
    active, duplicate = mass_of_duplicate(sign * size, False)
    assert duplicate == pytest.approx((1 + size) / 2, rel=1e-6)
    assert active == pytest.approx(1)
    # u exp(-u) for two exponential ones, exp(-u) for one.
    _, duplicate = mass_of_duplicate(size, True)
    assert duplicate == pytest.approx(size, rel=1e-6)


@given(st.floats(-0.99, 0.99), st.floats(0.05, 20))
def test_single_inactive_source_is_exact(mu, curvature):
    # One feature, one source, mode at zero: the line is all there is.
    sigma2 = 1 / curvature
    codes, gram, correlation = np.zeros((1, 1)), np.ones((1, 1)), np.array([[mu * sigma2]])

    def density(t):
        return np.exp(-abs(t) + mu * t - 0.5 * curvature * t**2)

    reach = np.sqrt(80 / curvature) + 40 / curvature
    one = quadrature(density, [0, 0.1 * reach, reach])
    two = one + quadrature(density, [-reach, -0.1 * reach, 0])
    assert occupancy(gram, correlation, codes, sigma2, False)[0][0, 0] == pytest.approx(
        two / 2, rel=1e-6
    )
    assert occupancy(gram, correlation, codes, sigma2, True)[0][0, 0] == pytest.approx(
        one, rel=1e-6
    )


@given(st.floats(0.05, 5), st.floats(0.02, 2))
def test_single_active_source_is_exact(size, sigma2):
    # Around its mode s the posterior is Gaussian up to the kink, and steeper beyond.
    width = np.sqrt(sigma2)
    reach = size + 12 * width
    codes, gram, correlation = np.array([[size]]), np.ones((1, 1)), np.array([[sigma2]])

    def relative(s, cost):
        return np.exp(-((s - size) ** 2) / (2 * sigma2) - (cost if s < 0 else 0.0))

    gaussian = np.sqrt(2 * np.pi * sigma2)
    inside = quadrature(lambda s: relative(s, 0), [0, size, reach]) / gaussian
    leaked = quadrature(lambda s: relative(s, -2 * s), [-reach, -0.1 * reach, 0]) / gaussian
    assert occupancy(gram, correlation, codes, sigma2, True)[0][0, 0] == pytest.approx(
        inside, rel=1e-6
    )
    both = occupancy(gram, correlation, codes, sigma2, False)[0][0, 0]
    assert both == pytest.approx(inside + leaked, rel=1e-6)


@given(st.floats(0.05, 5), st.floats(0.02, 2), st.booleans())
def test_absence_of_an_active_source_is_exact(size, sigma2, nonnegative):
    # Without the source the evidence is N(x; 0, sigma^2); with it, the Gaussian integral around its mode.
    codes, gram, correlation = np.array([[size]]), np.ones((1, 1)), np.array([[sigma2]])
    x = size + sigma2
    density_at_zero = 1.0 if nonnegative else 0.5
    without = np.exp(-(x**2) / (2 * sigma2)) / np.sqrt(2 * np.pi * sigma2)
    integral = density_at_zero * np.exp(-size - sigma2 / 2)
    _, absent, log_det = occupancy(gram, correlation, codes, sigma2, nonnegative)
    assert absent[0, 0] == pytest.approx(without / integral, rel=1e-9)
    assert log_det[0] == pytest.approx(0, abs=1e-9)


def test_inactive_sources_leave_nothing_when_absent():
    _, absent, log_det = occupancy(np.eye(3), np.zeros((2, 3)), np.zeros((2, 3)), 0.1, False)
    assert (absent == 1).all()
    assert (log_det == 0).all()


def test_log_determinants():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((4, 6))
    codes = rng.standard_normal((5, 6)) * (rng.random((5, 6)) < 0.4)
    log_det = occupancy(A.T @ A, np.zeros((5, 6)), codes, 1.0, False)[2]
    expected = [np.linalg.slogdet(A[:, s != 0].T @ A[:, s != 0])[1] for s in codes]
    np.testing.assert_allclose(log_det, expected, atol=1e-9)


def test_sign_symmetry():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((3, 5))
    codes = np.zeros((6, 5))
    codes[:, :2] = rng.laplace(size=(6, 2))
    correlation = rng.uniform(-1, 1, (6, 5))
    there = occupancy(A.T @ A, correlation, codes, 1.0, False)
    back = occupancy(A.T @ A, -correlation, -codes, 1.0, False)
    for one, other in zip(there, back, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


@pytest.mark.parametrize("nonnegative", [False, True])
@pytest.mark.parametrize(("m", "n"), [(2, 4), (8, 16), (12, 600)])
def test_terms_of_the_evidence_are_those_of_its_parts(m, n, nonnegative):
    rng = np.random.default_rng(0)
    A = rng.standard_normal((m, n)) / np.sqrt(m)
    X = np.abs(rng.laplace(size=(60, n)) * (rng.random((60, n)) < 2 / n)) @ A.T
    X += 0.1 * rng.standard_normal(X.shape)
    penalty, sigma2, gram = 0.1, 0.03, A.T @ A
    presence = rng.uniform(0.1, 0.9, n)
    terms = evidence_terms(A, X, penalty, sigma2, nonnegative, masses=True, presence=presence)
    codes = debias(gram, lasso(A, X, penalty, nonnegative).codes, penalty - sigma2)
    residual = X - codes @ A.T
    masses = occupancy(gram, residual @ A, codes, sigma2, nonnegative)
    np.testing.assert_allclose(terms.size, np.abs(codes).sum(axis=1), rtol=1e-8)
    np.testing.assert_allclose(terms.square, (residual**2).sum(axis=1), rtol=1e-8)
    np.testing.assert_array_equal(terms.n_active, (codes != 0).sum(axis=1))
    np.testing.assert_allclose(terms.log_det, masses.log_det, atol=1e-8)
    np.testing.assert_allclose(terms.present, masses.present, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(terms.absent, masses.absent, rtol=1e-6, atol=1e-9)
    factors = presence * masses.present + (1 - presence) * masses.absent
    np.testing.assert_allclose(terms.log_factors, np.log(factors).sum(axis=1), rtol=1e-6, atol=1e-6)
    alone = evidence_terms(A, X, penalty, sigma2, nonnegative)
    assert alone.present.shape == (0, n)
    assert alone.log_factors.shape == (0,)
    np.testing.assert_array_equal(alone.square, terms.square)


def test_lower_penalty_is_the_solution_there_while_nobody_enters():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((8, 16))
    codes = lasso(A, rng.standard_normal((50, 16)) @ A.T, 0.5).codes
    lower = debias(A.T @ A, codes, 0.3)
    for before, after in zip(codes, lower, strict=True):
        support = np.flatnonzero(after)
        assert set(support) <= set(np.flatnonzero(before))
        assert (np.sign(after[support]) == np.sign(before[support])).all()
    np.testing.assert_allclose(debias(A.T @ A, codes, 0.0), codes, atol=1e-12)
    # Back again, where nobody left.
    same = (lower != 0).sum(axis=1) == (codes != 0).sum(axis=1)
    assert same.any()
    np.testing.assert_allclose(debias(A.T @ A, lower, -0.3)[same], codes[same], atol=1e-9)


def test_atoms_that_depend_on_their_support_are_set_to_zero():
    np.testing.assert_allclose(debias(np.ones((2, 2)), np.array([[1.0, 1.0]]), 0.5), [[1.5, 0.0]])
