"""Every registered method is a featuriser, and the baselines are what they say."""

import warnings

import numpy as np
import pytest

from overica.compare import METHODS, Assignment, Dictionary, Featuriser
from overica.compare.baselines import FastICABaseline, PCABaseline
from overica.compare.dictionary_learning import DictionaryLearningBaseline
from overica.compare.flops import ica_flops, sae_flops
from overica.datasets import make_mixture, make_sparse_random
from overica.estimator import OvercompleteICA
from overica.metrics import mean_cosine

FEW = {"sae": {"n_steps": 30, "batch_size": 64}, "ica": {"max_iter": 60}, "baseline": {}}
STEPS = {"dictionary_learning": {"n_steps": 4, "batch_size": 64}}


@pytest.fixture(scope="module")
def data():
    return make_sparse_random(600, 4, 6, 2, random_state=0)


def fitted(name, data, *, seed=0, n_components=6):
    method = METHODS[name]
    assignment = Assignment(n_components, 2.0, data.nonnegative, seed, data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return method.build(assignment, **STEPS.get(name, FEW[method.family])).fit(data.X)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_a_featuriser(name, data):
    featuriser = fitted(name, data)
    assert isinstance(featuriser, Featuriser)
    dictionary = Dictionary.of(featuriser)
    codes = featuriser.transform(data.X)
    assert codes.shape == (600, len(featuriser.components_))
    assert len(featuriser.components_) == (4 if name in ("pca", "fastica") else 6)
    np.testing.assert_allclose(
        featuriser.inverse_transform(codes),
        dictionary.decode(dictionary.encode(featuriser, data.X)),
        atol=1e-5,
    )
    flops = METHODS[name].flops(featuriser, data.X)
    assert np.isnan(flops) if name == "dictionary_learning" else flops >= 0


@pytest.mark.parametrize("name", METHODS)
def test_same_seed_same_features(name, data):
    first, second = (fitted(name, data, seed=3).components_ for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", ["ica", "topk", "dictionary_learning", "oracle"])
def test_codes_of_sources_that_are_never_negative_are_not_either(name, data):
    assert (fitted(name, data).transform(data.X) >= 0).all()


def test_ica_has_the_estimators_defaults_apart_from_the_prior():
    for nonnegative, prior in ((False, "laplace"), (True, "exponential")):
        built = METHODS["ica"].build(Assignment(6, 2.0, nonnegative, 5, None))
        changed = {"n_components": 6, "prior": prior, "random_state": 5}
        assert built.get_params() == OvercompleteICA().get_params() | changed


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


def test_arithmetic_grows_with_what_is_done(data):
    sae = fitted("topk", data)
    assert sae_flops(sae, data.X) == 12 * 6 * 4 * 64 * 30
    ica = fitted("ica", data)
    before = ica_flops(ica, data.X)
    ica.history_["n_active"] = ica.history_["n_active"] * 2
    assert ica_flops(ica, data.X) == pytest.approx(2 * before)
