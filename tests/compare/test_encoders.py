"""Encoders of a known truth, and the split of the error."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overica.coding import Dictionary, SparseCoder
from overica.compare import ENCODERS, Encoding, split_error
from overica.compare.encoders import true_support
from overica.datasets import make_sparse_random
from overica.metrics import match_components


def unit_rows(rng, n_components, n_features):
    D = rng.standard_normal((n_components, n_features))
    return D / np.linalg.norm(D, axis=1, keepdims=True)


def encoding(data, components, *, own_codes=None, n_active=2.0):
    dictionary = Dictionary.of_rows(components)
    codes = np.zeros((data.n_samples, len(components))) if own_codes is None else own_codes
    matching = match_components(dictionary.mixing, data.mixing, nonnegative=data.nonnegative)
    return Encoding(
        data.X, data.X, dictionary, data.nonnegative, n_active, codes, data.codes, matching
    )


def refit(components, X, supports):
    coder = SparseCoder(components, method="oracle", nonnegative=True)
    return coder.transform(X, supports=supports)


@pytest.fixture(scope="module")
def toy():
    return make_sparse_random(300, 6, 9, 2, noise=0.02, random_state=0)


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
    matching = match_components(dictionary.mixing, data.mixing, nonnegative=True)
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
    matching = match_components(toy.mixing, toy.mixing, nonnegative=True)

    def split(dictionary, codes):
        return split_error(toy.X, codes, dictionary, toy.codes, toy.mixing, matching)

    exact = refit(toy.mixing.T, toy.X, toy.codes != 0)
    right = split(truth, exact)
    assert max(abs(right.dictionary), abs(right.inference), abs(right.magnitude)) < 1e-9
    assert 0 < right.floor < 0.001

    shrunk = split(truth, 0.7 * exact)
    assert shrunk.magnitude > 0.05
    assert max(abs(shrunk.dictionary), abs(shrunk.inference)) < 1e-9

    other = np.roll(toy.codes != 0, 1, axis=1)
    wrong = split(truth, refit(toy.mixing.T, toy.X, other))
    assert wrong.inference > 0.2
    assert max(abs(wrong.dictionary), abs(wrong.magnitude)) < 1e-9

    rng = np.random.default_rng(0)
    tilted = Dictionary.of_rows(toy.mixing.T + 0.2 * rng.standard_normal((9, 6)))
    codes = refit(tilted.components, toy.X, toy.codes != 0)
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
