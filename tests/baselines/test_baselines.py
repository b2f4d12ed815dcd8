"""The baselines are featurisers, and what they say they are."""

import numpy as np
import pytest

from overica.baselines import BASELINES, DictionaryLearningBaseline, FastICABaseline, PCABaseline
from overica.coding import Featuriser
from overica.datasets import make_mixture, make_sparse_random
from overica.metrics import mean_cosine

FEW = {"dictionary_learning": {"n_active": 1.0, "n_steps": 4, "batch_size": 64}}


@pytest.fixture(scope="module")
def data():
    return make_sparse_random(600, 4, 6, 2, random_state=0)


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_baseline_is_a_featuriser_that_keeps_dtypes(name, dtype, data):
    X = data.X.astype(dtype)
    featuriser = BASELINES[name](4, **FEW.get(name, {})).fit(X)
    assert isinstance(featuriser, Featuriser)
    assert featuriser.label
    codes = featuriser.transform(X)
    assert (codes.shape, codes.dtype) == ((600, 4), dtype)
    assert featuriser.inverse_transform(codes).dtype == dtype
    np.testing.assert_allclose(np.linalg.norm(featuriser.components_, axis=1), 1, rtol=1e-5)
    flops = featuriser.flops(X)
    assert np.isnan(flops) or flops > 0


@pytest.mark.filterwarnings("ignore:.*has at most")
@pytest.mark.parametrize("name", BASELINES)
def test_codes_to_be_reported_are_no_more_than_features(name, data):
    codes = BASELINES[name](6, **FEW.get(name, {})).fit(data.X).transform(data.X)
    assert ((codes != 0).sum(axis=1).mean() <= 4) == BASELINES[name].encodes


@pytest.mark.parametrize("name", BASELINES)
def test_samples_that_do_not_fit_are_refused(name, data):
    featuriser = BASELINES[name](4, **FEW.get(name, {})).fit(data.X)
    with pytest.raises(ValueError, match="3 features"):
        featuriser.transform(data.X[:, :3])


def test_fastica_shows_mixing_columns_and_not_unmixing_rows():
    data = make_mixture(4000, 3, 3, "laplace", noise=0.001, random_state=3)
    ica = FastICABaseline(3, random_state=0).fit(data.X)
    assert mean_cosine(ica.components_.T, data.mixing) > 0.99
    assert mean_cosine(ica.model_.components_.T, data.mixing) < 0.95


def test_fastica_turns_its_signs_to_the_skewed_side():
    data = make_mixture(4000, 3, 3, "exponential", noise=0.001, random_state=3)
    ica = FastICABaseline(3, nonnegative=True, random_state=0).fit(data.X)
    assert mean_cosine(ica.components_.T, data.mixing, nonnegative=True) > 0.99
    # The mean of the sources is part of them, so nothing is left for the offset.
    np.testing.assert_allclose(ica.offset_, 0, atol=1e-8)
    assert (ica.transform(data.X) > -0.2).mean() > 0.99


@pytest.mark.parametrize("kind", [FastICABaseline, PCABaseline])
def test_what_is_left_out_is_said(kind, data):
    with pytest.warns(
        UserWarning, match=r"at most n_features=4 components; 6 were asked for, and 2 are"
    ):
        assert len(kind(6).fit(data.X).components_) == 4


def test_dictionary_learning_reaches_its_target_and_finds_features():
    data = make_sparse_random(3000, 8, 10, 1, random_state=0)
    learner = DictionaryLearningBaseline(
        10, n_active=1.0, nonnegative=True, n_steps=20, random_state=0
    )
    learner.fit(data.X)
    codes = learner.transform(data.X)
    assert np.count_nonzero(codes) / len(codes) == pytest.approx(1.0, rel=0.1)
    assert mean_cosine(learner.components_.T, data.mixing, nonnegative=True) > 0.9
    assert learner.n_iter_ == 3 * 20


def test_arithmetic_of_fastica_is_that_of_its_steps(data):
    ica = FastICABaseline(2, random_state=0).fit(data.X)
    once = 4 * 600 * 4**2 + 8 * 4**3
    step = 4 * 600 * 2**2 + 25 * 2**3
    assert ica.flops(data.X) == once + ica.n_iter_ * step
    assert PCABaseline(2).fit(data.X).flops(data.X) == once


@pytest.mark.filterwarnings("ignore:.*has at most")
@pytest.mark.parametrize("name", BASELINES)
def test_who_is_overcomplete_learns_more_features_than_dimensions(name, data):
    learned = BASELINES[name](6, **FEW.get(name, {})).fit(data.X).components_
    assert len(learned) == (6 if BASELINES[name].overcomplete else 4)


@pytest.mark.parametrize("name", BASELINES)
def test_who_goes_by_variances_finds_nothing_in_white_samples(name):
    """Directions of white samples are told by more than their covariance, or by nothing at all."""
    source = make_mixture(4000, 3, 3, "laplace", noise=0.001, random_state=0)
    X = source.X - source.X.mean(axis=0)
    values, axes = np.linalg.eigh(np.cov(X, rowvar=False))
    whitener = (axes / np.sqrt(values)) @ axes.T
    wanted = {"n_active": 1.0, "n_steps": 30} if name == "dictionary_learning" else {}
    # Principal axes take no seed: they draw nothing.
    seed = {} if BASELINES[name].by_variance else {"random_state": 0}
    learned = BASELINES[name](3, **seed, **wanted).fit(X @ whitener).components_
    found = mean_cosine(learned.T, whitener @ source.mixing)
    assert (found > 0.95) != BASELINES[name].by_variance


def test_dictionary_learning_at_a_penalty_of_its_own(data):
    told = {"n_active": 1.0, "n_steps": 4, "batch_size": 64, "random_state": 0}
    found = [DictionaryLearningBaseline(4, penalty=p, **told).fit(data.X) for p in (0.01, 1.0)]
    assert [one.penalty_ for one in found] == [0.01, 1.0]
    dense, sparse = ((one.transform(data.X) != 0).sum() for one in found)
    assert dense > sparse
