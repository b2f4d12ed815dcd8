"""Columns that the evidence does not miss go, and no other."""

import numpy as np
import pytest

from overica import OvercompleteICA
from overica.datasets import make_exponential, make_mixture
from overica.metrics import match_components, share_recovered


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_columns", [6, 8])
def test_three_sources_are_left_of_surplus(n_columns):
    data = make_exponential(5000, random_state=1)
    angles = np.linspace(0, 2 * np.pi, n_columns, endpoint=False)
    start = np.stack([np.cos(angles), np.sin(angles)])
    ica = OvercompleteICA(
        n_columns, prior="exponential", init=start, max_iter=150, random_state=0
    ).fit(data.X)
    ica.prune(data.X)
    assert ica.n_components_ == 3
    assert ica.mixing_.shape == (2, 3)
    assert len({len(figures) for figures in ica.history_.values()}) == 1
    assert match_components(ica.mixing_, data.mixing, nonnegative=True).cosines.min() > 0.98


def test_nothing_true_goes():
    data = make_mixture(6000, 8, 16, "sparse_laplace", n_active=3, random_state=0)
    ica = OvercompleteICA(16, max_iter=150, random_state=0).fit(data.X)
    before = ica.score(data.X[:2000])
    ica.prune(data.X)
    assert ica.n_components_ == 16
    assert share_recovered(ica.mixing_, data.mixing) == 1.0
    assert ica.score(data.X[:2000]) == pytest.approx(before, abs=1e-6)
    assert ica.transform(data.X[:5]).shape == (5, 16)


@pytest.mark.parametrize("seed", [0, 7, 9, 12])
def test_surplus_goes_in_eight_dimensions(seed):
    data = make_mixture(6000, 8, 12, "sparse_laplace", n_active=2, random_state=seed)
    ica = OvercompleteICA(15, overprovision=1, max_iter=150, random_state=seed).fit(data.X)
    ica.prune(data.X)
    assert share_recovered(ica.mixing_, data.mixing) == 1.0
    assert ica.n_components_ == 12
