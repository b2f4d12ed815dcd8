"""Schedules of the learning rate, and annealing of the noise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overica.schedules import SCHEDULES, Annealing, Constant, Cosine, Schedule, get_schedule

PROGRESS = st.floats(0, 1)
LEVELS = st.floats(1e-6, 10)


@given(PROGRESS)
@pytest.mark.parametrize("name", list(SCHEDULES))
def test_factors_are_shares(name, progress):
    assert 0 <= get_schedule(name).factor(progress) <= 1


def test_cosine_warms_up_and_decays_to_nothing():
    p = np.linspace(0, 1, 101)
    f = np.array([Cosine().factor(x) for x in p])
    assert f[0] == 0
    assert f[-1] == pytest.approx(0, abs=1e-15)
    assert (np.diff(f[:11]) > 0).all()
    assert (np.diff(f[10:]) < 0).all()
    assert f.max() > 0.95


@given(PROGRESS)
def test_constant(progress):
    assert Constant().factor(progress) == 1


def test_schedules_by_name():
    for name, kind in SCHEDULES.items():
        assert isinstance(get_schedule(name), kind)
        assert isinstance(get_schedule(name), Schedule)
    mine = Cosine()
    assert get_schedule(mine) is mine
    with pytest.raises(ValueError, match=r"`schedule` must be .*'cosine'.*got 'linear'"):
        get_schedule("linear")


@given(LEVELS, LEVELS, PROGRESS, PROGRESS)
def test_annealing_falls_from_start_to_end(one, other, p, q):
    start, end = max(one, other), min(one, other)
    annealing = Annealing(start, end)
    assert annealing.level(0) == pytest.approx(start)
    assert annealing.level(annealing.settled) == pytest.approx(end)
    assert annealing.level(1) == pytest.approx(end)
    assert annealing.level(min(p, q)) >= annealing.level(max(p, q)) * (1 - 1e-12)
    assert annealing.penalty(p, 16) == pytest.approx(4 * annealing.level(p))


@pytest.mark.parametrize(
    "levels", [(0.1, 0.5), (0.5, 0.0), (0.0, 0.0), (np.nan, 0.1), (0.5, -1), ("a", 0.1)]
)
def test_bad_levels(levels):
    with pytest.raises(ValueError, match=r"`annealing.*got"):
        Annealing(*levels)
