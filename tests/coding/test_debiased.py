"""The path on which a penalty falls to nothing."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from overica.coding import SparseCoder
from overica.priors import Laplace


def lowered(gram, code, penalty):
    """The lasso code ``(A_a'A_a)^-1 (A_a'x - penalty z)`` as its penalty falls to nothing and sources leave."""
    code, left = code.copy(), penalty
    while left > 0 and code.any():
        a = np.flatnonzero(code)
        rate = np.linalg.solve(gram[np.ix_(a, a)], np.sign(code[a]))
        falls = rate * code[a] < 0
        until = np.where(falls, -code[a] / np.where(falls, rate, 1.0), np.inf)
        step = min(left, until.min())
        code[a] = np.where(until <= step, 0.0, code[a] + step * rate)
        left -= step
    return code


@given(
    seed=st.integers(0, 10**6),
    penalty=st.floats(0.01, 2),
    scale=st.sampled_from([1.0, 0.3, np.linspace(0.5, 2, 9)]),
)
def test_sources_only_leave_and_the_rest_are_optimal(seed, penalty, scale):
    rng = np.random.default_rng(seed)
    D, X = rng.standard_normal((9, 6)), rng.standard_normal((8, 6))
    settings = {"penalty": penalty, "prior": Laplace(scale)}
    codes = SparseCoder(D, **settings).transform(X)
    free = SparseCoder(D, method="debiased", **settings).transform(X)
    # In units of the scales the penalty is one number.
    unit = D * np.reshape(scale, (-1, 1))
    expected = [lowered(unit @ unit.T, code / scale, penalty) * scale for code in codes]
    np.testing.assert_allclose(free, expected, atol=1e-6)


def test_samples_without_codes_stay_so():
    coder = SparseCoder(np.eye(2), penalty=9.0, method="debiased")
    assert not coder.transform(np.ones((3, 2))).any()
