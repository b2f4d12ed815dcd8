"""The prior of evenly spread sources: the laws, its limit, and the basis of a square."""

import numpy as np
import pytest
from scipy import integrate

from overica.learning import PlanarEvidence
from overica.metrics import mean_cosine
from overica.priors import Laplace, SoftUniform, check_prior


@pytest.mark.parametrize("softness", [0.1, 0.5])
def test_laws(softness):
    check_prior(SoftUniform(softness=softness))


def test_tends_to_the_uniform_density():
    prior = SoftUniform(2.0, softness=1e-3)
    np.testing.assert_allclose(prior.log_density(np.array([0.0, -1.9])), np.log(1 / 4), atol=1e-3)
    assert prior.cost(np.array([2.1]))[0] > 40


def test_saturated_slopes_are_within_their_bounds():
    prior = SoftUniform(0.0546875)
    S = np.array([5.0])
    assert prior.fenchel_young(S, -prior.score(S))[0] <= 1e-9


@pytest.mark.parametrize("t", [0.0, 1e-4, 0.7, 6.0, -20.0])
def test_characteristic_function(t):
    prior = SoftUniform(1.5, softness=0.2)
    wanted, _ = integrate.quad(
        lambda s: np.cos(t * s) * np.exp(prior.log_density(np.array([s]))[0]), -12, 12, limit=400
    )
    assert prior.characteristic_function(np.array([t]))[0] == pytest.approx(wanted, abs=1e-8)


def test_evidence_of_given_directions():
    """On a square, Laplace sources of mean size t have -2 (log(2 t) + 1) nats a sample."""
    rng = np.random.default_rng(1)
    X = rng.uniform(-1, 1, (20_000, 2))
    evidence = PlanarEvidence(X, Laplace(), rng)
    diagonals = np.array([[1.0, 1.0], [-1.0, 1.0]])
    for directions, size in ((np.eye(2), 0.5), (diagonals, np.sqrt(2) / 3)):
        found = evidence.maximise(directions, turn=False, noisy=False)
        assert found.log_evidence == pytest.approx(-2 * (np.log(2 * size) + 1), abs=0.03)
        np.testing.assert_allclose(mean_cosine(found.mixing, directions), 1)


@pytest.mark.slow
def test_square():
    """Where a sparse prior prefers the diagonals, this one finds the edges."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (3000, 2))
    turned = np.array([[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]])
    found = [PlanarEvidence(X, prior, rng).maximise(turned) for prior in (Laplace(), SoftUniform())]
    assert mean_cosine(found[0].mixing, np.eye(2)) < 0.75
    assert mean_cosine(found[1].mixing, np.eye(2)) > 0.999
    assert found[1].log_evidence > found[0].log_evidence + 0.15
