"""Batches that come again: drawn by reading on, gone on with from a few numbers, and refused when they change."""

import json
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, TensorDataset

from overica import OvercompleteICA
from overica.datasets import make_mixture
from overica.learning.samples import Samples
from overica.metrics import share_recovered
from overica.rows import Stream, opened, shuffling, streams
from overica.rows.reservoir import Reservoir
from overica.rows.shuffling import StreamDraws
from overica.rows.signatures import signatures
from overica.sae import BatchTopKSAE

DATA = make_mixture(6000, 8, 12, "sparse_exponential", n_active=2, random_state=0)
X = DATA.X.astype(np.float32)
RNG = np.random.default_rng(0)


class Again:
    """The same batches each time, or others after the first ones."""

    def __init__(self, *times):
        self.times, self.n_times = times, 0

    def __iter__(self):
        yield from self.times[min(self.n_times, len(self.times) - 1)]
        self.n_times += 1


@pytest.fixture
def long(monkeypatch):
    """Small data are long streams."""
    monkeypatch.setattr(streams, "HEAD_NUMBERS", 100)
    monkeypatch.setattr(shuffling, "_BLOCK_NUMBERS", 2000)


def split(rows, n=20):
    return np.array_split(rows, n)


def loader(rows, **parameters):
    return DataLoader(TensorDataset(torch.tensor(rows)), batch_size=300, **parameters)


def in_order(rows):
    return rows[np.lexsort(rows.T)]


def numbered(sizes):
    """A stream of the numbers from 0."""
    stops = np.cumsum(sizes)
    rows = np.arange(float(stops[-1]))[:, None]
    return Stream(Again(np.split(rows, stops[:-1])))


@given(
    sizes=st.lists(st.integers(0, 9), min_size=1, max_size=8).filter(any),
    block=st.integers(1, 12),
    taken=st.lists(st.integers(0, 25), max_size=5),
    more=st.integers(1, 60),
)
def test_drawing_goes_on_from_a_position(sizes, block, taken, more):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shuffling, "_BLOCK_NUMBERS", block)
        patch.setattr(shuffling, "_BATCHES", 0)
        patch.setattr(streams, "HEAD_NUMBERS", 1)
        draws = StreamDraws(numbered(sizes), seed=3)
        for size in taken:
            if size:
                draws.draw(size, RNG)
        position = json.loads(json.dumps(draws.position))
        other = StreamDraws(numbered(sizes), seed=3)
        other.seek(position)
        assert other.position == position
        wanted = draws.draw(more, RNG)
        np.testing.assert_array_equal(other.draw(more, RNG), wanted)
        assert other.position == draws.position


@given(
    sizes=st.lists(st.integers(0, 9), min_size=1, max_size=8).filter(any),
    block=st.integers(1, 12),
    steps=st.integers(1, 7),
)
def test_each_row_comes_once_in_every_time_through(sizes, block, steps):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shuffling, "_BLOCK_NUMBERS", block)
        patch.setattr(streams, "HEAD_NUMBERS", 1)
        draws = StreamDraws(numbered(sizes), seed=0)
        n = sum(sizes)
        rows = np.concatenate([draws.draw(steps, RNG) for _ in range(3 * n)]).ravel()
    for time in range(3):
        np.testing.assert_array_equal(np.sort(rows[time * n :][:n]), np.arange(n))


def test_blocks_are_shuffled_and_no_two_alike(long):
    draws = StreamDraws(Stream(Again(split(X))), seed=0)
    first, second = draws.draw(1200, RNG), draws.draw(1200, RNG)
    np.testing.assert_array_equal(in_order(first), in_order(X[:1200]))
    orders = [np.argsort(signatures(part)) for part in (first, second)]
    given_order = [np.argsort(signatures(part)) for part in (X[:1200], X[1200:2400])]
    moves = [np.argsort(a)[b] for a, b in zip(orders, given_order, strict=True)]
    assert not np.array_equal(*moves)
    assert all((move != np.arange(1200)).mean() > 0.9 for move in moves)


@pytest.mark.parametrize("shuffle", [False, True])
def test_ica_recovers_from_a_stream(long, shuffle):
    torch.manual_seed(0)
    given = loader(X, shuffle=shuffle)
    ica = OvercompleteICA(
        12, prior="exponential", max_iter=100, whiten=False, hierarchy=False, random_state=0
    )
    ica.fit(given)
    assert share_recovered(ica.mixing_, DATA.mixing) == 1
    assert ica.unit_ == pytest.approx(np.sqrt((X.astype(float) ** 2).mean()), rel=1e-6)
    assert ica.transform(given).shape == (6000, 12)
    assert ica.score(loader(X)) == pytest.approx(ica.score(X), rel=1e-6)


