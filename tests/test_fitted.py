"""Fitted attributes: one source, whatever is read or set."""

import dataclasses

import numpy as np
import pytest

from overica import OvercompleteICA
from overica.datasets import make_mixture
from overica.learning import LearningError, Model, Natural, log_evidence
from overica.learning.posterior import codes_of

DATA = make_mixture(600, 4, 6, "sparse_laplace", n_active=2, random_state=0)


def quick(dtype=np.float64, whiten=False):
    # A mean, and a unit that is not one.
    X = (100 + 30 * DATA.X).astype(dtype)
    ica = OvercompleteICA(6, max_iter=60, n_restarts=1, whiten=whiten, random_state=0)
    return ica.fit(X), X


@pytest.fixture(params=[False, True], ids=["plain", "white"])
def fitted(request):
    return quick(whiten=request.param)


def test_attributes_are_those_of_the_model(fitted):
    ica, X = fitted
    model, units, unit = ica.model_, ica.units_, ica.unit_
    assert isinstance(model, Model)
    assert units.whitened == ica.whiten
    np.testing.assert_allclose(units.own(ica.mixing_ * ica.scales_), model.mixing)
    np.testing.assert_allclose(np.linalg.norm(ica.mixing_, axis=0), 1)
    assert ica.penalty_ == pytest.approx(model.penalty * unit**2)
    stretch = 1.0 if units.whitener is None else (units.whitener**2).sum() / 4
    assert ica.noise_variance_ == pytest.approx(model.noise_variance * unit**2 / stretch)
    np.testing.assert_array_equal(ica.presence_, model.presence)
    np.testing.assert_array_equal(ica.components_, ica.mixing_.T)
    assert unit == pytest.approx((X - X.mean(axis=0)).std())
    W = np.eye(4) if units.whitener is None else units.whitener
    normalised = (X - ica.mean_) @ W.T / unit
    np.testing.assert_allclose(ica.transform(X), codes_of(model, normalised) * ica.scales_)
    evidence = log_evidence(model, normalised) + np.linalg.slogdet(W / unit)[1]
    np.testing.assert_allclose(ica.score_samples(X), evidence)
    assert ica.score(X) == pytest.approx(evidence.mean())


def test_the_offset_is_what_no_code_stands_for(fitted):
    ica, _ = fitted
    np.testing.assert_array_equal(ica.offset_, ica.mean_)
    np.testing.assert_array_equal(ica.inverse_transform(np.zeros((1, 6)))[0], ica.offset_)
    ica.offset_ = np.zeros(4)
    assert (ica.mean_ == 0).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_have_the_dtype_of_the_samples(dtype):
    ica, _ = quick(dtype)
    for name in ("mixing_", "components_", "scales_", "presence_", "mean_", "offset_"):
        assert getattr(ica, name).dtype == dtype, name


def test_a_penalty_that_is_set_has_effect(fitted):
    ica, X = fitted
    few = np.count_nonzero(ica.transform(X))
    before, noise = ica.penalty_, ica.noise_variance_
    ica.penalty_ = 20 * before
    assert ica.penalty_ == pytest.approx(20 * before)
    assert np.count_nonzero(ica.transform(X)) < few
    assert ica.noise_variance_ == noise
    ica.penalty_ = before
    assert np.count_nonzero(ica.transform(X)) == few


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("noise_variance_", 500.0),
        ("presence_", np.full(6, 0.5)),
        ("scales_", np.full(6, 3.0)),
        ("mixing_", DATA.mixing),
        ("components_", DATA.mixing.T),
    ],
)
def test_what_is_set_is_read_and_counts(fitted, name, value):
    ica, X = fitted
    others = {"mixing_", "scales_", "presence_", "penalty_", "noise_variance_"} - {name}
    others -= {"mixing_"} if name == "components_" else set()
    kept = {other: np.array(getattr(ica, other)) for other in others}
    score = ica.score(X)
    setattr(ica, name, value)
    np.testing.assert_allclose(getattr(ica, name), value)
    assert ica.score(X) != score
    for other, before in kept.items():
        np.testing.assert_allclose(getattr(ica, other), before, rtol=1e-12)


