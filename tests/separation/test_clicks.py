"""Clicks lose no talker, and what begins suddenly is no click."""

import numpy as np
import pytest

from overica.datasets import load_talkers, make_talkers
from overica.separation import SeparationWarning, separate
from overica.separation.clicks import bridged, find_clicks
from tests.separation.sounds import RATE, bursts

DIRECTION = np.array([1.0, -0.3])


@pytest.fixture(scope="module")
def data():
    return make_talkers(3, n_seconds=1.0)


@pytest.mark.parametrize("amplitude", [0.3, 1.0, 3.0, 10.0, 1000.0])
def test_one_click_loses_no_talker(data, amplitude):
    x = data.x.copy()
    x[5000] += amplitude * np.abs(x).max() * DIRECTION
    if amplitude < 3:
        found = separate(x, data.sample_rate, 3, method="l1", random_state=0)
    else:
        with pytest.warns(
            SeparationWarning, match=r"a click is left out of the sources, at 0\.625 s"
        ):
            found = separate(x, data.sample_rate, 3, method="l1", random_state=0)
        # It is in none of the sources, and hence in the residual.
        assert np.abs(found.images.sum(axis=0)[5000]).max() < 2 * np.abs(data.x).max()
    assert np.abs(found.mixing.T @ data.mixing).max(axis=0).min() > 0.999


@pytest.mark.parametrize("place", [0, 1, 399, 400, 4000, 7998, 7999])
@pytest.mark.parametrize("length", [1, 3])
def test_wherever_it_is(data, place, length):
    x = data.x.copy()
    x[place : place + length] += 10 * np.abs(x).max() * DIRECTION
    clicks = find_clicks(x, data.sample_rate)
    assert len(clicks) == 1
    first, last = clicks[0]
    assert first <= place < min(place + length, len(x)) <= last
    # No more than the click is bridged, unless it is at an end.
    if 10 < place < 7990:
        assert clicks == [(place, place + length)]
    assert np.abs(bridged(x, 0, len(x), clicks)).max() <= np.abs(data.x).max()
    for start in range(0, len(x), 1234):
        whole = bridged(x, 0, len(x), clicks)[start : start + 1234]
        np.testing.assert_array_equal(bridged(x, start, start + 1234, clicks), whole)


def test_what_is_no_click():
    time = np.arange(RATE) / RATE
    decay = np.exp(-(time % 0.25) / 0.02) * np.random.default_rng(0).standard_normal(RATE)
    sparse = np.random.default_rng(0).laplace(size=RATE) * (
        np.random.default_rng(1).random(RATE) < 0.01
    )
    sounds = {
        "voices": load_talkers().signals.T[: 5 * RATE],
        "gated noise": bursts(3, 1.0),
        "drums": decay[:, None],
        "a tone that begins": (np.sin(2000 * np.pi * time) * (time > 0.5))[:, None],
        "a saw": (50 * time % 1)[:, None],
        "impulses": sparse[:, None],
        "silence": np.zeros((RATE, 2)),
        "very short": np.ones((2, 2)),
    }
    assert {name: find_clicks(x, RATE) for name, x in sounds.items()} == {
        name: [] for name in sounds
    }


@pytest.mark.parametrize("seed", range(3))
def test_a_click_is_no_further_source(seed):
    """In the loudest moment, where what is bridged is missed most."""
    data = make_talkers(3, n_seconds=1.5, random_state=seed)
    x = data.x.copy()
    place = 2000 + int(np.abs(data.x[2000:10_000]).sum(axis=1).argmax())
    x[place] += 5 * np.abs(x).max() * DIRECTION
    with pytest.warns(SeparationWarning, match="a click"):
        found = separate(x, data.sample_rate, "auto", method="binary", random_state=0)
    assert found.n_sources == 3


def test_a_bump_of_a_few_milliseconds_loses_no_talker():
    data = make_talkers(3, n_seconds=1.5)
    x = data.x.copy()
    bump = np.random.default_rng(0).standard_normal(80) * np.exp(-np.arange(80) / 27)
    x[6000:6080] += 3 * np.abs(x).max() * bump[:, None] * DIRECTION
    found = separate(x, data.sample_rate, 3, method="binary", random_state=0)
    assert np.abs(found.mixing.T @ data.mixing).max(axis=0).min() > 0.999
