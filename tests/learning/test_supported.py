"""How many columns few samples support."""

import numpy as np
import pytest

from overica import OvercompleteICA
from overica.datasets import make_mixture
from overica.learning import Model
from overica.learning.supported import narrowed, widths
from overica.priors import get_prior


def test_widths_rise_from_end_to_end():
    found = np.array(widths(4, 100))
    assert found[[0, -1]].tolist() == [4, 100]
    assert (np.diff(found) > 0).all()
    assert (np.diff(found) <= np.maximum(1, found[:-1] / 3)).all()


def test_columns_that_add_nothing_are_not_counted():
    rng = np.random.default_rng(0)
    X = rng.laplace(size=(400, 4)) * (rng.random((400, 4)) < 0.4)
    X += 0.05 * rng.standard_normal(X.shape)
    A = np.column_stack([np.eye(4), rng.standard_normal((4, 4))])

    def fitted(number):
        return Model(A[:, :number], get_prior("laplace"), 0.05)

    assert narrowed(fitted, [2, 3, 4, 6, 8], X) == 4


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_few_samples_are_not_counted_as_many_components():
    # Counting what neither merges nor goes unused gave 104.
    X = make_mixture(1000, 16, 32, "sparse_laplace", n_active=4, random_state=0).X
    assert 26 <= OvercompleteICA("auto", random_state=0, whiten=False).fit(X).n_components_ <= 40
