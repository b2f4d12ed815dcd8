"""Trainings of every kind that were ended go on to the same bits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overica.datasets import make_mixture
from overica.sae import SAES, FrozenStages, OrthogonalityPenalty, ResidualStages
from overica.sae.cosine_costs import Absolute
from overica.sae.neighbours import NearestPairs
from tests.ending import Batches, ended_and_resumed, little_blocks, same_history  # noqa: F401

X = make_mixture(1000, 8, 24, "sparse_exponential", n_active=2, random_state=0).X.astype(np.float32)


def kind(name, **more):
    given = {"n_active": 2, "n_steps": 40, "batch_size": 64, "random_state": 0}
    return SAES[name](40, **given | more)


FITS = {name: lambda name=name: kind(name) for name in SAES} | {
    "steered": lambda: kind("relu", n_active=2),
    "with neighbours": lambda: kind(
        "topk", orthogonality=OrthogonalityPenalty(0.1, NearestPairs(every=20), Absolute())
    ),
    "all rows": lambda: kind("topk", batch_size=5000),
    "frozen stages": lambda: FrozenStages(kind("batchtopk")),
    "residual stages": lambda: ResidualStages(kind("relu")),
}


def told(sae):
    return getattr(sae, "estimator", sae)


def fitted(name, samples=X, **parameters):
    sae = FITS[name]()
    told(sae).set_params(**parameters)
    return sae.fit(samples)


def same(one, other):
    parts = zip(
        getattr(one, "estimators_", [one]), getattr(other, "estimators_", [other]), strict=True
    )
    return same_history(one.history_, other.history_) and all(
        np.array_equal(a.module_.values()[name], b.module_.values()[name])
        for a, b in parts
        for name in a.module_.values()
    )


@pytest.mark.parametrize("name", FITS)
@given(writes=st.lists(st.integers(0, 50), min_size=2, max_size=4))
@settings(max_examples=2, deadline=None)
def test_a_training_ends_the_same_wherever_it_is_ended(name, writes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fit")

    def fit():
        return fitted(name, checkpoint=folder, checkpoint_every=0)

    plain = fitted(name)
    assert same(ended_and_resumed(fit, writes), plain)
    again = fitted(name, checkpoint=folder, callback=lambda _: pytest.fail("a step"))
    assert same(again, plain)
    assert np.array_equal(again.transform(X), plain.transform(X))
    assert np.array_equal(again.offset_, plain.offset_)


@pytest.mark.usefixtures("little_blocks")
@pytest.mark.parametrize("name", ["batchtopk", "residual stages"])
def test_a_training_on_a_stream_ends_the_same(name, tmp_path):
    samples = Batches(X, 50)
    found = ended_and_resumed(
        lambda: fitted(name, samples, checkpoint=tmp_path, checkpoint_every=0), [5, 20, 3, 11]
    )
    assert same(found, fitted(name, samples))


def test_double_precision_comes_back(tmp_path):
    samples = X.astype(np.float64)
    first = fitted("batchtopk", samples, checkpoint=tmp_path)
    again = fitted("batchtopk", samples, checkpoint=tmp_path)
    assert again.components_.dtype == np.float64
    assert same(first, again)


def test_figures_that_nobody_has_looked_at_are_kept(tmp_path, monkeypatch):
    """As on an accelerator, where steps are looked at ten at a time."""
    from overica.sae import trainer

    real = trainer.Run.__init__

    def far(self, *arguments):
        real(self, *arguments)
        self.near = False

    monkeypatch.setattr(trainer.Run, "__init__", far)
    plain = fitted("relu")
    found = ended_and_resumed(
        lambda: fitted("relu", checkpoint=tmp_path, checkpoint_every=0), [7, 6, 18]
    )
    assert same(found, plain)


def test_another_training_is_refused_with_what_differs(tmp_path):
    fitted("topk", checkpoint=tmp_path)
    with pytest.raises(ValueError, match=r"another fit: estimator\.clip is 2\.0, was 1\.0\. Make"):
        fitted("topk", checkpoint=tmp_path, clip=2.0)
    with pytest.raises(ValueError, match=r"estimator\.class is 'ReLUSAE', was 'TopKSAE'"):
        fitted("relu", checkpoint=tmp_path)
    with pytest.raises(ValueError, match=r"X\.dtype is 'float64', was 'float32'"):
        fitted("topk", X.astype(np.float64), checkpoint=tmp_path)


def test_stages_are_told_apart(tmp_path):
    fitted("frozen stages", checkpoint=tmp_path)
    with pytest.raises(ValueError, match=r"estimator\.estimator\.n_steps is 50, was 40"):
        fitted("frozen stages", checkpoint=tmp_path, n_steps=50)


@pytest.mark.parametrize("name", SAES)
def test_a_warm_start_begins_with_what_was_learned(name):
    sae = kind(name, n_steps=150).fit(X)
    before = np.mean(sae.history_["explained_variance"][-10:])
    sae.set_params(warm_start=True, n_steps=10, learning_rate=1e-6).fit(X)
    assert sae.n_iter_ == 10
    assert np.mean(sae.history_["explained_variance"]) > before - 0.05
    with pytest.raises(ValueError, match=r"the fit before, \(40, 8\), got \(41, 8\)"):
        sae.set_params(n_components=41).fit(X)


def test_a_warm_start_from_elsewhere_is_another_fit(tmp_path):
    sae = kind("topk").fit(X).set_params(warm_start=True, checkpoint=tmp_path)
    sae.fit(X)
    with pytest.raises(ValueError, match=r"another fit: warm_start\.W_dec is"):
        sae.fit(X)
