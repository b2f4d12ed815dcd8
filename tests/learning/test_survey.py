"""One pass: as exact as sums can be, whatever lies among the rows."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overica.learning.survey import Survey, outlying
from overica.ranges import unit_rows
from overica.rows import Rows, parts


def exact(X, *, center):
    """Mean and root mean square about it, by fractions."""
    rows = [[Fraction(float(value)) for value in row] for row in X]
    n, m = len(rows), len(rows[0])
    mean = [sum(row[j] for row in rows) / n * center for j in range(m)]
    power = sum((row[j] - mean[j]) ** 2 for row in rows for j in range(m)) / (n * m)
    exponent = np.frexp(float(max(abs(value) for row in rows for value in row)))[1]
    size = Fraction(2) ** int(exponent)
    unit = np.ldexp(np.sqrt(float(power / size**2)), exponent)
    return np.array([float(value) for value in mean]), unit


@given(
    seed=st.integers(0, 2**32 - 1),
    offset=st.sampled_from([0.0, 1.0, 1e3]),
    exponent=st.sampled_from([-145, -20, 0, 30, 145]),
    dtype=st.sampled_from([np.float32, np.float64]),
    center=st.booleans(),
)
def test_moments_are_exact(seed, offset, exponent, dtype, center):
    rng = np.random.default_rng(seed)
    if dtype == np.float32:
        exponent //= 5
    X = ((rng.standard_t(3, (150, 3)) + offset) * 10.0**exponent).astype(dtype)
    moments = Survey(X).moments(center=center)
    mean, unit = exact(X, center=center)
    np.testing.assert_allclose(moments.mean, mean, rtol=1e-13, atol=1e-13 * unit)
    assert moments.unit == pytest.approx(unit, rel=1e-13)


@given(
    seed=st.integers(0, 2**32 - 1),
    exponent=st.integers(2, 140),
    n_sinks=st.integers(1, 5),
    center=st.booleans(),
)
def test_rows_that_are_left_out_leave_no_trace(seed, exponent, n_sinks, center):
    rng = np.random.default_rng(seed)
    X = rng.laplace(size=(400, 3))
    sinks = np.sort(rng.choice(400, n_sinks, replace=False))
    X[sinks] = [0.0, 10.0**exponent, 0.0]
    survey = Survey(X)
    np.testing.assert_array_equal(survey.outlying.rows, sinks)
    mean, unit = exact(np.delete(X, sinks, axis=0), center=center)
    moments = survey.moments(center=center)
    np.testing.assert_allclose(moments.mean, mean, rtol=1e-12, atol=1e-13)
    assert moments.unit == pytest.approx(unit, rel=1e-13)
    assert not survey.keeps(X[sinks]).any()
    assert survey.keeps(np.delete(X, sinks, axis=0)).all()


def by_sorting(X):
    """Rows above the lowest gap, from all lengths at once."""
    centre = np.median(X, axis=0)
    lengths = unit_rows(X - centre)[1]
    order = np.argsort(lengths, kind="stable")
    far = lengths[order][-1 - int(0.03 * (lengths > 0).sum()) :]
    gaps = np.flatnonzero((far[1:] > 4 * far[:-1]) & (far[1:] > 8 * far[0]))
    if not gaps.size:
        return np.empty(0, int)
    return np.sort(order[len(order) - len(far) + gaps[0] + 1 :])


@given(
    seed=st.integers(0, 2**32 - 1),
    factors=st.lists(st.floats(1, 1000), min_size=1, max_size=2),
    scale=st.sampled_from([1e-100, 1.0, 1e100]),
)
def test_outlying_rows_are_those_that_sorting_finds(seed, factors, scale):
    rng = np.random.default_rng(seed)
    X = rng.laplace(size=(1500, 4))
    for row, factor in enumerate(factors):
        X[row] *= factor
    wanted = by_sorting(X)
    np.testing.assert_array_equal(outlying(X * scale).rows, wanted)


def test_sums_do_not_depend_on_where_rows_lie(monkeypatch, tmp_path):
    monkeypatch.setattr(parts, "_CHUNK_NUMBERS", 500)
    X = np.random.default_rng(0).laplace(size=(1000, 3))
    np.save(tmp_path / "X.npy", X)
    known = Survey(X).moments(center=True)
    for other in (np.asfortranarray(X), Rows(np.load(tmp_path / "X.npy", mmap_mode="r"))):
        found = Survey(other).moments(center=True)
        np.testing.assert_array_equal(found.mean, known.mean)
        assert found.unit == known.unit
