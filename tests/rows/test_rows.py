"""Samples read part by part: the same answers, and never a copy of the whole."""

import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from overica import OvercompleteICA
from overica.datasets import make_mixture
from overica.rows import Rows, ShardedRows, opened
from overica.rows.drawing import RowDraws
from overica.rows.parts import chunks
from overica.rows.rows import in_memory
from overica.sae import BatchTopKSAE, fine_tune_scale

# A few steps show what is read, and no fit has settled after them.
pytestmark = pytest.mark.filterwarnings("ignore:the fit has not settled")

DATA = make_mixture(800, 4, 6, "sparse_laplace", n_active=1, random_state=0)
HALF = DATA.X.astype(np.float16)


def ica(**parameters):
    settings = {"max_iter": 5, "n_restarts": 1, "random_state": 0} | parameters
    return OvercompleteICA(6, **settings)


def sae(**parameters):
    return BatchTopKSAE(8, **{"n_active": 2, "n_steps": 5, "random_state": 0} | parameters)


def mapped(folder, X):
    np.save(folder / "X.npy", X)
    return np.load(folder / "X.npy", mmap_mode="r")


def bfloat(X):
    return torch.tensor(X).to(torch.bfloat16)


@given(
    dtype=st.sampled_from(["f2", "f4", "f8", "i2", "u1", "?", ">f4", ">i4"]),
    n_rows=st.integers(0, 6),
    index=st.lists(st.integers(0, 5)),
)
def test_rows_are_those_of_the_array(dtype, n_rows, index):
    X = np.arange(3 * n_rows).reshape(n_rows, 3).astype(dtype)
    rows = Rows(X)
    index = np.array([i for i in index if i < n_rows], np.int64)
    assert (rows.shape, len(rows), rows.dtype) == (X.shape, n_rows, rows[:0].dtype)
    assert rows.dtype == (np.float32 if dtype in ("f2", "f4") else np.float64)
    np.testing.assert_array_equal(rows[index], X[index])
    np.testing.assert_array_equal(np.asarray(rows), X)
    assert np.asarray(rows, np.float64).dtype == np.float64


@given(
    n_rows=st.integers(1, 12),
    left_out=st.sets(st.integers(0, 11)),
    size=st.integers(1, 15),
    seed=st.integers(0, 99),
)
def test_draws_are_of_the_rows_that_are_not_left_out(n_rows, left_out, size, seed):
    out = np.array(sorted(row for row in left_out if row < n_rows - 1), np.int64)
    kept = np.setdiff1d(np.arange(n_rows), out)
    draws = RowDraws(np.arange(n_rows)[:, None], out)
    np.testing.assert_array_equal(draws.numbers(np.arange(draws.n_rows)), kept)
    rows = draws.draw(size, np.random.default_rng(seed)).ravel()
    assert np.isin(rows, kept).all()
    np.testing.assert_array_equal(rows, np.sort(rows))
    if size >= len(kept):
        np.testing.assert_array_equal(rows, kept)


@given(sizes=st.lists(st.integers(0, 4), min_size=1, max_size=5).filter(any))
def test_a_row_of_shards_has_a_place(sizes):
    X = ShardedRows([np.zeros((size, 2)) for size in sizes])
    places = [
        f"row {row} of shard {shard}" for shard, size in enumerate(sizes) for row in range(size)
    ]
    assert [X.place(row) for row in range(len(X))] == places


def test_parts_are_the_whole():
    X = np.arange(2**20 + 3.0)[:, None]
    parts = list(chunks(X))
    assert len(parts) == 3
    np.testing.assert_array_equal(np.concatenate(parts), X)


def test_what_is_streamed_and_what_lies_in_memory(tmp_path):
    M = mapped(tmp_path, DATA.X)
    files = [M, np.asarray(M)[1:], ShardedRows([M, M])]
    half = [HALF, bfloat(HALF), torch.tensor(HALF)]
    plain = [DATA.X, torch.tensor(DATA.X), DATA.X.tolist(), np.float16(1.0), torch.tensor([1, 2])]
    read = [isinstance(opened(X), Rows) for X in (*files, *half, *plain)]
    assert read == [True] * 6 + [False] * 5
    assert [in_memory(X) for X in (*files, *half)] == [False] * 3 + [True] * 3
    assert [in_memory(Rows(X)) for X in (*files, *half)] == [False] * 3 + [True] * 3


@pytest.mark.parametrize("make", [ica, sae])
@pytest.mark.parametrize("home", ["map", "half map", "shards", "half", "bfloat", "half tensor"])
def test_answers_are_those_of_the_array_in_memory(make, home, tmp_path):
    X = DATA.X.astype(np.float32) if home == "map" else HALF
    given_as = {
        "shards": lambda: ShardedRows([HALF[:300], mapped(tmp_path, HALF[300:])]),
        "half": lambda: HALF,
        "bfloat": lambda: bfloat(HALF),
        "half tensor": lambda: torch.tensor(HALF),
    }.get(home, lambda: mapped(tmp_path, X))()
    whole = bfloat(HALF).float().numpy() if home == "bfloat" else X.astype(np.float32)
    known, got = make().fit(whole), make().fit(given_as)
    # An autoencoder draws other batches from what it does not hold in memory.
    if make is ica or ("map" not in home and home != "shards"):
        np.testing.assert_array_equal(got.components_, known.components_)
    codes = known.transform(given_as)
    assert isinstance(codes, torch.Tensor if "tensor" in home or home == "bfloat" else np.ndarray)
    np.testing.assert_array_equal(codes, known.transform(whole))
    if make is ica:
        assert known.score(given_as) == known.score(whole)
        again = [make().fit(whole).partial_fit(batch).mixing_ for batch in (given_as, whole)]
        np.testing.assert_array_equal(*again)
    else:
        tuned = [fine_tune_scale(known, X).transform(whole) for X in (given_as, whole)]
        np.testing.assert_array_equal(*tuned)


@pytest.mark.parametrize("make", [ica, sae])
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("row", [0, 799])
def test_malformed_rows_are_refused(make, value, row, tmp_path):
    X = HALF.copy()
    X[row, 1] = value
    fitted = make().fit(HALF)
    for bad in (X, mapped(tmp_path, X), ShardedRows([X[:5], X[5:]]), bfloat(X)):
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            make().fit(bad)
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            fitted.transform(bad)
    for bad, message in ((HALF[:, :3], "3 features"), (HALF[0], "1D"), (HALF[:0], "0 sample")):
        with pytest.raises(ValueError, match=message):
            fitted.transform(bad)
    with pytest.raises(ValueError, match="1 sample"):
        make().fit(HALF[:1])
    with pytest.raises(ValueError, match="real numbers"):
        make().fit(mapped(tmp_path, HALF.astype(complex)))


@pytest.mark.parametrize("make", [ica, sae])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("n_shards", [1, 2])
def test_memory_is_below_the_size_of_the_files(make, dtype, n_shards, tmp_path):
    M = mapped(tmp_path, np.tile(HALF, (1000, 8)).astype(dtype))
    X = ShardedRows(np.array_split(M, n_shards)) if n_shards > 1 else M
    fit, read = make(batch_size=200), make(batch_size=200).fit(np.asarray(M[:1000]))
    if make is ica:
        # Sources of any shape are learned from a million numbers however long the files, in some 180 MB.
        fit.set_params(prior="laplace")
    tracemalloc.start()
    try:
        fit.fit(X)
        peak = tracemalloc.get_traced_memory()[1]
        if make is ica:
            read.score(ShardedRows([M[:100_000]]))
    finally:
        tracemalloc.stop()
    assert peak < 0.7 * M.nbytes