@pytest.mark.filterwarnings("ignore:the fit has not settled")
def test_the_same_stream_gives_the_same_bits(long):
    """With all that a fit may look at: units, hierarchies, and a second time over all."""
    fits = [
        OvercompleteICA(12, prior="exponential", max_iter=20, random_state=0).fit(loader(X))
        for _ in range(2)
    ]
    np.testing.assert_array_equal(fits[0].mixing_, fits[1].mixing_)


def test_an_autoencoder_recovers_from_a_stream(long):
    fits = [
        BatchTopKSAE(12, n_active=2, n_steps=300, random_state=0).fit(data)
        for data in (loader(X), X)
    ]
    shares = [share_recovered(sae.mixing_, DATA.mixing, threshold=0.9) for sae in fits]
    assert shares[0] >= shares[1] - 0.1
    np.testing.assert_array_equal(fits[0].transform(loader(X)), fits[0].transform(X))


@pytest.mark.parametrize("center", [False, True])
def test_units_and_second_moments_are_those_of_the_array(long, center):
    rows = X + 3
    read, known = (
        Samples(data, center=center, rng=np.random.default_rng(0))
        for data in (opened(Again(split(rows))), rows)
    )
    np.testing.assert_allclose(read.mean, known.mean, rtol=1e-10)
    assert read.unit == pytest.approx(known.unit, rel=1e-10)
    for every in (False, True):
        np.testing.assert_allclose(
            read.second_moments(every=every), known.second_moments(), rtol=1e-8, atol=1e-10
        )
    assert (read.n_rows, len(read.held_out), read.split) == (5400, 600, True)
    assert read.plain(1000).shape == (1000, 8)


def test_second_moments_of_some_rows(long, monkeypatch):
    monkeypatch.setattr("overica.learning.moments._ENOUGH", 500)
    monkeypatch.setattr("overica.learning.moments._ENOUGH_PER_FEATURE", 0)
    samples = Samples(opened(Again(split(X, 60))), center=True, rng=np.random.default_rng(0))
    known = np.cov(samples.units.forward(X.astype(float)).T, bias=True)
    some, every = samples.second_moments(), samples.second_moments(every=True)
    np.testing.assert_allclose(every, known, atol=1e-8)
    assert 1e-4 < np.abs(some - known).max() < 0.25


def test_what_is_held_out_is_not_drawn(long):
    torch.manual_seed(0)
    samples = Samples(opened(loader(X, shuffle=True)), center=True, rng=np.random.default_rng(0))
    drawn, held = (
        signatures((Z * samples.unit + samples.mean).astype(np.float32))
        for Z in (samples.batch(5400, RNG), samples.held_out)
    )
    assert np.unique(drawn).size == 5400
    assert np.isin(held, signatures(X)).all()
    assert not np.isin(held, drawn).any()


