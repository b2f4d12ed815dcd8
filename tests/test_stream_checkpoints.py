"""Checkpoints are of `fit`: a step on a stream says that it keeps nothing."""

import numpy as np
import pytest

from overica import OvercompleteICA
from overica.sae import TopKSAE

X = np.random.default_rng(0).laplace(size=(200, 3))


@pytest.mark.parametrize(
    "estimator", [OvercompleteICA(4, random_state=0), TopKSAE(4, n_active=1, random_state=0)]
)
def test_a_checkpoint_of_a_stream_is_no_checkpoint(estimator, tmp_path):
    estimator.set_params(checkpoint=tmp_path)
    with pytest.warns(UserWarning, match="`checkpoint` is of `fit` alone, and `partial_fit` keeps"):
        estimator.partial_fit(X)
    assert not list(tmp_path.iterdir())
    # Warnings are errors here: nothing is said where nothing was asked for.
    estimator.set_params(checkpoint=None).partial_fit(X)
