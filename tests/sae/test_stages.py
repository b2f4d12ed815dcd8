"""Stages: what is frozen stays, what is left is handed on, and the interface is that of one autoencoder."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from overica.datasets import make_mixture
from overica.sae import SAES, FrozenStages, ResidualStages, TopKSAE, get_orthogonality
from overica.sae.freezing import Frozen, begin_with
from overica.sae.selecting import SelectingAutoencoder, SelectingSAE
from overica.sae.staging import Stages

NAMES = sorted(SAES)
KINDS = [FrozenStages, ResidualStages]


@pytest.fixture(scope="module")
def X():
    data = make_mixture(1500, 6, 10, "sparse_exponential", n_active=2, random_state=0)
    # An offset, so that the decoder's bias has something to learn in every stage.
    return data.X + np.linspace(-1, 2, 6)


def autoencoder(name, **parameters):
    settings = {"n_components": 10, "n_active": 3, "n_steps": 90, "batch_size": 256}
    return SAES[name](**(settings | {"random_state": 0} | parameters))


@pytest.fixture(scope="module")
def fitted(X):
    cache = {}

    def fit(kind, name):
        if (kind, name) not in cache:
            cache[kind, name] = kind(autoencoder(name), stages=[4, 3, 3]).fit(X)
        return cache[kind, name]

    return fit


def read(module, x):
    """What the encoder makes of samples, before anything that features decide together."""
    return module.paths(x) if hasattr(module, "paths") else (module.preactivations(x),)


@pytest.mark.parametrize("name", NAMES)
def test_frozen_features_stay_and_new_ones_learn(X, fitted, name):
    stages = fitted(FrozenStages, name).estimators_
    x = torch.tensor(X)
    for before, after in pairwise(stages):
        n = before.n_components_
        np.testing.assert_allclose(after.components_[:n], before.components_, atol=1e-6)
        for new, old in zip(read(after.module_, x), read(before.module_, x), strict=True):
            torch.testing.assert_close(new[:, :n], old, rtol=0, atol=1e-5)
        # The bias of the decoder is free: otherwise this would not show that frozen codes stand still.
        assert np.abs(after.offset_ - before.offset_).max() > 1e-3
        untrained = autoencoder(
            name, **{key: after.get_params()[key] for key in ("n_components", "random_state")}
        ).set_params(n_steps=1)
        start = untrained.fit(X).components_[n:]
        assert np.abs(after.components_[n:] - start).max() > 1e-2


@pytest.mark.parametrize("name", [n for n in NAMES if not issubclass(SAES[n], SelectingSAE)])
def test_frozen_codes_stay_where_features_do_not_compete(X, fitted, name):
    first, *_, last = fitted(FrozenStages, name).estimators_
    np.testing.assert_allclose(last.transform(X)[:, :4], first.transform(X), atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_folding_ends_freezing_and_keeps_the_function(X, fitted, name):
    former = fitted(FrozenStages, name).estimators_[0]
    rng = np.random.default_rng(0)
    network = autoencoder(name)._network(6, 10, 3.0, rng)
    usual = type(network)
    begin_with(network, former.module_, former.unit_, former.centre_)
    assert isinstance(network, Frozen)
    x = torch.tensor(rng.standard_normal((50, 6)), dtype=torch.float32)
    with torch.no_grad():
        network.b_dec += 0.3
        before = network.decode(network.encode(x))
        network.fold(2.0)
        after = network.decode(network.encode(2 * x))
    torch.testing.assert_close(after, 2 * before, rtol=1e-4, atol=1e-5)
    assert type(network) is usual
    assert not any(parameter._backward_hooks for parameter in network.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_frozen_features_are_neither_moved_nor_restarted(fitted, name):
    former = fitted(FrozenStages, name).estimators_[0]
    rng = np.random.default_rng(0)
    network = begin_with(
        autoencoder(name)._network(6, 10, 3.0, rng), former.module_, former.unit_, former.centre_
    )
    state = {key: value.clone() for key, value in network.state_dict().items()}
    x = torch.tensor(rng.standard_normal((50, 6)), dtype=torch.float32)
    if isinstance(network, SelectingAutoencoder):
        # Frozen features must not take the residual away from those that can learn from it.
        assert "auxiliary" not in network.loss(x, 0.1, torch.arange(4)).parts
        assert "auxiliary" in network.loss(x, 0.1, torch.arange(5)).parts
    everything = torch.arange(10)
    network.loss(x, 0.1, everything).total.backward()
    network.restart(everything, torch.eye(6)[everything % 6])
    for key, parameter in network.named_parameters():
        axis = [i for i, length in enumerate(parameter.shape) if length == 10]
        if axis:
            assert (parameter.grad.narrow(axis[0], 0, 4) == 0).all(), key
            old, new = (tensor.narrow(axis[0], 0, 4) for tensor in (state[key], parameter))
            torch.testing.assert_close(new.detach(), old, rtol=0, atol=0)
    assert (network.W_dec.grad[4:] != 0).any()


@pytest.mark.parametrize("name", NAMES)
def test_residual_stages_hand_on_what_is_left(X, fitted, name):
    stages = fitted(ResidualStages, name)
    codes, left = [], X
    for stage in stages.estimators_:
        codes.append(stage.transform(left))
        left = left - stage.inverse_transform(codes[-1])
    S = stages.transform(X)
    np.testing.assert_allclose(S, np.hstack(codes), rtol=1e-12)
    np.testing.assert_allclose(X - stages.inverse_transform(S), left, atol=1e-10)
    first = stages.estimators_[0]
    error = X - first.inverse_transform(first.transform(X))
    assert np.square(left).mean() < 0.9 * np.square(error).mean()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_interface_is_that_of_one_autoencoder(X, fitted, kind, name):
    sae = fitted(kind, name)
    assert sae.components_.shape == (10, 6)
    np.testing.assert_allclose(np.linalg.norm(sae.components_, axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(sae.mixing_, sae.components_.T)
    S = sae.transform(X)
    assert S.shape == (len(X), 10)
    assert (S >= 0).all() == SAES[name].one_sided
    expected = S @ sae.components_ + sae.offset_
    np.testing.assert_allclose(sae.inverse_transform(S), expected, atol=1e-12)
    np.testing.assert_allclose(sae.inverse_transform(0 * S[:1])[0], sae.offset_)
    assert sae.n_features_in_ == 6
    assert sae.n_iter_ == 90 == len(sae.history_["loss"]) == len(sae.history_["stage"])
    assert sae.get_feature_names_out().shape == (10,)
    copied = pickle.loads(pickle.dumps(sae))
    np.testing.assert_array_equal(copied.transform(X), S)


@pytest.mark.parametrize("kind", KINDS)
def test_single_precision_and_tensors(X, kind):
    sae = kind(autoencoder("topk", n_steps=20)).fit(torch.tensor(X, dtype=torch.float32))
    x = torch.tensor(X[:5], dtype=torch.float32)
    codes = sae.transform(x)
    assert isinstance(codes, torch.Tensor)
    assert codes.dtype == torch.float32
    assert sae.inverse_transform(codes).dtype == torch.float32
    numbers = sae.transform(X[:5].astype(np.float32))
    assert numbers.dtype == np.float32
    np.testing.assert_array_equal(numbers, codes.numpy())


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_answer_and_clones_are_unfitted(X, kind):
    first = kind(autoencoder("batchtopk", n_steps=30)).fit(X)
    again = clone(first)
    assert not hasattr(again, "components_")
    assert not hasattr(again.estimator, "components_")
    np.testing.assert_array_equal(again.fit(X).components_, first.components_)
    other = clone(first).set_params(estimator__random_state=1).fit(X)
    assert np.abs(other.components_ - first.components_).max() > 1e-3
    assert not hasattr(first.estimator, "components_")


@pytest.mark.parametrize(
    ("kind", "parameters", "stages", "widths", "active", "steps"),
    [
        (FrozenStages, {}, 2, [5, 10], [2, 3], [45, 45]),
        (ResidualStages, {}, 2, [5, 5], [2, 1], [45, 45]),
        (FrozenStages, {"n_active": 2.5}, [4, 6], [4, 10], [1, 2.5], [36, 54]),
        (ResidualStages, {"n_active": 2.5}, (4, 6), [4, 6], [1, 1.5], [36, 54]),
        (ResidualStages, {"n_active": 1}, 3, [3, 4, 3], [1, 1, 1], [27, 36, 27]),
        (FrozenStages, {"n_components": None}, 3, [4, 8, 12], [1, 2, 3], [30, 30, 30]),
        (FrozenStages, {"n_components": None}, [2, 3], [2, 5], [1, 3], [36, 54]),
    ],
)
def test_means_are_divided(X, kind, parameters, stages, widths, active, steps):
    sae = kind(autoencoder("batchtopk", **parameters), stages).fit(X)
    assert [stage.n_components_ for stage in sae.estimators_] == widths
    assert [stage.n_active_ for stage in sae.estimators_] == pytest.approx(active)
    assert [stage.n_iter_ for stage in sae.estimators_] == steps


def test_a_fixed_coefficient_stays_and_leaves_the_number_of_codes_free(X):
    sae = FrozenStages(
        autoencoder("relu", n_active=None, sparsity_coefficient=0.2, n_steps=20)
    ).fit(X)
    assert [(stage.sparsity_coefficient, stage.n_active) for stage in sae.estimators_] == [
        (0.2, None)
    ] * 2


def test_orthogonality_spares_pairs_of_frozen_directions(X):
    penalty = get_orthogonality("neighbours", 0.1)
    estimator = autoencoder("topk", orthogonality=penalty, n_steps=20)
    sae = FrozenStages(estimator, [3, 3, 4]).fit(X)
    assert [stage.orthogonality.n_frozen for stage in sae.estimators_] == [0, 3, 6]
    assert penalty.n_frozen == 0
    assert penalty.pairs._lists.numel() == 0


def test_orthogonality_drives_new_directions_away_from_frozen_ones(X):
    def overlap(weight):
        penalty = get_orthogonality("hinge", weight)
        estimator = autoencoder("topk", n_components=6, orthogonality=penalty, n_steps=200)
        D = FrozenStages(estimator, [3, 3]).fit(X).components_
        return np.abs(D[3:] @ D[:3].T).max()

    assert overlap(30.0) < min(0.5, 0.8 * overlap(0.0))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("estimator", "stages", "message"),
    [
        (autoencoder("topk"), 0, "`stages` must be an integer >= 1"),
        (autoencoder("topk"), 11, "`stages` must be at most n_components=10, got 11"),
        (autoencoder("topk"), [5, 6], "`stages` must sum to the estimator's n_components=10"),
        (autoencoder("topk", n_components=None), [], "`stages` must sum to"),
        (autoencoder("topk"), [0, 10], r"`stages\[0\]` must be an integer >= 1"),
        (autoencoder("topk"), "2", "`stages` must be an integer >= 1"),
        (autoencoder("topk", n_steps=0), 2, "`n_steps` must be an integer >= 1"),
        (autoencoder("topk", n_active=11), 2, "`n_active` must be at most n_components=10"),
        (np.mean, 2, "`estimator` must be a sparse autoencoder"),
    ],
)
def test_bad_parameters_are_refused_before_any_training(X, kind, estimator, stages, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        kind(estimator, stages).fit(X)


@pytest.mark.parametrize("kind", KINDS)
def test_bad_codes_are_refused(X, kind, fitted):
    sae = fitted(kind, "topk")
    with pytest.raises(ValueError, match=r"`X` must have shape \(n_samples, n_components=10\)"):
        sae.inverse_transform(np.ones((2, 6)))
    with pytest.raises(ValueError, match="features"):
        sae.transform(np.ones((2, 5)))


def test_base_is_abstract():
    with pytest.raises(TypeError, match="abstract"):
        Stages(autoencoder("topk"))


@parametrize_with_checks(
    [kind(TopKSAE(4, n_active=2, n_steps=5, random_state=0)) for kind in KINDS]
)
def test_scikit_learn_compatibility(estimator, check):
    check(estimator)