def test_what_is_set_is_learned_on_from(fitted):
    ica, X = fitted
    ica.mixing_ = DATA.mixing
    ica.partial_fit(X)
    assert (np.abs((ica.mixing_ * DATA.mixing).sum(axis=0)) > 0.95).all()


def test_a_model_can_be_set(fitted):
    ica, X = fitted
    ica.partial_fit(X)
    ica.model_ = dataclasses.replace(ica.model_, mixing=ica.model_.mixing[:, :3], presence=0.5)
    assert ica.n_components_ == 3
    assert ica.transform(X).shape == (600, 3)
    np.testing.assert_array_equal(ica.presence_, np.full(3, 0.5))
    ica.partial_fit(X)
    assert ica.mixing_.shape == (4, 3)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("penalty_", 0.0, r"`penalty_` must be a finite number > 0, got 0"),
        ("penalty_", "low", r"`penalty_` must be a finite number > 0, got 'low'"),
        ("noise_variance_", -1.0, r"`noise_variance_` must be a finite number > 0"),
        ("presence_", np.full(6, 1.5), r"`presence_` must lie in \[0, 1\], got 1.5 to 1.5"),
        ("presence_", np.ones(5), r"`presence_` must have shape \(n_components=6,\), got \(5,\)"),
        ("scales_", np.zeros(6), r"`scales_` must be positive, got 0"),
        ("mixing_", np.ones((6, 4)), r"`mixing_` must have shape \(n_features=4, n_components=6\)"),
        ("mixing_", np.zeros((4, 6)), r"`mixing_` must have no zero column, got 6"),
        ("components_", np.ones((4, 6)), r"`components_` must have shape \(n_components=6, n_f"),
        ("model_", None, r"`model_` must be a Model, got NoneType"),
    ],
)
def test_what_cannot_be_is_refused(fitted, name, value, message):
    ica, X = fitted
    codes = ica.transform(X[:20])
    with pytest.raises(ValueError, match=message):
        setattr(ica, name, value)
    np.testing.assert_array_equal(ica.transform(X[:20]), codes)


@pytest.mark.parametrize("name", ["mixing_", "components_", "scales_", "presence_"])
def test_entries_are_not_changed_in_vain(fitted, name):
    with pytest.raises(ValueError, match="read-only"):
        getattr(fitted[0], name)[0] = 0


@pytest.mark.parametrize("name", ["n_components_", "n_iter_"])
def test_counts_cannot_be_set(fitted, name):
    with pytest.raises(AttributeError):
        setattr(fitted[0], name, 3)


def test_an_unfitted_estimator_has_none_of_them():
    ica = OvercompleteICA(6)
    for name in ("model_", "mixing_", "offset_", "scales_", "penalty_", "n_components_", "n_iter_"):
        assert not hasattr(ica, name)


class Wild(Natural):
    """Explodes at once."""

    name = "wild"

    def direction(self, A, sums, n_samples, activity):
        return np.full_like(A, 1e12)


@pytest.mark.parametrize("first", [True, False])
def test_a_batch_that_learning_cannot_go_on_from_leaves_no_trace(first):
    X = DATA.X[:100]
    plain, troubled = (OvercompleteICA(6, max_iter=10, random_state=0) for _ in range(2))
    if not first:
        plain.partial_fit(X)
        troubled.partial_fit(X)
    with pytest.raises(LearningError, match="exploded"):
        troubled.set_params(rule=Wild()).partial_fit(7 * X)
    troubled.set_params(rule="evidence")
    for ica in (plain, troubled):
        ica.partial_fit(X)
    np.testing.assert_array_equal(troubled.mixing_, plain.mixing_)
    assert troubled.n_iter_ == plain.n_iter_ == 2 - first
