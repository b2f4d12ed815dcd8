"""Calibration with many columns: the search sees fewer samples than what is settled at the end."""

import numpy as np

from overica.datasets import make_mixture
from overica.learning import Model, calibration
from overica.learning.calibration import calibrate
from overica.priors import get_prior


def test_many_columns_are_searched_on_fewer_samples_and_settled_on_all(monkeypatch):
    data = make_mixture(4000, 8, 12, "sparse_laplace", n_active=2, random_state=0)
    model = Model(data.mixing, get_prior("laplace"), penalty=0.5)
    monkeypatch.setattr(calibration, "enough_judges", lambda model: 100)
    sizes = []
    judge = calibration.judge

    def watched(model, X, noise_variance=None):
        sizes.append(len(X))
        return judge(model, X, noise_variance)

    monkeypatch.setattr(calibration, "judge", watched)
    found = calibrate(model, data.X, data.X[:1000], noise_variance=None)
    *search, last = sizes
    assert set(search) == {100}
    assert last == 1000
    assert found.penalty < 0.5
    few = calibrate(model, data.X[:200], data.X[:100], noise_variance=None)
    assert few.penalty == found.penalty
    assert np.abs(found.presence - few.presence).max() > 0
