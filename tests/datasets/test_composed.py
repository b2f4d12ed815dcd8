"""The law of composed features, and the toy model that stores them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overica.datasets import ComposedFeatures, ToyModel, make_composed, make_toy_model

N = 40_000
shares = st.floats(0, 1)


def sample(**law):
    law = ComposedFeatures(**law)
    F = law.sample(np.random.default_rng(0), N)
    return F.reshape(N, law.n_sets, law.set_size)


@given(st.integers(1, 4), st.integers(1, 4), shares, shares, shares)
def test_at_most_one_of_each_set(n_sets, set_size, correlation, amplitude, one_hot):
    law = ComposedFeatures(n_sets, set_size, correlation, amplitude, one_hot)
    F = law.sample(np.random.default_rng(0), 60).reshape(60, n_sets, set_size)
    present = (F > 0).sum(axis=2)
    assert present.max() <= 1
    assert set(present.sum(axis=1)) <= {1, n_sets}
    assert F.min() >= 0
    assert F.max() <= 1


def test_uniform_table():
    present = (sample() > 0).astype(float)
    joint = np.einsum("ni,nj->ij", present[:, 0], present[:, 1]) / N
    np.testing.assert_allclose(joint, 0.25, atol=0.012)


@pytest.mark.parametrize("c", [0.3, 1.0])
def test_correlation_of_places(c):
    present = (sample(set_size=3, correlation=c) > 0).astype(float)
    joint = np.einsum("ni,nj->ij", present[:, 0], present[:, 1]) / N
    np.testing.assert_allclose(joint, c * np.eye(3) / 3 + (1 - c) / 9, atol=0.012)
    same_place = np.corrcoef(present[:, 0, 1], present[:, 1, 1])[0, 1]
    assert same_place == pytest.approx(c, abs=0.025)


def test_zipf_frequencies():
    law = ComposedFeatures(n_sets=2, set_size=4, zipf=1.0)
    present = sample(set_size=4, zipf=1.0) > 0
    np.testing.assert_allclose(law.frequencies, np.array([12, 6, 4, 3]) / 25)
    np.testing.assert_allclose(present.mean(axis=0), [law.frequencies] * 2, atol=0.01)


@pytest.mark.parametrize("zipf", [0.0, 1.0])
@pytest.mark.parametrize("c", [0.4, 1.0])
def test_one_correlated_pair(c, zipf):
    """Only the first features of two sets: their indicators correlate, no frequency changes."""
    law = ComposedFeatures(n_sets=3, set_size=3, zipf=zipf, pair_correlation=c)
    present = (law.sample(np.random.default_rng(0), N).reshape(N, 3, 3) > 0).astype(float)
    np.testing.assert_allclose(present.mean(axis=0), [law.frequencies] * 3, atol=0.012)
    first, second, third = present.transpose(1, 2, 0)
    assert np.corrcoef(first[0], second[0])[0, 1] == pytest.approx(c, abs=0.02)
    assert np.corrcoef(first[0], third[0])[0, 1] == pytest.approx(0, abs=0.02)
    # Given that neither is its set's first, the two are independent.
    rest = (first[0] == 0) & (second[0] == 0)
    assert np.corrcoef(first[1, rest], second[1, rest])[0, 1] == pytest.approx(0, abs=0.02)


def test_a_pair_needs_two_sets():
    with pytest.raises(ValueError, match="n_sets of at least 2"):
        ComposedFeatures(n_sets=1, pair_correlation=0.5)


@pytest.mark.parametrize("rho", [0.0, 0.5, 1.0])
def test_amplitudes_are_uniform_with_the_stated_correlation(rho):
    amplitudes = sample(n_sets=3, amplitude_correlation=rho).max(axis=2)
    assert np.corrcoef(amplitudes.T)[0, 1] == pytest.approx(rho, abs=0.013)
    np.testing.assert_allclose(amplitudes.mean(axis=0), 0.5, atol=0.01)
    np.testing.assert_allclose(
        np.quantile(amplitudes, [0.1, 0.7], axis=0).T, [[0.1, 0.7]] * 3, atol=0.015
    )
    if rho == 1:
        np.testing.assert_array_equal(amplitudes[:, 0], amplitudes[:, 2])


@pytest.mark.parametrize("share", [0.0, 0.75, 1.0])
def test_one_hot_share(share):
    present = sample(one_hot=share).max(axis=2) > 0
    assert (present.sum(axis=1) == 1).mean() == pytest.approx(share, abs=0.012)
    singles = present[present.sum(axis=1) == 1]
    if share:
        np.testing.assert_allclose(singles.mean(axis=0), 0.5, atol=0.015)


@pytest.fixture(scope="module")
def trained():
    return make_toy_model(ComposedFeatures().sample, 2, random_state=0)


def test_training_stores_sets_as_opposite_pairs(trained):
    assert trained.losses[-100:].mean() < 0.01 * trained.losses[:100].mean()
    U = trained.weights / np.linalg.norm(trained.weights, axis=0)
    cosines = U.T @ U
    assert cosines[0, 1] < -0.99
    assert cosines[2, 3] < -0.99
    assert np.abs(cosines[:2, 2:]).max() < 0.05
    F = ComposedFeatures().sample(np.random.default_rng(1), 1000)
    assert ((trained.reconstruct(F) - F) ** 2).mean() < 1e-3


def test_training_is_decided_by_its_seed():
    law = ComposedFeatures().sample
    one, two, other = (
        make_toy_model(law, 2, n_steps=20, n_starts=2, random_state=s) for s in (0, 0, 1)
    )
    np.testing.assert_array_equal(one.weights, two.weights)
    assert not np.array_equal(one.weights, other.weights)


def test_training_follows_the_gradient_of_its_loss():
    """A single step of AdamW moves every weight by the rate against its gradient's sign."""
    F = ComposedFeatures().sample(np.random.default_rng(0), 64)
    settings = {"n_hidden": 2, "batch_size": 64, "n_starts": 1, "weight_decay": 0.0}

    def draw(rng, n):
        return np.resize(F, (n, 4))

    W0 = make_toy_model(draw, **settings, n_steps=1, learning_rate=1e-12, random_state=0).weights
    W1 = make_toy_model(draw, **settings, n_steps=1, learning_rate=1e-3, random_state=0).weights

    def loss(W):
        return ((ToyModel(W, np.zeros(4)).reconstruct(F) - F) ** 2).mean()

    for index in np.ndindex(W0.shape):
        step = np.zeros_like(W0)
        step[index] = 1e-5
        slope = (loss(W0 + step) - loss(W0 - step)) / 2e-5
        if abs(slope) > 1e-4:
            assert (W1 - W0)[index] == pytest.approx(-1e-3 * np.sign(slope), rel=1e-2)


