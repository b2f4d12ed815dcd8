"""Joint firings against counts by hand: correlation, lift, and which feature needs which."""

import numpy as np
import pytest
from scipy import sparse

from overica.lm.features.cofiring import Cofiring


@pytest.fixture(scope="module")
def codes():
    rng = np.random.default_rng(0)
    found = rng.standard_normal((2000, 8)) * (rng.random((2000, 8)) < 0.15)
    # The second fires only where the first does, the third nearly always does, the last never.
    found[:, 1] *= found[:, 0] != 0
    found[:, 2] = found[:, 0] * (rng.random(2000) < 0.95)
    found[:, 7] = 0
    return found


def test_companions_are_those_of_the_correlations(codes):
    cofiring = Cofiring(sparse.csr_matrix(codes))
    active = (codes != 0).astype(float)
    for j in range(7):
        companions = cofiring.companions(j, 8)
        assert [c.correlation for c in companions] == sorted(
            (c.correlation for c in companions), reverse=True
        )
        for other, count, lift, correlation in companions:
            assert count == (active[:, j] * active[:, other]).sum() >= 5
            assert lift == pytest.approx(count / (active[:, j].sum() * active[:, other].mean()))
            assert correlation == pytest.approx(np.corrcoef(active[:, j], active[:, other])[0, 1])
        told = {c.feature for c in companions}
        for other in set(range(8)) - told - {j}:
            together = (active[:, j] * active[:, other]).sum()
            assert together < 5 or together <= active[:, j].sum() * active[:, other].mean()
    assert cofiring.companions(7) == []
    assert cofiring.companions(0)[0].feature == 2


def test_a_feature_that_always_fires_goes_with_none():
    codes = np.ones((100, 2))
    codes[50:, 1] = 0
    assert Cofiring(codes).companions(0) == Cofiring(codes).companions(1) == []


def test_parents_by_counts_and_as_learned(codes):
    cofiring = Cofiring(codes)
    found = cofiring.parents()
    # The third is as frequent as the first but for a twentieth, and rarer: it is the nearer parent.
    assert {found[1].feature, found[2].feature} <= {0, 2}
    assert found[2] == (0, 1.0)
    assert [p for p in (found[0], *found[3:]) if p] == []
    learned = cofiring.parents(np.array([-1, 0, -1, -1, -1, -1, -1, 0]))
    assert learned[1] == (0, 1.0)
    assert learned[7] == (0, 0.0)
    assert [learned[i] for i in (0, 2, 3)] == [None, None, None]
