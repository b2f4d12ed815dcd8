"""Shrinkage: where it is, where it is not, and its cure."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from overica.datasets import make_mixture
from overica.sae import SAES, GatedSAE, JumpReLUSAE, ReLUSAE, fine_tune_scale
from overica.sae.scaling import _nonnegative

X = np.repeat([[0.0], [1.0]], 300, axis=0)
UNIT = 0.5
"""Of X: its mean length."""
SETTINGS = {"n_steps": 1000, "learning_rate": 0.02, "random_state": 0}


def code_of_one(sae):
    """What is decoded of the feature where it is present, without the offset."""
    return (sae.transform(np.ones((1, 1))) @ sae.components_)[0, 0]


def shrunk(coefficient, **parameters):
    """The classic autoencoder without an offset, which the example of shrinkage leaves out."""

    class WithoutOffset(ReLUSAE):
        def _network(self, *sizes):
            network = super()._network(*sizes)
            network.b_dec.requires_grad_(False)
            return network

    # The coefficient is for samples divided by their unit, where the feature is 2 large: c = coefficient * unit.
    return WithoutOffset(1, sparsity_coefficient=coefficient / UNIT, **(SETTINGS | parameters)).fit(
        X
    )


@pytest.mark.parametrize("c", [0.2, 0.6, 1.0])
def test_an_l1_penalty_shrinks_and_the_scale_cures_it(c):
    sae = shrunk(c)
    assert code_of_one(sae) == pytest.approx(1 - c / 2, abs=0.01)
    tuned = fine_tune_scale(sae, X)
    assert code_of_one(tuned) == pytest.approx(1.0, abs=1e-6)
    assert code_of_one(sae) == pytest.approx(1 - c / 2, abs=0.01)
    np.testing.assert_array_equal(tuned.components_, sae.components_)


@pytest.mark.parametrize("kind", [GatedSAE, JumpReLUSAE])
def test_gates_and_thresholds_do_not_shrink(kind):
    sae = kind(1, sparsity_coefficient=0.4 / UNIT, **SETTINGS).fit(X)
    X_hat = sae.inverse_transform(sae.transform(X))
    np.testing.assert_allclose(X_hat, X, atol=0.02)


@pytest.mark.parametrize("name", sorted(SAES))
def test_no_factors_fit_better(name):
    data = make_mixture(1000, 8, 12, "sparse_exponential", n_active=2, random_state=0)
    sae = SAES[name](12, n_active=2, n_steps=200, batch_size=128, random_state=0).fit(data.X)
    tuned = fine_tune_scale(sae, data.X)
    codes, tuned_codes = sae.transform(data.X), tuned.transform(data.X)
    np.testing.assert_array_equal(codes != 0, tuned_codes != 0)
    design = np.einsum("ij,jk->ikj", codes, sae.components_).reshape(-1, 12)
    target = (data.X - sae.offset_).ravel()
    from scipy.optimize import nnls

    fires = (codes != 0).any(axis=0)
    best, error = nnls(design[:, fires], target)
    residual = np.linalg.norm(data.X - tuned.inverse_transform(tuned_codes))
    assert residual == pytest.approx(error, rel=1e-5)
    np.testing.assert_allclose(tuned.module_.gain.numpy()[fires], best, atol=1e-5)


def test_factors_that_cannot_be_told_apart_stay_near_one():
    np.testing.assert_allclose(_nonnegative(np.ones((2, 2)), np.array([4.0, 4.0])), 2.0, atol=1e-6)
    assert _nonnegative(np.zeros((1, 1)), np.zeros(1)) == 1.0
    np.testing.assert_allclose(_nonnegative(np.eye(2), np.array([-1.0, 2.0])), [1e-6, 2], atol=1e-9)


def test_tuning_needs_a_fit():
    with pytest.raises(NotFittedError):
        fine_tune_scale(ReLUSAE(), X)
