"""Training step by step: what a step is, and what it goes on from."""

import copy
import pickle

import numpy as np
import pytest

from overica.datasets import make_mixture
from overica.sae import SAES, SparseAutoencoder, TopKSAE, TrainingError

X = make_mixture(4000, 8, 12, "sparse_exponential", n_active=2, random_state=0).X


def batches(n, seed=0):
    rng = np.random.default_rng(seed)
    return [X[rng.integers(0, len(X), 200)] for _ in range(n)]


def make(name, **more):
    return SAES[name](12, **{"n_active": 2, "n_steps": 200, "random_state": 0} | more)


def stepped(sae, samples):
    for batch in samples:
        sae.partial_fit(batch)
    return sae


@pytest.mark.parametrize("name", SAES)
def test_it_learns_and_may_be_copied_on_the_way(name):
    rows = []
    sae = stepped(make(name, callback=rows.append), batches(60))
    sae.callback = None
    others = [copy.deepcopy(sae), pickle.loads(pickle.dumps(sae))]
    for each in (sae, *others):
        stepped(each, batches(140, seed=1))
    assert sae.n_iter_ == 200
    assert len(rows) == 60
    assert np.mean(sae.history_["explained_variance"][-20:]) > 0.6
    np.testing.assert_allclose(np.linalg.norm(sae.components_, axis=1), 1, rtol=1e-5)
    for other in others:
        assert np.array_equal(other.components_, sae.components_)
        assert other.history_ == sae.history_


@pytest.mark.parametrize("name", SAES)
def test_it_goes_on_from_a_fit_and_from_what_was_saved(name, tmp_path):
    sae = make(name, batch_size=256).fit(X)
    before = sae.components_
    sae.save(tmp_path)
    again = SparseAutoencoder.load(tmp_path)
    for each in (sae, again):
        each.set_params(learning_rate=1e-5).partial_fit(X[:200])
        assert each.n_iter_ == 201
        assert each.history_["learning_rate"][-1] == 1e-5
        assert 0 < np.abs(each.components_ - before).max() < 1e-3
    np.testing.assert_allclose(sae.components_, again.components_, rtol=1e-4, atol=1e-5)


def test_the_first_batch_sets_the_units():
    sae = make("topk").partial_fit(1000 * X[:200] + 5e4)
    unit, centre = sae.unit_, sae.centre_
    assert unit > 100
    assert centre.any()
    sae.partial_fit(X[:200])
    assert sae.unit_ == unit
    assert np.array_equal(sae.centre_, centre)


def test_the_rate_rises_and_stays():
    sae = stepped(make("topk", n_steps=20, warm_up=0.5), batches(40))
    rates = np.array(sae.history_["learning_rate"]) / (0.03 / np.sqrt(8))
    np.testing.assert_allclose(rates, np.minimum(1, np.arange(1, 41) / 10))


def test_a_step_of_the_whole_batch_is_that_of_a_fit():
    """The first step of a fit whose batches are all of X, in the same units."""
    fit = TopKSAE(
        12, n_active=2, n_steps=1, batch_size=10**6, warm_up=1.0, cool_down=0.0, random_state=0
    )
    step = TopKSAE(12, n_active=2, n_steps=1, warm_up=1.0, cool_down=0.0, random_state=0)
    fit.fit(X[:300])
    step.partial_fit(X[:300])
    np.testing.assert_allclose(step.components_, fit.components_, rtol=1e-5, atol=1e-6)


def test_precision_and_width_are_those_of_the_first_batch():
    sae = make("topk").partial_fit(X[:200].astype(np.float32))
    assert sae.components_.dtype == np.float32
    sae.partial_fit(X[:200])
    assert sae.components_.dtype == np.float32
    with pytest.raises(ValueError, match="7 features, but TopKSAE is expecting 8"):
        sae.partial_fit(X[:200, :7])


def test_a_batch_that_explodes_changes_nothing():
    sae = stepped(make("topk"), batches(3))
    before, steps = sae.components_.copy(), sae.n_iter_
    with pytest.raises(TrainingError, match="step 3"):
        sae.partial_fit(X[:200] * 1e25)
    assert np.array_equal(sae.components_, before)
    assert sae.n_iter_ == steps
    sae.partial_fit(X[:200])
    assert np.isfinite(sae.components_).all()


def test_fit_begins_anew():
    sae = stepped(make("topk", n_steps=20), batches(3))
    again = make("topk", n_steps=20).fit(X)
    assert np.array_equal(sae.fit(X).components_, again.components_)
    assert sae.partial_fit(X[:100]).n_iter_ == 21
