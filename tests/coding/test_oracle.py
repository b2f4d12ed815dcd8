"""Least squares on supports against brute force, and the path that frees codes of shrinkage."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overica.coding import Dictionary, least_squares


def dictionary_of(rng, n_components, n_features):
    return Dictionary.of_rows(rng.standard_normal((n_components, n_features)))


@given(seed=st.integers(0, 10**6), nonnegative=st.booleans())
def test_least_squares_on_each_support(seed, nonnegative):
    rng = np.random.default_rng(seed)
    dictionary, X = dictionary_of(rng, 7, 5), rng.standard_normal((6, 5))
    D, support = dictionary.components, rng.random((6, 7)) < 0.4
    codes = least_squares(dictionary, X, support, nonnegative=nonnegative)
    assert not codes[~support].any()
    for x, s, active in zip(X, codes, support, strict=True):
        # Every subset of the support, unconstrained, with the right sign: the best of them is the optimum.
        best = (x**2).sum()
        places = np.flatnonzero(active)
        for size in range(1, min(len(places), 5) + 1):
            for chosen in combinations(places, size):
                B = D[list(chosen)].T
                w = np.linalg.lstsq(B, x, rcond=None)[0]
                if not nonnegative or (w >= 0).all():
                    best = min(best, ((x - B @ w) ** 2).sum())
        assert ((x - s @ D) ** 2).sum() == pytest.approx(best, abs=1e-7)
        assert not nonnegative or (s >= 0).all()


def test_many_sizes_are_those_of_each_sample_alone():
    rng = np.random.default_rng(1)
    dictionary, X = dictionary_of(rng, 12, 8), rng.standard_normal((40, 8))
    support = rng.random((40, 12)) < rng.random((40, 1))
    together = least_squares(dictionary, X, support)
    alone = np.vstack(
        [least_squares(dictionary, X[i : i + 1], support[i : i + 1]) for i in range(40)]
    )
    D = dictionary.components
    np.testing.assert_allclose(together @ D, alone @ D, atol=1e-6)


def test_of_equal_atoms_each_has_its_share():
    dictionary = Dictionary.of_rows(np.array([[2.0, 0.0], [1.0, 0.0]]))
    codes = least_squares(dictionary, np.array([[3.0, 1.0]]), np.ones((1, 2), bool))
    np.testing.assert_allclose(codes, [[1.5, 1.5]], atol=1e-4)
