"""Rows far beyond all others are left out and named; heavy tails are not taken for them."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overica import OvercompleteICA
from overica.datasets import DATASETS, make_mixture, make_three_features
from overica.learning.samples import Samples
from overica.learning.survey import outlying
from overica.metrics import share_recovered

DATA = make_mixture(4000, 8, 16, "sparse_laplace", n_active=3, random_state=0)
LENGTH = np.linalg.norm(DATA.X, axis=1).mean()
SINKS = [
    (slice(7, 8), 1000.0),
    (slice(7, 8), 300.0),
    (slice(0, None, 128), 100.0),
    (slice(0, None, 128), 30.0),
]


def with_sinks(rows, factor):
    X = DATA.X.copy()
    X[rows] = 0
    X[rows, 2] = factor * LENGTH
    return X, np.arange(len(X))[rows]


@pytest.mark.parametrize(("rows", "factor"), SINKS)
def test_sinks_are_left_out_and_named(rows, factor):
    X, sinks = with_sinks(rows, factor)
    ica = OvercompleteICA(16, random_state=0)
    named = f"{len(sinks)} rows? of `X` \\({sinks[0]}.* times as long as the median row"
    with pytest.warns(UserWarning, match=named):
        ica.fit(X)
    assert share_recovered(ica.mixing_, DATA.mixing) == 1
    assert ica.unit_ == pytest.approx(DATA.X.std(), rel=0.05)
    assert np.linalg.norm(ica.mean_ - DATA.X.mean(axis=0)) < 0.05 * LENGTH
    codes = ica.transform(X[sinks])
    np.testing.assert_allclose(ica.inverse_transform(codes), X[sinks], atol=0.1 * factor * LENGTH)


def test_sinks_in_a_stream():
    X, _ = with_sinks(*SINKS[2])
    ica = OvercompleteICA(16, max_iter=100, random_state=0)
    with pytest.warns(UserWarning, match="rows of `X`"):
        ica.partial_fit(X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for _ in range(149):
            ica.partial_fit(X)
    assert share_recovered(ica.mixing_, DATA.mixing, threshold=0.9) > 0.8


@pytest.mark.parametrize("mapped", [False, True])
def test_neither_drawn_nor_held_out(mapped, tmp_path):
    X, sinks = with_sinks(*SINKS[3])
    if mapped:
        np.save(tmp_path / "x.npy", X)
        X = np.load(tmp_path / "x.npy", mmap_mode="r")
    samples = Samples(X, center=True, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(samples.outlying.rows, sinks)
    every = samples.draw(len(X), np.random.default_rng(0))
    assert len(every) + len(samples.held_out) == len(X) - len(sinks)
    assert max(np.abs(every).max(), np.abs(samples.held_out).max()) < 10
    assert np.concatenate([every, samples.held_out]).std() == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize("name", DATASETS)
@pytest.mark.parametrize("seed", range(2))
def test_no_data_set_has_any(name, seed):
    assert outlying(DATASETS[name](random_state=seed).X).rows.size == 0


@pytest.mark.parametrize("frequency", [0.02, 0.01, 0.005])
def test_rare_features_are_no_sinks(frequency):
    for others in (0.4, frequency):
        data = make_three_features(
            frequencies=(others, others, frequency), together=0.0, random_state=0
        )
        assert outlying(data.X).rows.size == 0


@given(
    seed=st.integers(0, 2**32 - 1),
    n_samples=st.sampled_from([150, 1000, 4000]),
    p=st.floats(0.005, 1.0),
    noise=st.sampled_from([0.0, 0.01, 0.1]),
    exponent=st.integers(-140, 140),
)
def test_sparse_sources_have_no_outlying_rows(seed, n_samples, p, noise, exponent):
    """However sparse, in whatever units, with rows that are zero or noise alone."""
    rng = np.random.default_rng(seed)
    S = rng.laplace(size=(n_samples, 24)) * (rng.random((n_samples, 24)) < p)
    X = S @ rng.standard_normal((24, 12)) + noise * rng.standard_normal((n_samples, 12))
    assert outlying(X * 10.0**exponent).rows.size == 0


@pytest.mark.parametrize("degrees", [3.0, 5.0])
@pytest.mark.parametrize("n_samples", [200, 5000])
def test_heavy_tails_have_none(degrees, n_samples):
    X = np.random.default_rng(0).standard_t(degrees, size=(n_samples, 6))
    assert outlying(X).rows.size == 0


def test_zero_rows_are_no_reference():
    X = np.zeros((4000, 3))
    X[::100] = np.random.default_rng(0).laplace(size=(40, 3))
    assert outlying(X).rows.size == 0


def test_what_happens_often_is_a_feature():
    X, _ = with_sinks(slice(0, None, 20), 100.0)
    assert outlying(X).rows.size == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outlying(DATA.X[:50])
