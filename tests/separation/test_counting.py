"""Probabilities of numbers of sources."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overica.separation.counting import SURE, count_probabilities, in_words, most_probable


@given(st.lists(st.floats(0, 5), min_size=1, max_size=8), st.integers(100, 10_000), st.floats(0, 1))
def test_they_are_probabilities_of_the_numbers(gains, n_points, share):
    evidence = {n + 1: sum(gains[: n + 1]) for n in range(len(gains))}
    found = count_probabilities(evidence, n_points, share)
    assert list(found) == list(evidence)
    assert min(found.values()) >= 0
    assert sum(found.values()) == pytest.approx(1)


def test_what_adds_little_is_no_source():
    found = count_probabilities({1: 1.0, 2: 2.0, 3: 2.5, 4: 2.51, 5: 2.52}, 5000)
    assert most_probable(found) == 3
    assert found[3] > 0.95
    # As much as two thirds of what makes it as likely as not: it may be one.
    doubtful = count_probabilities({1: 1.0, 2: 2.0, 3: 2.025}, 5000)
    assert most_probable(doubtful) == 2
    assert 0.2 < doubtful[3] < 0.8


def test_chance_in_few_points_is_no_source():
    assert most_probable(count_probabilities({1: 0.02, 2: 0.04, 3: 0.06}, 500)) == 1


def test_where_little_is_heard_alone_no_number_is_sure():
    evidence = {1: 1.0, 2: 2.0, 3: 2.001}
    assert count_probabilities(evidence, 5000, 0.5)[2] > SURE
    doubtful = count_probabilities(evidence, 5000, 0.2)
    assert most_probable(doubtful) == 2
    assert doubtful[2] < SURE


def test_numbers_may_be_missing():
    found = count_probabilities({1: 1.0, 4: 4.0, 5: 4.001}, 5000)
    assert set(found) == {1, 4, 5}
    assert most_probable(found) == 4


def test_no_number_is_called_certain():
    assert in_words({2: 1.0, 3: 0.0}) == "2 (over 99 %)"
