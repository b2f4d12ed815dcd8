"""Merging of copies: what is kept, and what never is."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from overica.learning.merging import SAME_DIRECTION, distinct_columns, merge_columns

SIZES = st.tuples(st.integers(1, 4), st.integers(1, 9))


@st.composite
def columns(draw):
    """Random columns, some of them near copies, some zero, with their usage."""
    m, n = draw(SIZES)
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    A = rng.standard_normal((m, n))
    for j in range(n):
        kind = draw(st.sampled_from(["own", "own", "copy", "opposite", "zero"]))
        source = A[:, rng.integers(n)]
        A[:, j] = {"own": A[:, j], "copy": 2 * source, "opposite": -source, "zero": 0 * source}[
            kind
        ]
    usage = draw(arrays(float, n, elements=st.floats(0, 10)))
    return A, usage


def cosines(A, nonnegative):
    unit = A / np.maximum(np.linalg.norm(A, axis=0), 1e-300)
    return unit.T @ unit if nonnegative else np.abs(unit.T @ unit)


@given(columns(), st.booleans(), st.integers(1, 9))
def test_merge_properties(case, nonnegative, wanted):
    A, usage = case
    kept = merge_columns(A, usage, wanted, nonnegative=nonnegative)
    distinct = distinct_columns(A, usage, nonnegative=nonnegative)
    assert len(set(kept)) == kept.size
    assert kept.size == max(distinct.size, min(wanted, A.shape[1]))
    assert (np.diff(usage[kept]) <= 0).all()
    assert (np.diff(usage[distinct]) <= 0).all()
    # No two distinct ones are copies, and every column has one that it is a copy of or is one itself.
    C = cosines(A, nonnegative)
    among = C[np.ix_(distinct, distinct)] - np.eye(distinct.size)
    assert (among < SAME_DIRECTION + 1e-12).all()


@given(columns(), st.booleans(), st.floats(0.1, 100), st.integers(0, 10**6))
def test_distinct_columns_do_not_depend_on_length_or_order(case, nonnegative, factor, seed):
    A, usage = case
    usage = usage + np.linspace(0, 1e-3, usage.size)  # no ties
    order = np.random.default_rng(seed).permutation(A.shape[1])
    there = distinct_columns(A, usage, nonnegative=nonnegative)
    back = distinct_columns(factor * A[:, order], usage[order], nonnegative=nonnegative)
    assert there.size == back.size


def test_copies_go_before_columns_little_used():
    A = np.array([[1.0, 0.999, 0.0], [0.0, 0.04, 1.0]])
    kept = merge_columns(A, np.array([2.0, 1.5, 0.1]), 2, nonnegative=False)
    np.testing.assert_array_equal(kept, [0, 2])


def test_of_two_copies_the_more_used_stays():
    A = np.array([[1.0, 1.0], [0.0, 0.01]])
    np.testing.assert_array_equal(merge_columns(A, np.array([1.0, 2.0]), 1, nonnegative=False), [1])


def test_opposite_columns_are_copies_unless_signed():
    A = np.array([[1.0, -1.0, 0.0], [0.0, 0.0, 1.0]])
    usage = np.array([3.0, 2.0, 1.0])
    np.testing.assert_array_equal(distinct_columns(A, usage, nonnegative=False), [0, 2])
    np.testing.assert_array_equal(distinct_columns(A, usage, nonnegative=True), [0, 1, 2])