def test_outlying_rows_are_told_by_their_length(long):
    rows = X.copy()
    rows[::128] = 0
    rows[::128, 2] = 1000
    sinks = np.arange(6000)[::128]
    samples = Samples(opened(Again(split(rows))), center=True, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(samples.outlying.rows, sinks)
    known = Samples(rows, center=True, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(known.outlying.rows, sinks)
    assert samples.unit == pytest.approx(known.unit, rel=1e-9)
    assert max(np.abs(samples.batch(9000, RNG)).max(), np.abs(samples.held_out).max()) < 20
    np.testing.assert_allclose(samples.second_moments(), known.second_moments(), atol=1e-8)


CHANGED = {
    "fewer rows": (split(X[:5000]), "6000 rows at first and 5000 now"),
    "more rows": (split(np.concatenate([X, X[:1]])), "6000 rows at first and 6001 now"),
    "other rows": (split(X + 1), "must give the same rows each time it is iterated, got others"),
}


@pytest.mark.parametrize("case", CHANGED)
def test_a_stream_that_changes_is_refused(long, case):
    later, message = CHANGED[case]
    ica = OvercompleteICA(12, prior="laplace", random_state=0)
    # Opening has a look at the beginning alone.
    with pytest.raises(ValueError, match=message):
        ica.fit(Again(split(X), split(X), later))
    sae = BatchTopKSAE(12, n_active=2, n_steps=50, batch_size=500, random_state=0)
    with pytest.raises(ValueError, match=message):
        sae.fit(Again(split(X), split(X), later))


def test_a_position_of_another_order_is_refused(long):
    draws = StreamDraws(Stream(Again(split(X))), seed=0)
    draws.draw(2000, RNG)
    other = StreamDraws(Stream(Again(split(X[::-1]))), seed=0)
    other.seek(draws.position)
    with pytest.raises(ValueError, match="same rows in the same order"):
        other.draw(1, RNG)
    for bad in (None, {"block": 1}):
        with pytest.raises(ValueError, match="must be one of a stream"):
            other.seek(bad)


def test_positions_of_a_fit(long):
    make = lambda data: Samples(opened(data), center=True, rng=np.random.default_rng(0))  # noqa: E731
    samples, again = make(loader(X)), make(loader(X))
    for _ in range(8):
        samples.batch(1000, RNG)
    again.seek(json.loads(json.dumps(samples.position)))
    np.testing.assert_array_equal(again.batch(900, RNG), samples.batch(900, RNG))
    assert samples.measured_in(samples.units).position == samples.position
    known = make(X)
    assert known.position is None
    known.seek(None)
    with pytest.raises(ValueError, match="must be None for rows that are chosen by number"):
        known.seek(samples.position)


def test_a_reservoir_is_drawn_evenly():
    counts = np.zeros(60)
    for seed in range(2000):
        reservoir = Reservoir(10, np.random.default_rng(seed))
        for batch in np.split(np.arange(60.0)[:, None], [3, 3, 25, 26]):
            reservoir.add(batch)
        kept = reservoir.rows.ravel().astype(int)
        assert np.unique(kept).size == 10
        counts[kept] += 1
    # Each is kept with probability 1/6.
    assert np.abs(counts / 2000 - 1 / 6).max() < 4.5 * np.sqrt(5 / 36 / 2000)


@given(seed=st.integers(0, 99), dtype=st.sampled_from([np.float32, np.float64]))
def test_signatures_go_with_the_rows(seed, dtype):
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, 3, (40, 3)).astype(dtype)
    order = rng.permutation(40)
    found = signatures(rows)
    np.testing.assert_array_equal(signatures(rows[order]), found[order])
    assert np.unique(found).size == np.unique(rows, axis=0).shape[0]


class Made:
    """Batches made when they are asked for: none is in memory before."""

    def __init__(self, n_batches):
        self.n_batches = n_batches

    def __iter__(self):
        for number in range(self.n_batches):
            rng = np.random.default_rng(number)
            yield rng.laplace(size=(500, 64)).astype(np.float16)


@pytest.mark.parametrize(
    "make",
    [
        lambda: OvercompleteICA(64, prior="laplace", max_iter=3, n_restarts=1, whiten=False),
        lambda: BatchTopKSAE(64, n_active=2, n_steps=5),
    ],
)
@pytest.mark.filterwarnings("ignore:the fit has not settled")
def test_memory_is_that_of_a_batch_however_many_there_are(make, monkeypatch):
    monkeypatch.setattr(streams, "HEAD_NUMBERS", 2**18)
    monkeypatch.setattr(shuffling, "_BLOCK_NUMBERS", 2**18)
    peaks = []
    for n_batches in (20, 20, 400):
        tracemalloc.start()
        try:
            make().set_params(batch_size=200, random_state=0).fit(Made(n_batches))
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    # Twenty times the rows, and 51 MB as they are read; the first fit imports what it needs.
    assert peaks[2] < peaks[1] + 4e6


class Stopped(Exception):
    """In the middle of a fit."""


@pytest.mark.parametrize("n_steps", [3, 30])
@pytest.mark.parametrize("kind", ["ica", "sae"])
@pytest.mark.filterwarnings("ignore:the fit has not settled")
def test_a_fit_of_a_stream_goes_on_where_it_was_stopped(long, kind, n_steps, tmp_path):
    def make(**parameters):
        if kind == "sae":
            return BatchTopKSAE(12, n_active=2, n_steps=40, batch_size=700, **parameters)
        return OvercompleteICA(12, prior="laplace", max_iter=25, batch_size=700, **parameters)

    done = []

    def stop(_figures):
        done.append(1)
        if len(done) == n_steps:
            raise Stopped

    kept = {"random_state": 0, "checkpoint": tmp_path / "run", "checkpoint_every": 0}
    with pytest.raises(Stopped):
        make(callback=stop, **kept).fit(loader(X))
    again = make(**kept).fit(loader(X))
    whole = make(random_state=0).fit(loader(X))
    np.testing.assert_array_equal(again.mixing_, whole.mixing_)
