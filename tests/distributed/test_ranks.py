"""Two ranks give the fit of one, end together, and hand on a checkpoint to another number of ranks."""

import signal
import time
from pathlib import Path

import numpy as np
import pytest

from overica import OvercompleteICA
from overica.distributed import alone, rank, share, world
from overica.distributed.exchange import total
from overica.distributed.ranks import check_divisible
from overica.metrics import share_recovered
from overica.sae import TopKSAE
from tests.distributed.fits_of_ranks import DATA, ICA, LONG, fits
from tests.distributed.pairs import pair

HERE = Path(__file__).parent
pytestmark = pytest.mark.filterwarnings("ignore:the fit has not settled")


@pytest.fixture(scope="module")
def here():
    """Fits by this process."""
    return fits()


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """What each of two ranks has found, and said; one fit was begun by this process alone."""
    folder = tmp_path_factory.mktemp("ranks")
    interrupted(folder / "checkpoint", steps=30)
    ended = pair(HERE / "fits_of_ranks.py", folder)
    assert [each.code for each in ended] == [0, 0], ended
    found = [
        {name: dict(np.load(folder / f"{name}-{r}.npz")) for name in ("exchanges", "fits")}
        for r in range(2)
    ]
    return found, [each.out for each in ended]


def interrupted(folder, steps):
    done = []

    def stop(_figures):
        done.append(1)
        if len(done) == steps:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        OvercompleteICA(
            24, **LONG, **ICA, checkpoint=folder, checkpoint_every=0, callback=stop
        ).fit(DATA.X)


def test_ranks_exchange_sums_and_decisions(two):
    for found in two[0]:
        found = found["exchanges"]
        np.testing.assert_array_equal(found["sum"], np.full((2, 3), 3.0))
        np.testing.assert_array_equal(found["fortran"], 2 * np.arange(6.0).reshape(2, 3))
        np.testing.assert_array_equal(found["tensor"], [1.0, 1.0])
        np.testing.assert_array_equal(found["gathered"], [[0.0], [1.0]])
        np.testing.assert_array_equal(found["aligned"], [0.0, 0.0])
        np.testing.assert_allclose(found["mean"], [0.75, 0.75])
        assert found["number"] == 4
        assert found["broadcast"] == 0
        assert found["order"].all()


def test_all_ranks_hold_the_same_bits(two):
    first, second = (found["fits"] for found in two[0])
    for name, dictionary in first.items():
        np.testing.assert_array_equal(dictionary, second[name], err_msg=name)


def test_two_ranks_give_the_fit_of_one(two, here):
    for name, dictionary in two[0][0]["fits"].items():
        np.testing.assert_allclose(dictionary, here[name], atol=1e-4, err_msg=name)
    np.testing.assert_allclose(two[0][0]["fits"]["few steps"], here["few steps"], atol=1e-9)
    assert share_recovered(here["whole fit"], DATA.mixing) > 0.9


def test_a_checkpoint_of_one_goes_on_with_two(two, here):
    np.testing.assert_allclose(two[0][0]["fits"]["gone on"], here["gone on"], atol=1e-6)


def test_other_samples_in_a_rank_are_refused(two):
    first, second = two[1]
    assert "`X` must hold the same samples in all ranks" in second
    assert "rank 1 of 2" in first
    assert "[2000, 16]" in second
    assert "[1999, 16]" in second


def test_a_killed_rank_ends_the_other_and_its_checkpoint_goes_on_with_one(tmp_path, here):
    started = time.monotonic()
    survivor, killed = pair(HERE / "killed.py", tmp_path / "checkpoint")
    assert killed.code == -signal.SIGKILL
    assert survivor.code == 1
    assert "has lost another that left no word" in survivor.out
    assert time.monotonic() - started < 120
    taken = []
    ica = OvercompleteICA(
        24, **LONG, **ICA, checkpoint=tmp_path / "checkpoint", callback=lambda _: taken.append(1)
    ).fit(DATA.X)
    assert len(taken) < ica.n_iter_ - 20
    np.testing.assert_allclose(ica.mixing_, here["whole fit"], atol=1e-6)


def test_alone_nothing_happens():
    assert (rank(), world()) == (0, 1)
    given = {"a": np.ones(2), "b": 1}
    assert total(given) == given
    np.testing.assert_array_equal(share(np.arange(3)), np.arange(3))


def test_more_ranks_than_samples_of_a_batch_are_refused(monkeypatch):
    monkeypatch.setenv("RANK", "2")
    monkeypatch.setenv("WORLD_SIZE", "8")
    np.testing.assert_array_equal(share(np.arange(20)), [2, 10, 18])
    with pytest.raises(
        ValueError, match=r"`batch_size` must give each of the 8 ranks a row.* got 4"
    ):
        check_divisible(4, "`batch_size`")
    with alone():
        assert (rank(), world()) == (0, 1)
        TopKSAE(4, n_active=1, n_steps=2, batch_size=4).fit(DATA.X)


@pytest.mark.parametrize(("name", "value"), [("RANK", "8"), ("RANK", "one"), ("WORLD_SIZE", "-1")])
def test_variables_that_contradict_each_other(monkeypatch, name, value):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "8")
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        world()
