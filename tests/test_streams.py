"""Data that never end: the penalty that is scheduled, and the one that a step takes."""

import numpy as np
import pytest

from overica import OvercompleteICA
from overica.datasets import make_mixture

DATA = make_mixture(1000, 32, 64, "sparse_laplace", n_active=3, random_state=0)
NOISE = 2 * DATA.X.std() * np.random.default_rng(0).standard_normal(DATA.X.shape)
SCHEDULED = 0.05 * np.sqrt(32)


@pytest.fixture
def learned():
    ica = OvercompleteICA(64, max_iter=30, random_state=0)
    for _ in range(35):
        ica.partial_fit(DATA.X)
    assert ica.model_.penalty == pytest.approx(SCHEDULED)
    return ica


def test_what_a_crowded_batch_raised_comes_down_again(learned, tmp_path):
    for _ in range(3):
        learned.partial_fit(NOISE)
    assert learned.model_.penalty > 1.5 * SCHEDULED
    learned.save(tmp_path)
    for ica in (learned, OvercompleteICA.load(tmp_path)):
        for _ in range(15):
            ica.partial_fit(DATA.X)
        assert ica.model_.penalty == pytest.approx(SCHEDULED)


def test_a_penalty_that_is_set_is_the_one_that_stays(learned):
    for _ in range(2):
        learned.partial_fit(NOISE)
    learned.penalty_ = wanted = 3 * SCHEDULED * learned.unit_**2
    for _ in range(15):
        learned.partial_fit(DATA.X)
    assert learned.penalty_ == pytest.approx(wanted)
    learned.presence_ = np.full(64, 0.1)
    learned.partial_fit(DATA.X)
    assert learned.penalty_ == pytest.approx(wanted)
