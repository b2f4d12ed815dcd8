"""Steps of expectation and maximisation: evidence rises, the true model is found, batches add."""

from dataclasses import replace

import numpy as np
import pytest

from overica.presence import Forest, PresenceLearner, PresenceModel, PresenceSums
from tests.presence.cases import draw, random_model


def family(rng, n_samples, noise_variance=0.02):
    """A tree in 8 dimensions: children only with their parents."""
    A = rng.standard_normal((8, 7))
    A /= np.linalg.norm(A, axis=0)
    forest = Forest.conditional(
        [-1, 0, 0, -1, 3, 3, -1],
        [0, 0.5, 0.4, 0, 0.5, 0.4, 0],
        [0.3, 0.001, 0.001, 0.3, 0.001, 0.001, 0.2],
    )
    model = PresenceModel(A, np.full(7, 4.0), np.full(7, 0.3), noise_variance, forest, True)
    return model, draw(model, rng, n_samples)[2]


def moved(rng, model, cosine):
    N = rng.standard_normal(model.mixing.shape)
    N -= model.mixing * (model.mixing * N).sum(0)
    N /= np.linalg.norm(N, axis=0)
    return cosine * model.mixing + np.sqrt(1 - cosine**2) * N


def start_at(rng, model, cosine):
    n = model.n_components
    A = moved(rng, model, cosine)
    A /= np.linalg.norm(A, axis=0)
    return PresenceModel(
        A, np.full(n, 3.5), np.full(n, 1.0), 0.1, Forest.independent(np.full(n, 0.2)), True
    )


@pytest.mark.parametrize("damping", [0.5, 1.0])
def test_evidence_never_falls_on_one_batch(damping):
    """Without memory, from the last supports; smoothing is all that it may lose."""
    rng = np.random.default_rng(0)
    true, X = family(rng, 1500)
    learner = PresenceLearner(
        start_at(rng, true, 0.9),
        memory=0.0,
        damping=damping,
        slab_damping=1.0,
        learn_noise=True,
        floor=0.01,
    )
    posterior, values = None, []
    for _ in range(25):
        posterior = learner.step(X, start=posterior)
        values.append(posterior.log_evidence.mean())
    assert values[-1] > values[0] + 1
    assert min(np.diff(values)) > -2e-3


def test_a_tree_is_learned():
    """From columns at a cosine of 0.95: 24 of 28 columns, and every child beside its parent."""
    found = 0
    for seed in range(1, 5):
        rng = np.random.default_rng(seed)
        true, X = family(rng, 4000)
        learner = PresenceLearner(start_at(rng, true, 0.95), memory=0.9)
        for noise_variance in (0.1, 0.05, 0.02):
            for _ in range(12):
                learner.step(X[rng.integers(len(X), size=2000)], noise_variance=noise_variance)
        model = learner.model
        np.testing.assert_allclose(np.linalg.norm(model.mixing, axis=0), 1)
        found += ((model.mixing * true.mixing).sum(0) > 0.98).sum()
        edges = {frozenset((j, int(i))) for j, i in enumerate(model.forest.parents) if i >= 0}
        assert {frozenset(e) for e in ((0, 1), (0, 2), (3, 4), (3, 5))} <= edges
        held_out = draw(true, rng, 1000)[2]
        independent = PresenceLearner(model, forest=False)
        independent.step(X)
        without = independent.model.log_evidence(held_out).mean()
        assert model.log_evidence(held_out).mean() > without + 0.1
    assert found >= 24


def test_noise_is_learned():
    rng = np.random.default_rng(2)
    true, X = family(rng, 4000, noise_variance=0.05)
    learner = PresenceLearner(replace(true, noise_variance=0.3), memory=0.0, learn_noise=True)
    for _ in range(10):
        learner.step(X)
    assert learner.model.noise_variance == pytest.approx(0.05, rel=0.1)


def test_sums_of_batches_add():
    rng = np.random.default_rng(3)
    model = random_model(rng, 5, 9)
    X = 2.0 * rng.standard_normal((301, 5))

    def sums(part):
        return PresenceSums.of(part, model.infer(part, sums=True))

    whole, parts = sums(X), sums(X[:100]) + sums(X[100:])
    for name in ("n_samples", "together", "first", "second", "cross", "power"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-9, atol=1e-9)
    one, two = PresenceLearner(model), PresenceLearner(model)
    one.learn(whole)
    two.learn(parts)
    np.testing.assert_allclose(one.model.mixing, two.model.mixing, atol=1e-9)


def test_sums_are_remembered_in_place():
    rng = np.random.default_rng(8)
    model = random_model(rng, 5, 9)
    X = 2.0 * rng.standard_normal((120, 5))
    old, new = (PresenceSums.of(part, model.infer(part, sums=True)) for part in (X[:50], X[50:]))
    expected = 0.5 * old.second + new.second, 0.5 * old.power + new.power
    array = old.second
    both = old.remembering(0.5, new)
    assert both.second is array
    np.testing.assert_allclose(both.second, expected[0])
    assert (both.power, both.n_samples) == (pytest.approx(expected[1]), 95.0)


def test_sums_are_dense_moments():
    rng = np.random.default_rng(4)
    model = random_model(rng, 5, 9)
    X = 2.0 * rng.standard_normal((60, 5))
    posterior = model.infer(X, sums=True)
    sums = PresenceSums.of(X, posterior)
    codes = posterior.codes()
    np.testing.assert_allclose(sums.cross, X.T @ codes, atol=1e-10)
    np.testing.assert_allclose(sums.first, codes.sum(0), atol=1e-10)
    variances = posterior.sparse(posterior.variances).toarray().sum(0)
    np.testing.assert_allclose(
        np.diag(sums.second), np.square(codes).sum(0) + variances, atol=1e-10
    )
    assert sums.power == pytest.approx(np.square(X).sum())


def test_rescaled_sums_belong_to_shorter_columns():
    """A s is the same with columns divided and codes multiplied: so is what the sums say of it."""
    rng = np.random.default_rng(5)
    model = random_model(rng, 5, 6)
    X = 2.0 * rng.standard_normal((200, 5))
    sums = PresenceSums.of(X, model.infer(X, sums=True))
    lengths = rng.uniform(0.5, 2, 6)
    other, A = sums.rescaled(lengths), model.mixing
    np.testing.assert_allclose((A / lengths * other.cross).sum(), (A * sums.cross).sum())
    np.testing.assert_allclose(
        np.vdot((A / lengths).T @ (A / lengths), other.second), np.vdot(A.T @ A, sums.second)
    )


def test_columns_that_are_never_there_stay():
    rng = np.random.default_rng(6)
    true, X = family(rng, 500)
    n = true.n_components
    A = np.zeros((9, n + 1))
    A[:8, :n], A[8, n] = true.mixing, 1.0
    X = np.hstack([X, 0.1 * rng.standard_normal((500, 1))])
    forest = Forest.independent(np.full(n + 1, 0.2))
    model = PresenceModel(A, np.full(n + 1, 4.0), np.full(n + 1, 0.3), 0.02, forest, True)
    learner = PresenceLearner(model)
    for _ in range(5):
        learner.step(X)
    np.testing.assert_allclose(learner.model.mixing[:, -1], A[:, -1], atol=1e-12)
    assert learner.model.slab_mean[-1] == pytest.approx(4.0)


def test_sums_must_have_been_asked_for():
    model = random_model(np.random.default_rng(7), 3, 4)
    X = np.zeros((2, 3))
    with pytest.raises(ValueError, match="sums=True"):
        PresenceSums.of(X, model.infer(X))
