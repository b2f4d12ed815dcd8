"""Whatever samples come as, they are the same samples; and what is none says why."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

from overica import OvercompleteICA
from overica.baselines import PCABaseline
from overica.datasets import make_mixture
from overica.lm import ActivationStore, StoreWriter, TokenRows
from overica.rows import Rows, opened
from overica.sae import BatchTopKSAE, ResidualStages, SparseAutoencoder

pytestmark = pytest.mark.filterwarnings("ignore:the fit has not settled")

X = make_mixture(800, 4, 6, "sparse_laplace", n_active=1, random_state=0).X.astype(np.float32)


def ica():
    return OvercompleteICA(6, max_iter=5, n_restarts=1, random_state=0)


def sae():
    return BatchTopKSAE(8, n_active=2, n_steps=5, random_state=0)


class Items(Dataset):
    """Samples with a label each."""

    def __init__(self, rows):
        self.rows = rows

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        return {"activations": self.rows[i]}


class Again:
    """Batches each time."""

    def __init__(self, *batches):
        self.batches = batches

    def __iter__(self):
        yield from self.batches


class Singles(IterableDataset):
    def __iter__(self):
        yield from torch.tensor(X)


class Lent:
    """Rows by slices and rising indices alone, as HDF5 has them."""

    shape, dtype = X.shape, X.dtype

    def __getitem__(self, key):
        assert isinstance(key, slice) or (np.diff(key) > 0).all()
        return X[key]


def mapped(folder, rows, name="X.npy"):
    np.save(folder / name, rows)
    return np.load(folder / name, mmap_mode="r")


def tensor_map(folder, rows):
    rows.tofile(folder / "X.bin")
    found = torch.from_file(str(folder / "X.bin"), shared=False, size=rows.size)
    return found.reshape(rows.shape)


def store(folder, rows):
    writer = StoreWriter(folder / "store", rows.shape[1], ["a"], {"model": "m", "layer": 1})
    for part in np.array_split(rows, 3):
        n = np.zeros(len(part))
        with writer.shard(TokenRows(n, n, np.arange(len(part)), ["text"])) as shard:
            shard[:] = part
    writer.finish()
    return ActivationStore(folder / "store")


SAME = {
    "map": mapped,
    "tensor": lambda _, rows: torch.tensor(rows),
    "tensor map": tensor_map,
    "store": store,
    "shards": lambda folder, rows: [rows[:100], mapped(folder, rows[100:])],
    "tensor shards": lambda _, rows: tuple(torch.tensor(rows).split(300)),
    "frames": lambda _, rows: [pd.DataFrame(part) for part in np.split(rows, 4)],
    "rows by rising indices": lambda *_: Lent(),
    "tensors": lambda _, rows: TensorDataset(torch.tensor(rows), torch.zeros(len(rows))),
    "items": lambda _, rows: Items(rows),
    "subset": lambda _, rows: Subset(TensorDataset(torch.tensor(rows)), range(len(rows))),
    "loader": lambda _, rows: DataLoader(TensorDataset(torch.tensor(rows)), batch_size=70),
    "batches": lambda _, rows: Again(*np.array_split(rows, 9)),
    "lists": lambda _, rows: rows.astype(float).tolist(),
}


@pytest.fixture(scope="module")
def known():
    return {make: make().fit(X) for make in (ica, sae)}


@pytest.mark.parametrize("make", [ica, sae])
@pytest.mark.parametrize("kind", SAME)
def test_the_fit_is_that_of_the_array(make, kind, known, tmp_path):
    given, wanted = SAME[kind](tmp_path, X), known[make]
    whole = np.array(given) if kind == "lists" else X
    if kind == "lists":
        wanted = make().fit(whole)
    got = make().fit(given)
    np.testing.assert_array_equal(got.components_, wanted.components_)
    codes = wanted.transform(given)
    assert isinstance(codes, torch.Tensor) == isinstance(given, torch.Tensor)
    np.testing.assert_array_equal(codes, wanted.transform(whole))
    if make is ica:
        assert wanted.score(given) == pytest.approx(wanted.score(X), rel=1e-6)


@pytest.mark.parametrize("kind", ["store", "shards", "items", "loader"])
def test_others_take_them_into_memory(kind, tmp_path):
    given = SAME[kind](tmp_path, X)
    pca = PCABaseline(3).fit(given)
    np.testing.assert_array_equal(pca.components_, PCABaseline(3).fit(X).components_)
    np.testing.assert_array_equal(pca.transform(given), pca.transform(X))
    stages = [ResidualStages(sae()).fit(data) for data in (given, X)]
    np.testing.assert_array_equal(*(stage.transform(given) for stage in stages))


def test_bfloat16_of_numpy():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    half = X.astype(ml_dtypes.bfloat16)
    whole = half.astype(np.float32)
    for make in (ica, sae):
        np.testing.assert_array_equal(make().fit(half).components_, make().fit(whole).components_)


def test_what_is_read_by_rows_and_what_in_order():
    assert isinstance(opened([X, X]), Rows)
    assert opened([X.tolist()] * 2) == [X.tolist()] * 2
    assert isinstance(opened(Again(X)), np.ndarray)
    assert opened(opened(Again(X))) is not None


BAD = {
    "generator": (
        lambda: (part for part in [X]),
        r"readable more than once.*generator.*partial_fit",
    ),
    "map": (lambda: map(np.asarray, [X]), "readable more than once"),
    "width": (
        lambda: [X, X[:, :3]],
        r"expected \(n_rows, n_features=4\) in shard 1, got \(800, 3\)",
    ),
    "number": (lambda: [X, 3.0], r"expected \(n_rows, n_features=4\) in shard 1, got \(\)"),
    "sparse": (lambda: [X, scipy.sparse.csr_matrix(X)], "a shard of `X` must be a matrix in full"),
    "vector": (lambda: [X, X[0]], r"expected \(n_rows, n_features=4\) in shard 1, got \(4,\)"),
    "dtype": (
        lambda: [X, X, X.astype(float)],
        "one dtype: expected float32 in shard 2, got float64",
    ),
    "empty": (lambda: Again(), "must give a batch of rows when it is iterated, got none"),
    "width of a batch": (
        lambda: Again(X, X[:, :3]),
        r"batch 1 of `X`.*n_features=4.*got \(800, 3\)",
    ),
    "dtype of a batch": (
        lambda: Again(X, X.astype(float)),
        "batch 1 of `X` must be float32.*float64",
    ),
    "singles": (
        lambda: Singles(),
        r"batch 0 of `X` must have shape \(n, n_features\), got \(4,\).*DataLoader",
    ),
    "mapping": (
        lambda: Again({"x": X, "y": X}),
        "batch 0 of `X` must hold one array, got a mapping of 'x', 'y'",
    ),
    "no items": (lambda: Items(X[:0]), "empty data set"),
    "items of batches": (lambda: Items(X[None]), r"item 0 of `X` must have shape \(n_features,\)"),
    "ragged items": (
        lambda: Items([*X, X[0, :3]]),
        r"item 800 of `X` must be float32 of shape \(4,\)",
    ),
    "complex shards": (lambda: [X.astype(complex)] * 2, "real numbers"),
    "a path": (lambda: "acts.npy", r"got the path 'acts.npy': `overica.lm.open_store`"),
    "a function": (lambda: lambda: iter([X]), "which is a function"),
    "nan in a batch": (lambda: Again(X, spoilt(17)), "NaN in row 17 of batch 1"),
}


def spoilt(row, value=np.nan):
    bad = X.copy()
    bad[row, 1] = value
    return bad


@pytest.mark.parametrize("make", [ica, sae])
@pytest.mark.parametrize("case", BAD)
def test_what_is_none_says_why(make, case):
    make_bad, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        make().fit(make_bad())


WORDS = """
            An array, memory map or tensor of any float type; a list of such shards; an `ActivationStore`; a torch
            `Dataset` or `DataLoader`, or other batches that come anew each time they are iterated. See
            `overica.rows.opened`."""


@pytest.mark.parametrize("estimator", [OvercompleteICA, SparseAutoencoder, ResidualStages])
def test_all_say_in_the_same_words_what_they_take(estimator):
    assert WORDS in estimator.fit.__doc__


@pytest.mark.parametrize("make", [ica, sae])
def test_a_row_that_is_no_number_is_named(make, tmp_path, known):
    shards = [X, X, mapped(tmp_path, spoilt(17), "activations-00002.npy")]
    place = r"NaN in row 17 of shard 2 \(activations-00002.npy\)"
    for action in (make().set_params(batch_size=3000).fit, known[make].transform):
        with pytest.raises(ValueError, match=place):
            action(shards)
    with pytest.raises(ValueError, match="infinity in item 5"):
        known[make].transform(Items(spoilt(5, np.inf)))


def test_too_few():
    for data in (Again(X[:1]), [X[:1]], Items(X[:1])):
        with pytest.raises(ValueError, match="1 sample"):
            ica().fit(data)


def test_other_features_than_fitted(known):
    for data in (Again(X[:, :3]), [X[:, :3]] * 2):
        with pytest.raises(ValueError, match=r"3 features.*4 features"):
            known[ica].transform(data)
