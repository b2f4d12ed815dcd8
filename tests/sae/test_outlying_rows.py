"""Rows far longer than all others stay in training, and are told of."""

import re
import warnings

import numpy as np
import pytest

from overica.sae import SAES, FrozenStages, ResidualStages, TopKSAE

X = np.random.default_rng(0).exponential(size=(2000, 6))
SINKS = np.array([7, 40, 1900])


def sae(name="topk"):
    return SAES[name](8, n_active=2, n_steps=3, batch_size=64, random_state=0)


@pytest.fixture
def far():
    Z = X.copy()
    Z[SINKS] *= 1000
    return Z


@pytest.mark.parametrize("name", SAES)
def test_they_are_told_of(name, far):
    with pytest.warns(UserWarning, match=r"3 rows of `X` \(7, 40, 1900\) are .* times as long"):
        sae(name).fit(far)


def test_others_are_not():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sae().fit(X)


def test_of_many_rows_those_that_are_looked_at_are_named_by_their_numbers():
    many = np.random.default_rng(0).exponential(size=(70_000, 2))
    sinks = np.array([10_003, 30_001, 69_999])
    many[sinks] *= 1000
    with pytest.warns(UserWarning, match="of 65536 rows of `X` that were looked at") as told:
        sae().fit(many)
    (named,) = re.findall(r"looked at \((.*?)\)", str(told[0].message))
    assert {int(row) for row in named.split(", ")} <= set(sinks)


def test_they_are_told_of_in_a_stream(far):
    with pytest.warns(UserWarning, match=r"3 rows of `X` \(7, 40, 1900\) are .* times as long"):
        sae().fit(Batches(far))


class Batches:
    """As a loader gives them."""

    def __init__(self, rows):
        self._rows = rows

    def __iter__(self):
        return iter(np.array_split(self._rows, 20))


@pytest.mark.parametrize("kind", [FrozenStages, ResidualStages])
def test_stages_tell_once(kind, far):
    model = kind(TopKSAE(8, n_active=2, n_steps=4, batch_size=64, random_state=0), stages=2)
    with pytest.warns(UserWarning, match="median row") as told:
        model.fit(far)
    assert ["`X` (7, 40, 1900)" in str(warning.message) for warning in told] == [True]


def test_a_step_on_a_batch_says_nothing(far):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sae().partial_fit(far)
