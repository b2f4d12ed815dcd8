"""Exact evidence in the plane: its value, its gradient, and what maximises it."""

import numpy as np
import pytest

from benchmarks.evidence import MIXINGS, draw, exact_log_evidence
from overica.datasets import make_mixture
from overica.learning.planar_evidence import PlanarEvidence, applies, grid_size
from overica.metrics import share_recovered
from overica.priors import Exponential, Laplace, SoftUniform, get_prior


def planar(X, prior, seed=1):
    return PlanarEvidence(X, get_prior(prior), np.random.default_rng(seed))


@pytest.mark.parametrize("prior", ["laplace", "exponential"])
@pytest.mark.parametrize("presence", [1.0, 0.4])
def test_value_against_quadrature(prior, presence):
    # The model's noise is that given and one squared grid step, which the samples get added too.
    A, sigma = MIXINGS["2x3"], 0.5
    X = draw(A, prior, sigma, presence, 20_000)
    evidence = planar(X, prior)
    noisier = X + evidence._step * np.random.default_rng(2).standard_normal(X.shape)
    exact = exact_log_evidence(A, noisier[:4000], prior, np.hypot(sigma, evidence._step), presence)
    # Two draws of a small noise, and a fifth of the samples: a hundredth of a nat is chance.
    near = planar(X[:4000], prior)
    got = near(A, presence, sigma**2 + evidence._step**2 - near._step**2)
    assert got == pytest.approx(exact.mean(), abs=0.015)


def test_value_of_an_isotropic_gaussian():
    # All sources absent: what is left is the noise.
    X = np.random.default_rng(0).standard_normal((20_000, 2))
    evidence = planar(X, "laplace")
    got = evidence(np.eye(2), 0.0, 1.0)
    variance = 1 + evidence._step**2
    expected = -np.log(2 * np.pi * variance) - (X**2).sum(axis=1).mean() / (2 * variance)
    assert got == pytest.approx(expected, abs=0.01)


# No sample may be so far from the model that the floor of the density stands in for it.
@pytest.mark.parametrize(
    ("prior", "n", "noise_variance"),
    [(Laplace(), 3, 0.05), (Exponential(), 3, 0.05), (SoftUniform(), 3, 4.0), (Laplace(), 1, 4.0)],
)
def test_gradient_against_finite_differences(prior, n, noise_variance):
    law = "exponential" if prior.nonnegative else "laplace"
    X = draw(MIXINGS["2x3"], law, 0.2, 0.5, 2000)
    evidence = PlanarEvidence(X, prior, np.random.default_rng(1))
    start = np.append(MIXINGS["2x3"][:, :n].ravel() + 0.1, [0.4, noise_variance])

    def parts(p):
        return p[:-2].reshape(2, n), p[-2], p[-1]

    value, by_A, by_presence, by_noise = evidence.gradient(*parts(start))
    assert value == pytest.approx(evidence(*parts(start)), rel=1e-12)
    for i, slope in enumerate([*by_A.ravel(), by_presence, by_noise]):
        step = np.zeros(start.size)
        step[i] = 1e-6
        rise = evidence(*parts(start + step)) - evidence(*parts(start - step))
        assert slope == pytest.approx(rise / 2e-6, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize(
    ("n", "sources"),
    [(3, "laplace"), (3, "bernoulli_laplace"), (3, "exponential"), (4, "bernoulli_laplace")],
)
def test_maximise_finds_the_truth_from_nearby(n, sources):
    data = make_mixture(5000, 2, n, sources, random_state=0)
    prior = "exponential" if data.nonnegative else "laplace"
    X = data.X if data.nonnegative else data.X - data.X.mean(axis=0)
    unit = np.sqrt((X**2).mean())
    rng = np.random.default_rng(1)
    start = data.mixing + 0.05 * rng.standard_normal(data.mixing.shape)
    found = planar(X / unit, prior).maximise(start / np.linalg.norm(start, axis=0))
    assert share_recovered(found.mixing, data.mixing, data.nonnegative) == 1
    assert found.presence == pytest.approx(0.3 if sources.startswith("b") else 1.0, abs=0.07)
    scales = np.linalg.norm(found.mixing, axis=0) * unit
    true_scale = np.abs(data.codes[data.codes != 0]).mean()
    np.testing.assert_allclose(scales, true_scale, rtol=0.15)


def test_maximise_learns_the_noise():
    A, sigma = MIXINGS["2x3"], 0.15
    X = draw(A, "laplace", sigma, 0.3, 20_000)
    unit = X.std()
    found = planar(X / unit, "laplace").maximise(A)
    assert share_recovered(found.mixing, A) == 1
    assert found.noise_variance * unit**2 == pytest.approx(sigma**2, rel=0.25)


def test_where_it_applies():
    rng = np.random.default_rng(0)
    X, laplace = rng.laplace(size=(1000, 2)), get_prior("laplace")
    assert applies(X, laplace)
    assert not applies(X[:100], laplace)
    assert not applies(rng.laplace(size=(1000, 3)), laplace)
    assert not applies(X[:, :1] * [1.0, 2.0], laplace)
    assert not applies(X, get_prior("smooth_laplace"))
    far = rng.laplace(size=(20_000, 2))
    far[0] = 1e9
    assert grid_size(far) is None
    assert not applies(far, laplace)
    with pytest.raises(ValueError, match="`X` has tails too heavy"):
        planar(far, "laplace")
