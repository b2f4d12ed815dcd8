"""A gated autoencoder as a JumpReLU one: the same codes."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from overica import sae
from overica.datasets import make_mixture
from overica.formats import as_jumprelu
from overica.sae import GatedSAE, SparseAutoencoder, fine_tune_scale

X = make_mixture(1500, 8, 12, "sparse_exponential", n_active=2, random_state=0).X


@pytest.fixture(scope="module")
def gated():
    return GatedSAE(12, n_active=2, n_steps=150, random_state=0).fit(X)


def test_same_codes(gated):
    jump = as_jumprelu(gated)
    codes = jump.transform(X)
    assert (codes > 0).any(axis=0).sum() > 6
    np.testing.assert_allclose(codes, gated.transform(X), rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(jump.components_, gated.components_)


def test_gates_that_always_reach_further_than_magnitudes(gated):
    """A threshold below zero is none: codes are not negative."""
    wide = GatedSAE(12, n_active=2, n_steps=20, random_state=0).fit(X)
    wide.module_.b_gate += 1.0
    np.testing.assert_allclose(as_jumprelu(wide).transform(X), wide.transform(X), atol=1e-12)


def test_scale_and_float32(gated):
    tuned = fine_tune_scale(gated, X)
    np.testing.assert_allclose(
        as_jumprelu(tuned).transform(X), tuned.transform(X), rtol=1e-9, atol=1e-12
    )
    single = GatedSAE(12, n_active=2, n_steps=50, random_state=0).fit(X.astype(np.float32))
    codes = as_jumprelu(single).transform(X.astype(np.float32))
    assert codes.dtype == np.float32
    near = np.isclose(codes, single.transform(X.astype(np.float32)), rtol=1e-4, atol=1e-5)
    assert near.mean() > 0.9999


def test_saved_and_loaded(gated, tmp_path):
    jump = as_jumprelu(gated)
    jump.save(tmp_path)
    loaded = SparseAutoencoder.load(tmp_path)
    np.testing.assert_array_equal(loaded.transform(X), jump.transform(X))


def test_it_was_of_another_module():
    with pytest.warns(
        FutureWarning, match=r"sae\.as_jumprelu is now overica\.formats\.as_jumprelu"
    ):
        assert sae.as_jumprelu is as_jumprelu


def test_refuses_what_is_not_fitted():
    with pytest.raises(NotFittedError):
        as_jumprelu(GatedSAE())
