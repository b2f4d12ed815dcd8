"""The matching-pursuit autoencoder: its codes are those of the algorithm, and children are read after parents."""

import numpy as np
import pytest
import torch

from overica.metrics import chance_level, match_components
from overica.sae import MatchingPursuitSAE
from overica.sae.matching_pursuit import MatchingPursuitAutoencoder


def pursuit(x, D, k):
    """Matching pursuit with codes that are not negative, one sample, as the textbook has it."""
    residual, codes = x.copy(), np.zeros(len(D))
    for _ in range(k):
        best = int(np.argmax(D @ residual))
        value = max(D[best] @ residual, 0.0)
        codes[best] += value
        residual = residual - value * D[best]
    return codes, residual


@pytest.mark.parametrize("k", [1, 3, 8])
def test_codes_are_those_of_the_algorithm(k):
    rng = np.random.default_rng(0)
    made = MatchingPursuitAutoencoder(5, 9, rng, n_active=k).double()
    made.b_dec.data = torch.from_numpy(rng.standard_normal(5))
    X = rng.standard_normal((30, 5))
    D, b = made.W_dec.detach().numpy(), made.b_dec.detach().numpy()
    D = D / np.linalg.norm(D, axis=1, keepdims=True)
    made.W_dec.data = torch.from_numpy(D)
    expected = [pursuit(x - b, D, k) for x in X]
    losses = made.loss(torch.from_numpy(X))
    np.testing.assert_allclose(losses.codes.detach(), [codes for codes, _ in expected], atol=1e-12)
    error = np.mean([residual @ residual for _, residual in expected])
    assert losses.total.item() == pytest.approx(error)
    # The residual is what decoding leaves: the loss needs no decoder.
    left = X - made.decode(losses.codes).detach().numpy()
    np.testing.assert_allclose(left, [residual for _, residual in expected], atol=1e-12)


def test_every_step_lowers_the_error_and_none_adds_where_nothing_is_left():
    made = MatchingPursuitAutoencoder(4, 4, np.random.default_rng(0), n_active=9)
    made.W_dec.data = torch.eye(4)
    x = torch.tensor([[3.0, 2.0, -1.0, 0.0]])
    codes = made.activate(x)
    torch.testing.assert_close(codes, torch.tensor([[3.0, 2.0, 0.0, 0.0]]))


def hierarchy(n_samples, seed):
    """Two parents with three children each, of which one at most is there, and only with its parent. Levels are
    orthogonal; siblings are at a cosine of
    0.6, so that an encoder that reads all at once finds each in the others."""
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.standard_normal((8, 8)))[0]
    root = np.linalg.cholesky(np.full((3, 3), 0.6) + 0.4 * np.eye(3))
    D = np.vstack([axes[:2], root @ axes[2:5], root @ axes[5:]])
    parent = rng.integers(0, 2, n_samples)
    child = 2 + 3 * parent + rng.integers(0, 3, n_samples)
    S, rows = np.zeros((n_samples, 8)), np.arange(n_samples)
    S[rows, parent] = rng.uniform(1.5, 2.5, n_samples)
    S[rows, child] = rng.uniform(0.5, 1.5, n_samples) * (rng.random(n_samples) < 0.7)
    return S @ D, D


@pytest.mark.parametrize("seed", [1, 2])
def test_a_hierarchy_with_siblings_that_are_alike_is_found(seed):
    X, D = hierarchy(4000, 0)
    sae = MatchingPursuitSAE(
        12, n_active=2, n_steps=800, batch_size=256, learning_rate=0.03, random_state=seed
    ).fit(X)
    found = match_components(sae.mixing_, D.T, nonnegative=True).cosines.mean()
    chance = chance_level("mean_cosine", 8, 12, 8, True, 20, random_state=0)
    assert found > max(0.97, chance.mean + 5 * chance.std)


def test_arithmetic_is_that_of_the_pursuit():
    X = hierarchy(500, 1)[0]
    sae = MatchingPursuitSAE(8, n_active=3, n_steps=5, batch_size=100, random_state=0).fit(X)
    assert sae.flops(X) == 2 * 8 * 8 * 3 * 100 * 5
