"""Encoders against brute force, and the split of the error."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import orthogonal_mp_gram

from overica.compare import ENCODERS, Dictionary, Encoding, split_error
from overica.compare.encoders import true_support
from overica.compare.restricted import refit
from overica.compare.sparse_codes import map_codes, map_penalty, matching_pursuit
from overica.datasets import make_sparse_random
from overica.metrics import match_components


def unit_rows(rng, n_components, n_features):
    D = rng.standard_normal((n_components, n_features))
    return D / np.linalg.norm(D, axis=1, keepdims=True)


def encoding(data, components, *, own_codes=None, n_active=2.0):
    dictionary = Dictionary.of_rows(components)
    codes = np.zeros((data.n_samples, len(components))) if own_codes is None else own_codes
    matching = match_components(dictionary.mixing, data.mixing, signed=data.nonnegative)
    return Encoding(
        data.X, data.X, dictionary, data.nonnegative, n_active, codes, data.codes, matching
    )


@pytest.fixture(scope="module")
def toy():
    return make_sparse_random(300, 6, 9, 2, noise=0.02, random_state=0)


@given(seed=st.integers(0, 10**6), nonnegative=st.booleans())
def test_refit_solves_least_squares_on_each_support(seed, nonnegative):
    rng = np.random.default_rng(seed)
    D, X = unit_rows(rng, 7, 5), rng.standard_normal((6, 5))
    support = rng.random((6, 7)) < 0.4
    codes = refit(D, X, support, nonnegative=nonnegative)
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


def test_refit_of_many_sizes_is_that_of_each_sample_alone():
    rng = np.random.default_rng(1)
    D, X = unit_rows(rng, 12, 8), rng.standard_normal((40, 8))
    support = rng.random((40, 12)) < rng.random((40, 1))
    together = refit(D, X, support)
    alone = np.vstack([refit(D, X[i : i + 1], support[i : i + 1]) for i in range(40)])
    np.testing.assert_allclose(together @ D, alone @ D, atol=1e-6)


def test_matching_pursuit_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    D, X = unit_rows(rng, 20, 10), rng.standard_normal((50, 10))
    codes = matching_pursuit(D, X, 4)
    theirs = orthogonal_mp_gram(D @ D.T, D @ X.T, n_nonzero_coefs=4).T
    np.testing.assert_allclose(codes, theirs, atol=1e-7)


def test_matching_pursuit_without_signs():
    rng = np.random.default_rng(0)
    D, X = unit_rows(rng, 20, 10), rng.standard_normal((50, 10))
    codes = matching_pursuit(D, X, 3, nonnegative=True)
    assert (codes >= 0).all()
    assert (np.count_nonzero(codes, axis=1) <= 3).all()
    first = matching_pursuit(D, X, 1, nonnegative=True)
    assert (first.argmax(axis=1) == (X @ D.T).argmax(axis=1)).all()


def test_matching_pursuit_stops_where_nothing_is_left():
    D = np.eye(3)
    X = np.array([[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    codes = matching_pursuit(D, X, 3)
    np.testing.assert_allclose(codes, X, atol=1e-8)
    assert np.count_nonzero(codes) == 1


@pytest.mark.parametrize("nonnegative", [False, True])
@pytest.mark.parametrize("n_active", [0.5, 1.0, 2.7, 4.0])
def test_penalty_gives_the_wanted_number_of_active_features(nonnegative, n_active):
    rng = np.random.default_rng(0)
    D, X = unit_rows(rng, 16, 8), rng.standard_normal((400, 8))
    penalty = map_penalty(D, X, n_active, nonnegative=nonnegative)
    codes = map_codes(D, X, penalty, nonnegative=nonnegative)
    assert np.count_nonzero(codes) / 400 == pytest.approx(n_active, rel=0.02)


def test_penalty_of_a_number_that_the_lasso_cannot_reach_is_small():
    D, X = np.eye(3), np.random.default_rng(0).standard_normal((50, 3))
    penalty = map_penalty(D, X, 7.0)
    assert penalty < 1e-4
    assert np.count_nonzero(map_codes(D, X, penalty)) == 150


def test_map_codes_of_dead_features_are_zero_and_others_exact():
    D = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
    codes = map_codes(D, np.array([[3.0, -2.0]]), 0.5)
    np.testing.assert_allclose(codes, [[2.5, 0.0, -1.5]])


@given(seed=st.integers(0, 10**6))
def test_map_codes_are_the_optimum_of_two_features(seed):
    rng = np.random.default_rng(seed)
    D, x = unit_rows(rng, 2, 3), rng.standard_normal(3)
    s = map_codes(D, x[None], 0.3)[0]
    grid = np.linspace(-3, 3, 121)
    u, v = np.meshgrid(grid, grid)
    W = np.stack([u.ravel(), v.ravel()], axis=1)

    def cost(S):
        return 0.5 * ((x - S @ D) ** 2).sum(axis=1) + 0.3 * np.abs(S).sum(axis=1)

    assert cost(s[None])[0] <= cost(W).min() + 1e-9


def test_every_encoder_recovers_codes_of_the_true_dictionary(toy):
    scene = encoding(toy, toy.mixing.T, own_codes=toy.codes)
    for name, encode in ENCODERS.items():
        codes = encode(scene)
        assert codes.shape == toy.codes.shape
        assert (codes >= 0).all(), name
        error = ((codes - toy.codes) ** 2).sum() / (toy.codes**2).sum()
        assert error < {"own": 1e-12, "map": 0.3, "omp": 0.15, "oracle_support": 0.02}[name], name


def test_oracle_support_is_the_matched_one(toy):
    order = np.random.default_rng(0).permutation(9)
    scene = encoding(toy, toy.mixing.T[order][:7])
    codes = ENCODERS["oracle_support"](scene)
    assert codes.shape == (300, 7)
    np.testing.assert_array_equal(codes != 0, (toy.codes[:, order[:7]] != 0) & (codes != 0))
    expected = true_support(toy.codes, scene.matching, 7)
    np.testing.assert_array_equal(expected, toy.codes[:, order[:7]] != 0)


@given(seed=st.integers(0, 10**6), n_components=st.integers(2, 14))
def test_split_adds_up_and_two_parts_are_not_negative(seed, n_components):
    rng = np.random.default_rng(seed)
    data = make_sparse_random(200, 6, 9, 2, noise=0.1, random_state=seed)
    dictionary = Dictionary.of_rows(rng.standard_normal((n_components, 6)), data.X.mean(axis=0))
    codes = rng.exponential(size=(200, n_components)) * (rng.random((200, n_components)) < 0.3)
    matching = match_components(dictionary.mixing, data.mixing, signed=True)
    split = split_error(data.X, codes, dictionary, data.codes, data.mixing, matching)
    parts = [split.floor, split.dictionary, split.inference, split.magnitude]
    assert sum(parts) == pytest.approx(split.total, rel=1e-9)
    residual = data.X - dictionary.decode(codes)
    power = ((data.X - data.X.mean(axis=0)) ** 2).sum()
    assert split.total == pytest.approx((residual**2).sum() / power)
    assert split.magnitude >= -1e-9
    assert split.floor >= 0


def test_split_puts_the_blame_where_it_belongs(toy):
    truth = Dictionary.of_rows(toy.mixing.T)
    matching = match_components(toy.mixing, toy.mixing, signed=True)

    def split(dictionary, codes):
        return split_error(toy.X, codes, dictionary, toy.codes, toy.mixing, matching)

    exact = refit(toy.mixing.T, toy.X, toy.codes != 0, nonnegative=True)
    right = split(truth, exact)
    assert max(abs(right.dictionary), abs(right.inference), abs(right.magnitude)) < 1e-9
    assert 0 < right.floor < 0.001

    shrunk = split(truth, 0.7 * exact)
    assert shrunk.magnitude > 0.05
    assert max(abs(shrunk.dictionary), abs(shrunk.inference)) < 1e-9

    other = np.roll(toy.codes != 0, 1, axis=1)
    wrong = split(truth, refit(toy.mixing.T, toy.X, other, nonnegative=True))
    assert wrong.inference > 0.2
    assert max(abs(wrong.dictionary), abs(wrong.magnitude)) < 1e-9

    rng = np.random.default_rng(0)
    tilted = Dictionary.of_rows(toy.mixing.T + 0.2 * rng.standard_normal((9, 6)))
    codes = refit(tilted.components, toy.X, toy.codes != 0, nonnegative=True)
    bad = split(tilted, codes)
    assert bad.dictionary > 0.02
    assert max(abs(bad.inference), abs(bad.magnitude)) < 1e-9


def test_split_of_dense_sources_is_undefined():
    rng = np.random.default_rng(0)
    S, A = rng.laplace(size=(50, 3)), unit_rows(rng, 3, 2).T
    matching = match_components(A, A)
    split = split_error(S @ A.T, S, Dictionary.of_rows(A.T), S, A, matching)
    assert np.isnan([split.dictionary, split.inference, split.magnitude, split.floor]).all()
    assert split.total == pytest.approx(0, abs=1e-12)


def test_a_dictionary_of_nan_is_refused():
    with pytest.raises(FloatingPointError, match="1 of 2 learned features are NaN"):
        Dictionary.of_rows(np.array([[1.0, 0.0], [np.nan, 0.0]]))
