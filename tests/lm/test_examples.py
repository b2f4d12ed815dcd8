"""Places at which a feature fires: every firing is counted once, strong and weak ones are shown, each sign apart."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overica.lm.features.examples import STEPS, examples


@st.composite
def firings(draw):
    n = draw(st.integers(1, 80))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    values = rng.exponential(1.0, n) + 0.01
    if draw(st.booleans()):
        values *= rng.choice([-1, 1], n)
    rows = np.sort(rng.choice(200, n, replace=False))
    return rows, values, np.repeat(np.arange(20), 10)


@given(firings())
def test_intervals_hold_every_firing_once(found):
    rows, values, documents = found
    parts = examples(rows, values, documents)
    for sign in (-1, 1):
        own = [part for part in parts if part.sign == sign]
        sizes = np.abs(values[np.sign(values) == sign])
        if not len(sizes):
            assert own == []
            continue
        top, *below = own
        assert (top.firings, top.low, top.high) == (len(sizes), sizes.min(), sizes.max())
        if below:
            assert sum(part.firings for part in below) == len(sizes)
            for part in below:
                assert part.firings == ((sizes >= part.low) & (sizes <= part.high)).sum()
            assert [part.low for part in below] == sorted((p.low for p in below), reverse=True)
        else:
            assert len(top.rows) == len(sizes)


@given(firings())
def test_places_are_firings_each_in_a_document_of_its_own(found):
    rows, values, documents = found
    code = dict(zip(rows.tolist(), values.tolist(), strict=True))
    shown = []
    for part in examples(rows, values, documents):
        assert [code[row] for row in part.rows] == part.values
        sizes = [part.sign * value for value in part.values]
        assert sizes == sorted(sizes, reverse=True)
        assert all(part.low <= size <= part.high for size in sizes)
        assert len({documents[row] for row in part.rows}) == len(part.rows)
        shown += part.rows
    assert len(set(shown)) == len(shown)


def test_intervals_are_between_quantiles_of_the_sizes():
    values = np.arange(1.0, 1001.0)
    _, *below = examples(np.arange(1000), values, np.arange(1000))
    assert [part.firings for part in below] == [100, 400, 400, 100]
    for part, (upper, lower) in zip(below, pairwise(STEPS), strict=True):
        assert (part.upper, part.lower) == (upper, lower)
        assert [part.low, part.high] == pytest.approx(np.quantile(values, [lower, upper]), abs=1.5)
        # Spread over the interval, not all at an end of it.
        assert max(part.values) - min(part.values) > 0.5 * (part.high - part.low)


def test_the_more_frequent_sign_comes_first():
    parts = examples(np.arange(3), np.array([1.0, -2.0, -3.0]), np.arange(3))
    assert [(part.sign, part.values) for part in parts] == [(-1, [-3.0, -2.0]), (1, [1.0])]
    assert examples(np.empty(0, int), np.empty(0), np.arange(3)) == []