def test_hidden_activations_are_the_samples(trained):
    data = make_composed(500, model=trained, random_state=0)
    np.testing.assert_allclose(data.X, trained.hidden(data.features), atol=1e-12)
    np.testing.assert_allclose(data.codes @ data.mixing.T, data.X, atol=1e-12)
    noisy = make_composed(5000, model=trained, noise=0.1, random_state=0)
    residual = noisy.X - trained.hidden(noisy.features)
    assert residual.std() == pytest.approx(np.sqrt(noisy.noise_variance), rel=0.03)
    assert residual.std() == pytest.approx(0.1 * trained.hidden(noisy.features).std(), rel=0.03)


def test_antipodal_storage():
    model = ToyModel.antipodal(3, angle=0.4)
    expected = np.kron(np.eye(3), [[1, -1], [-1, 1]])
    np.testing.assert_allclose(model.weights.T @ model.weights, expected, atol=1e-12)
    F = ComposedFeatures(n_sets=3).sample(np.random.default_rng(0), 100)
    np.testing.assert_allclose(model.reconstruct(F), F, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_sets": 0}, "`n_sets` must be an integer >= 1, got 0"),
        ({"one_hot": 1.5}, r"`one_hot` must be in \[0, 1\], got 1.5"),
        ({"amplitude_correlation": -0.5}, "`amplitude_correlation` must be a finite number >= 0"),
        ({"set_size": 3}, r"`model` must have weights of shape \(n_features=2, 6\), got \(2, 4\)"),
        ({"n_features": 3}, r"`model` must have weights of shape \(n_features=3, 4\)"),
        ({"model": ToyModel(np.diag([1.0, 0, 0, 0])[:2], np.zeros(4))}, "does not store all"),
    ],
)
def test_bad_composed(change, message):
    with pytest.raises(ValueError, match=message):
        make_composed(**({"n_samples": 10, "model": ToyModel.antipodal(2)} | change))


def test_bad_training():
    with pytest.raises(ValueError, match="`learning_rate` must be a finite number > 0"):
        make_toy_model(ComposedFeatures().sample, learning_rate=0.0)
