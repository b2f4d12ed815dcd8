"""Batches where a mixing matrix lies: the same rows, from the same draws, however they get there."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from overica.learning.feeding import Ahead, DeviceFeed
from overica.learning.samples import Samples
from overica.rows import Rows, opened

SIZE = 40


def data(dtype=np.float32):
    rng = np.random.default_rng(0)
    mixed = rng.standard_normal((700, 6)) @ rng.standard_normal((6, 6)) + 1000
    return mixed.astype(dtype)


def samples_of(X):
    return Samples(X, center=True, rng=np.random.default_rng(1))


@pytest.fixture(params=["resident", "read ahead"])
def road(request, monkeypatch):
    """Whether a device takes all of the data."""
    monkeypatch.setattr(
        "overica.learning.samples.fits_beside", lambda *_: request.param == "resident"
    )
    return request.param


@pytest.mark.parametrize("kind", ["array", "double", "half", "stream"])
@pytest.mark.parametrize("white", [False, True])
def test_batches_on_a_device_are_those_at_home(road, kind, white):
    X = data(np.float64 if kind == "double" else np.float32)
    if kind == "half":
        X = Rows((X - 1000).astype(np.float16))
    elif kind == "stream":
        X = opened(Batches(X))
    here, there = (samples_of(X) for _ in range(2))
    if white:
        here, there = (
            samples.measured_in(stretched(samples.plain_units)) for samples in (here, there)
        )
    rng, twin = (np.random.default_rng(2) for _ in range(2))
    with DeviceFeed(there, torch.zeros(1)) as feed:
        for step in range(4):
            expected = here.batch(SIZE, rng)
            found = feed.batch(SIZE, twin, more=step < 3)
            assert found.dtype == torch.float32
            np.testing.assert_allclose(found.numpy(), expected, rtol=2e-7, atol=1e-12)
            # Nothing is drawn ahead of the step.
            assert rng.bit_generator.state == twin.bit_generator.state
            assert here.position == there.position


class Batches:
    """A stream of rows."""

    def __init__(self, X):
        self.X = X

    def __iter__(self):
        return iter(self.X.reshape(7, 100, -1))


def stretched(units):
    """With a whitener, whatever it is."""
    W = np.diag([1.0, 2, 3, 4, 5, 6])
    return replace(units, whitener=W, dewhitener=np.linalg.inv(W))


def test_draws_by_others_are_not_foretold():
    samples, twin = samples_of(data()), np.random.default_rng(3)
    source, rng = Ahead(samples.draws, torch.device("cpu")), np.random.default_rng(3)
    for _ in range(3):
        found = source.rows(SIZE, rng, more=True)
        np.testing.assert_array_equal(found.numpy(), samples.draws.batch(SIZE, twin))
        assert rng.integers(100) == twin.integers(100)
    source.close()


def test_what_cannot_be_read_ahead_is_told_by_the_step():
    X = data()
    samples = samples_of(Rows(X))
    source, rng = Ahead(samples.draws, torch.device("cpu")), np.random.default_rng(4)
    source.rows(SIZE, rng, more=False)
    X[:] = np.nan
    source._waiting = source._pool.submit(source._read, SIZE, copy.deepcopy(rng))
    with pytest.raises(ValueError, match="`X` must be finite"):
        source.rows(SIZE, rng, more=False)
    source.close()
