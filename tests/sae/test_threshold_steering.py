"""Thresholds moved to a level: reached by every autoencoder that has them, and nothing else is touched."""

import numpy as np
import pytest

from overica.datasets import make_mixture
from overica.sae import SAES, steer

X = make_mixture(600, 8, 16, "sparse_exponential", n_active=2, random_state=0).X


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", SAES)
def test_every_autoencoder_with_thresholds_reaches_the_level(name):
    sae = SAES[name](16, n_active=2, n_steps=30, random_state=0).fit(X)
    before, dictionary = sae.transform(X), sae.components_.copy()
    if not steer(sae, X, 1.5):
        np.testing.assert_array_equal(sae.transform(X), before)
        return
    after = sae.transform(X)
    assert np.count_nonzero(after) / len(X) == pytest.approx(1.5, abs=2 / len(X))
    np.testing.assert_array_equal(sae.components_, dictionary)
    # What stays active keeps its size.
    both = (before > 0) & (after > 0)
    assert both.any()
    np.testing.assert_allclose(after[both], before[both])


@pytest.mark.parametrize(
    ("name", "has"), [("jumprelu", True), ("batchtopk", True), ("relu", False)]
)
def test_it_is_said_whether_there_are_thresholds(name, has):
    sae = SAES[name](16, n_active=2, n_steps=2, random_state=0).fit(X)
    assert steer(sae, X, 1.5) is has
