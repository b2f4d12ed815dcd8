"""Every registered method is a featuriser, is built from what it may know, and counts its arithmetic."""

import functools
import tempfile
import warnings

import numpy as np
import pytest

from overica.coding import Dictionary, Featuriser
from overica.datasets import make_sparse_random
from overica.estimator import OvercompleteICA
from overica.sae import TopKSAE
from overica.studies import METHODS, Assignment
from overica.studies.flops import ica_flops

FEW = {"sae": {"n_steps": 30, "batch_size": 64}, "ica": {"max_iter": 60}, "baseline": {}}
STEPS = {"dictionary_learning": {"n_steps": 4, "batch_size": 64}}


def parameters(name):
    if name == "loaded":
        return {"path": saved()}
    return STEPS.get(name, FEW[METHODS[name].family])


@pytest.fixture(scope="module")
def data():
    return make_sparse_random(600, 4, 6, 2, random_state=0)


@functools.cache
def saved():
    """Path of a dictionary that another program might have left."""
    folder = tempfile.mkdtemp()
    X = make_sparse_random(600, 4, 6, 2, random_state=0).X
    TopKSAE(6, n_active=2, n_steps=20, random_state=0).fit(X).save(folder)
    return folder


def fitted(name, data, *, seed=0, n_components=6):
    method = METHODS[name]
    assignment = Assignment(n_components, 2.0, data.nonnegative, seed, data.X, data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return method.build(assignment, **parameters(name)).fit(data.X)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_a_featuriser(name, data):
    featuriser = fitted(name, data)
    assert isinstance(featuriser, Featuriser)
    dictionary = Dictionary.of(featuriser)
    codes = featuriser.transform(data.X)
    assert codes.shape == (600, len(featuriser.components_))
    assert len(featuriser.components_) == (6 if METHODS[name].overcomplete else 4)
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


def test_arithmetic_grows_with_what_is_done(data):
    sae = fitted("topk", data)
    assert sae.flops(data.X) == 12 * 6 * 4 * 64 * 30
    ica = fitted("ica", data)
    before = ica_flops(ica, data.X)
    ica.history_["n_active"] = ica.history_["n_active"] * 2
    assert ica_flops(ica, data.X) == pytest.approx(2 * before)


def test_a_dictionary_from_a_file_is_told_what_is_wrong_with_it(data, tmp_path):
    assignment = Assignment(6, 2.0, True, 0, data.X)
    with pytest.raises(ValueError, match="`path` must name a folder"):
        METHODS["loaded"].build(assignment)
    with pytest.raises((ValueError, FileNotFoundError), match="nowhere"):
        METHODS["loaded"].build(assignment, path=str(tmp_path / "nowhere"))
    wider = np.zeros((5, 7))
    with pytest.raises(ValueError, match="`X` must have 4 features"):
        METHODS["loaded"].build(assignment, path=saved()).fit(wider)
